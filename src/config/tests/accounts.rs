//! The accounts of an app in the configuration.

use super::*;

/// The same form as in `PUT accounts`. The names that a list has exist, too.
#[test]
fn an_account_in_a_file_has_all_fields_that_an_account_can_have() {
    let config = load(
        r#"
        [apps.1]
        secret_key = "k"
        custom_friend_fields = ["Test"]
        [apps.1.accounts.ann]
        allow_type = "AllowType_Type_NeedConfirm"
        profile = { Tag_Profile_IM_Nick = "Ann", Tag_Profile_IM_Level = 3 }
        groups = ["home"]
        blocklist = ["dan", { to = "eve", add_time = 9 }]
        sent = [{ with = "fay", add_wording = "hi", remark = "F" }]
        received = ["gil"]
        sequences = { standard = 88, custom = 0, groups = 0, blocklist = 0 }
        [[apps.1.accounts.ann.friends]]
        to = "bob"
        mutual = true
        remark = "B"
        groups = ["work"]
        custom = { Tag_SNS_Custom_Test = 7 }
        [[apps.1.accounts.ann.friends]]
        to = "cyd"
        "#,
    )
    .expect("good");

    let app = app(&config);
    let (seeds, invalid) = app.seeds("", UnixTime(7));

    assert_eq!(invalid, []);
    let names: Vec<_> = seeds
        .sorted()
        .into_iter()
        .map(|(user, _)| user.to_string())
        .collect();
    let named = [
        "administrator",
        "ann",
        "bob",
        "cyd",
        "dan",
        "eve",
        "fay",
        "gil",
    ];
    assert_eq!(names, named);
    let account = |name: &str| seeds.get(user(name)).expect("it is configured");
    let ann = AccountDocument::of(user("ann"), account("ann"), &seeds);
    let expected = serde_json::json!({
        "allow_type": "AllowType_Type_NeedConfirm",
        "admin_forbid_type": "AdminForbid_Type_None",
        "profile": {"Tag_Profile_IM_Nick": "Ann", "Tag_Profile_IM_Level": 3},
        "friends": [
            {"to": "bob", "mutual": true, "add_time": 7, "remark": "B", "groups": ["work"], "custom": {"Tag_SNS_Custom_Test": 7}},
            {"to": "cyd", "mutual": false, "add_time": 7},
        ],
        "groups": ["home", "work"],
        "blocklist": [{"to": "dan", "add_time": 7}, {"to": "eve", "add_time": 9}],
        "sent": [{"with": "fay", "add_time": 7, "add_wording": "hi", "remark": "F"}],
        "received": [{"with": "gil", "add_time": 7}],
        "sequences": {"standard": 88, "custom": 1, "groups": 1, "blocklist": 1},
        "request_minute": {"since": 0, "requests": 0},
    });
    assert_eq!(serde_json::to_value(ann).expect("it is JSON"), expected);
    let (bob, fay, gil) = (account("bob"), account("fay"), account("gil"));
    assert!(bob.friends.has(user("ann")) && fay.received.has(user("ann")));
    assert!(gil.sent.has(user("ann")));
    assert_eq!((bob.sequences.standard, fay.sequences.standard), (1, 0));
}

#[test]
fn all_errors_of_all_accounts_are_named_at_once_each_with_its_line() {
    let head = "[apps.7]\nsecret_key = \"k\"\n[apps.7.accounts]\n";
    let found = errors(&format!(
        "{head}{}",
        r#"ann = { frends = [] }
[apps.7.accounts.bob]
sent = [{ with = "ann", add_wording = 7 }]
[[apps.7.accounts.bob.friends]]
to = ""
[[apps.7.accounts.bob.friends]]
remark = "B"
"#
    ));
    let mut expected = [
        "line 4: apps.7.accounts.ann.frends is unknown; did you mean friends?",
        r#"line 6: apps.7.accounts.bob.sent.0.add_wording should be a string; give "7", in quotes"#,
        "line 9: apps.7.accounts.bob.friends.1.to is missing",
    ];
    for error in expected {
        assert!(
            found.iter().any(|found| found == error),
            "{error}: {found:#?}"
        );
    }
    assert!(
        found
            .iter()
            .any(|error| error.starts_with("line 8: apps.7.accounts.bob.friends.0.to "))
    );
    assert_eq!(found.len(), 4, "{found:#?}");

    // Values that are invalid only for the app or beside others.
    let mut found = errors(&format!(
        "{head}{}",
        r#"ann = { friends = ["bob", "ann"], blocklist = ["bob", "bob"] }
[apps.7.accounts.bob]
profile = { Tag_Profile_IM_Gender = "x" }
[[apps.7.accounts.bob.friends]]
to = "ann"
custom = { Tag_SNS_Custom_Test = 1 }
[apps.8]
secret_key = "k"
[apps.8.accounts]
cyd = { sent = ["cyd"] }
"#
    ));
    found.sort_unstable();
    expected = [
        "line 13: apps.8.accounts.cyd.sent.0 is the account itself",
        "line 4: apps.7.accounts.ann.blocklist.1 is listed twice",
        "line 4: apps.7.accounts.ann.friends.1 is the account itself",
    ];
    assert_eq!(found[..3], expected);
    let of_bob = "apps.7.accounts.bob.";
    assert!(found[3].starts_with(&format!("line 6: {of_bob}profile.Tag_Profile_IM_Gender ")));
    assert!(found[4].starts_with(&format!(
        "line 9: {of_bob}friends.0.custom.Tag_SNS_Custom_Test is not a custom field"
    )));
    assert_eq!(found.len(), 5, "{found:#?}");
}

/// A text can have few characters and many bytes, which a schema does not check.
#[test]
fn a_value_that_only_its_type_refuses_is_named_within_its_account() {
    let long = "\u{5b57}".repeat(33);
    let app = "[apps.7]\nsecret_key = \"k\"\n[apps.7.accounts]\n";
    let found = errors(&format!(
        "{app}a = {{}}\nb = {{ friends = [\"a\", {{ to = \"c\", remark = \"{long}\" }}] }}\n"
    ));
    assert_eq!(
        found,
        ["line 5: apps.7.accounts.b.friends.1.remark should have at most 96 bytes of UTF-8"]
    );
}

#[test]
fn an_app_without_admins_has_an_administrator() {
    let config = load("[apps.7]\nsecret_key = \"k\"\n").expect("good");
    let admins = app(&config).admins.iter().map(UserId::to_string);
    assert!(admins.eq(["administrator"]));
}

/// Only accounts with fields take memory of their own in the configuration and in the app.
#[test]
fn accounts_with_the_defaults_share_one_account() {
    let config = load(&format!("{APP}[apps.1.accounts]\na = {{}}\nb = {{}}\n")).expect("good");
    let app = app(&config);
    assert!(app.accounts.values().all(Option::is_none));
    let (seeds, _) = app.seeds("", UnixTime(0));
    let [a, b] = ["a", "b"].map(|name| seeds.get(user(name)).expect("it is configured"));
    assert!(SharedAccount::ptr_eq(a, b));
}

/// The commented keys of the account in the built-in file.
#[test]
fn the_account_that_the_built_in_file_documents_can_be_configured() {
    let (_, account) = read::DEFAULTS
        .split_once("\n# [apps.88888888.accounts.id4]\n")
        .expect("the file has it");
    let keys = account.lines().filter_map(|line| line.strip_prefix("# "));
    let keys = keys.filter(|line| {
        let (key, _) = line.split_once(" = ").unwrap_or_default();
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    let keys: Vec<_> = keys.collect();
    let text = format!("{APP}[apps.1.accounts.id4]\n{}\n", keys.join("\n"));

    let config = load(&text).expect("the file documents valid values");

    let id4 = app(&config).accounts[&user("id4")].as_ref();
    let id4 = serde_json::to_value(id4.expect("it has fields")).expect("it is JSON");
    let fields = id4.as_object().expect("an object").values();
    assert!(fields.clone().all(|value| !value.is_null()), "{id4}");
    assert_eq!(keys.len(), fields.len());
}
