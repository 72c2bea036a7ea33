//! Configuration from every source, and every kind of error in it.

mod accounts;
mod custom_fields;
mod defaults;

use super::*;
use crate::sns::model::AdminForbidType;
use std::io::Write;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .suffix(".toml")
        .tempfile()
        .expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}

fn load_file(file: &tempfile::NamedTempFile) -> Result<Config, ConfigError> {
    Config::load(&Sources {
        file: Some(file.path().to_owned()),
        ..Sources::default()
    })
}

fn load(text: &str) -> Result<Config, ConfigError> {
    load_file(&file(text))
}

fn errors(text: &str) -> Vec<String> {
    let file = file(text);
    let error = load_file(&file).expect_err(text);
    let name = format!("{}:", file.path().display());
    let errors = error.errors.iter();
    errors.map(|error| error.replace(&name, "line ")).collect()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).expect("legal")
}

/// The first app.
fn app(config: &Config) -> &AppConfig {
    config.apps.values().next().expect("an app")
}

fn with_env(name: &str, value: &str) -> Result<Config, ConfigError> {
    Config::load(&Sources {
        env: vec![(name.into(), value.into())],
        ..Sources::default()
    })
}

#[test]
fn the_built_in_defaults_are_the_products() {
    let config = Config::load(&Sources::default()).expect("the defaults are good");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.sns.max_friends, config.sns.max_items), (3000, 1000));
    assert_eq!((config.sns.max_pending, config.sns.max_groups), (100, 32));
    assert_eq!(config.max_body_bytes, 3 << 20);
    let (sdkappid, app) = config.apps.first_key_value().expect("an app");
    let accounts: Vec<_> = app.accounts.keys().map(UserId::to_string).collect();
    assert_eq!((config.apps.len(), sdkappid.get()), (1, 88_888_888));
    assert_eq!(
        app.admins.iter().map(UserId::to_string).collect::<Vec<_>>(),
        ["administrator", "admin"]
    );
    assert_eq!(accounts, ["id", "id1", "id2", "id3"]);
    assert_eq!(app.calls_per_second, None);
}

#[test]
fn a_file_needs_only_the_keys_that_differ() {
    let config = load("[sns]\nmax_friends = 7\n").expect("good");
    assert_eq!((config.sns.max_friends, config.sns.max_groups), (7, 32));
    assert!(
        config
            .apps
            .contains_key(&SdkAppId::parse("88888888").expect("legal"))
    );
}

#[test]
fn a_files_apps_replace_the_built_in_one() {
    let config = load(
        r#"
        [apps.1400000001]
        secret_key = "k"
        admins = ["root"]
        default_allow_type = "AllowType_Type_NeedConfirm"
        calls_per_second = 0
        [apps.1400000001.accounts]
        a = {}
        b = { allow_type = "AllowType_Type_DenyAny", admin_forbid_type = "AdminForbid_Type_SendOut", blocklist = ["a"] }
        "#,
    )
    .expect("good");
    let app = app(&config);
    let (seeds, invalid) = app.seeds("", UnixTime(7));
    assert_eq!((seeds.len(), invalid), (3, Vec::new()));
    let [a, b] = ["a", "b"].map(|name| seeds.get(user(name)).expect("it is configured"));
    assert_eq!((config.apps.len(), app.calls_per_second), (1, Some(0)));
    assert_eq!(
        (a.profile.allow_type, b.profile.allow_type),
        (AllowType::NeedConfirm, AllowType::DenyAny)
    );
    assert_eq!(b.profile.admin_forbid_type, AdminForbidType::SendOut);
    let blocked = [(user("a"), UnixTime(7))];
    assert!(
        b.blocklist
            .iter()
            .map(|entry| (entry.to, entry.add_time))
            .eq(blocked)
    );
}

#[test]
fn all_errors_are_named_at_once_each_with_its_line() {
    let found = errors(
        r#"listen = 8080
strict_query = "yes"
max_body_byte = 1
[log]
format = "xml"
level = "loud"
[sns]
max_friends = 0
max_items = -1
max_groups = 1.5
unknown_accounts = "make"
[apps.0]
secret_key = "k"
[apps.7]
secret_key = ""
admins = []
[apps.7.accounts]
"né" = {}
x = { allow_type = "AllowAny", blocklist = "y" }
"#,
    );
    let expected = [
        r#"line 1: listen should be a string; give "8080", in quotes"#,
        r#"line 2: strict_query should be true or false"#,
        r#"line 3: max_body_byte is unknown; did you mean max_body_bytes?"#,
        r#"line 5: log.format should be one of "text", "json""#,
        r#"line 6: log.level should be one of "off", "error", "warn", "info", "debug""#,
        r#"line 8: sns.max_friends should be an integer from 1 to 1000000"#,
        r#"line 9: sns.max_items should be an integer from 1 to 100000"#,
        r#"line 10: sns.max_groups should be an integer from 0 to 10000"#,
        r#"line 11: sns.unknown_accounts should be one of "refuse", "create""#,
        r#"line 12: apps.0 should be an SDKAppID, a number in 1..4294967295"#,
        r#"line 15: apps.7.secret_key should not be empty"#,
        r#"line 16: apps.7.admins should not be empty"#,
        r#"line 18: apps.7.accounts.né should be a UserID, 1 to 32 bytes of printable ASCII"#,
        r#"line 19: apps.7.accounts.x.allow_type should be one of "AllowType_Type_AllowAny", "AllowType_Type_NeedConfirm", "AllowType_Type_DenyAny""#,
        r#"line 19: apps.7.accounts.x.blocklist should be a list"#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_missing_or_in_the_wrong_shape_is_named() {
    assert_eq!(errors("sns = 3\n"), ["line 1: sns should be an object"]);
    assert_eq!(errors("[listen]\n"), ["line 1: listen should be a string"]);
    assert_eq!(
        errors("[apps.7]\n"),
        ["line 1: apps.7.secret_key is missing"]
    );
    assert_eq!(errors("[apps]\n"), ["line 1: apps should not be empty"]);
}

#[test]
fn broken_toml_is_named_with_its_line() {
    let found = errors("listen = \"127.0.0.1:1\"\n= 3\n[sns\n");
    assert!(
        found.iter().any(|error| error.starts_with("line 2: ")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|error| error.starts_with("line 3: ")),
        "{found:?}"
    );
}

#[test]
fn a_wrong_variable_is_named() {
    let cases = [
        (
            "EMULATOR__LISTEN",
            "x",
            "listen should be an address such as \"127.0.0.1:8080\"",
        ),
        (
            "EMULATOR__SNS__MAX_FREINDS",
            "3",
            "sns.max_freinds is unknown; did you mean max_friends?",
        ),
        ("EMULATOR__LISTEN__PORT", "3", "listen should be a string"),
        (
            "EMULATOR__STRICT_QUERY",
            "1",
            "strict_query should be true or false",
        ),
        (
            "EMULATOR__NON_ADMIN_CODE",
            "60011",
            "non_admin_code should be one of \"service\", 60010",
        ),
    ];
    for (name, value, message) in cases {
        let error = with_env(name, value).expect_err(name);
        assert_eq!(
            error.to_string(),
            format!("environment variable {name}: {message}")
        );
    }
}

/// Otherwise one app could be configured twice.
#[test]
fn an_sdkappid_has_no_leading_zero() {
    let app = "secret_key = \"k\"\nadmins = [\"a\"]\n";
    let found = errors(&format!("[apps.08]\n{app}[apps.8]\n{app}"));
    assert_eq!(
        found,
        ["line 1: apps.08 should be an SDKAppID, a number in 1..4294967295"]
    );
}

#[test]
fn a_user_id_in_a_variables_name_is_kept_as_it_is_written() {
    let config = with_env(
        "EMULATOR__APPS__88888888__ACCOUNTS__Bob__ALLOW_TYPE",
        "AllowType_Type_DenyAny",
    )
    .expect("good");
    let app = app(&config);
    let bob = app.accounts[&user("Bob")].as_ref().expect("it has a field");
    assert_eq!(bob.allow_type, Some(AllowType::DenyAny));
}

#[test]
fn the_admin_code_is_a_word_or_a_number() {
    for (text, expected) in [
        ("\"service\"", NonAdminCode::Service),
        ("60010", NonAdminCode::Gateway),
    ] {
        assert_eq!(
            load(&format!("non_admin_code = {text}"))
                .expect(text)
                .non_admin_code,
            expected
        );
    }
    assert_eq!(
        with_env("EMULATOR__NON_ADMIN_CODE", "60010")
            .expect("good")
            .non_admin_code,
        NonAdminCode::Gateway
    );
}

/// The environment has only text; the schema decides its type.
#[test]
fn an_account_from_the_environment_may_have_a_list() {
    let name = "EMULATOR__APPS__88888888__ACCOUNTS__id__BLOCKLIST";
    let config = with_env(name, "id1, id2").expect("good");
    let app = app(&config);
    let id = app.accounts[&user("id")].as_ref().expect("it has a field");
    let [one, two] = ["id1", "id2"].map(|name| user(name).into());
    assert_eq!(id.blocklist, Some(vec![one, two]));
}

#[test]
fn an_apps_accounts_may_be_a_list() {
    let config = load(&format!("{APP}accounts = [\"a\", \"b\"]\n")).expect("good");
    let app = app(&config);
    assert_eq!(app.accounts.len(), 2);
}

#[test]
fn debug_shows_no_key() {
    let config = Config::load(&Sources::default()).expect("the defaults are good");
    assert!(!format!("{config:?}").contains("5bd2850f"));
}

const APP: &str = "[apps.1]\nsecret_key = \"k\"\nadmins = [\"admin\"]\n";

#[test]
fn an_address_may_be_localhost_or_a_port_alone() {
    for (listen, address) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("localhost:8081", "127.0.0.1:8081"),
        ("localhost:0", "127.0.0.1:0"),
        ("18099", "127.0.0.1:18099"),
        ("0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
        ("0.0.0.0:1", "0.0.0.0:1"),
    ] {
        let config = with_env("EMULATOR__LISTEN", listen).expect(listen);
        assert_eq!(config.listen.to_string(), address, "{listen}");
    }
    for wrong in [
        "",
        "localhost",
        "localhost:",
        "localhost:65536",
        "65536",
        "-1",
        "127.0.0.1",
        "::1:0",
        "example.com:80",
        "localhost:localhost:1",
    ] {
        let error = with_env("EMULATOR__LISTEN", wrong).expect_err(wrong);
        let [error] = &error.errors[..] else {
            panic!("{error:?}")
        };
        assert!(
            error.contains("EMULATOR__LISTEN: listen should be an address"),
            "{error}"
        );
    }
}

#[test]
fn a_control_token_is_one_that_a_header_can_carry() {
    for token in [
        "x",
        "none",
        "a-token_with~all!kinds/of+signs=",
        &"x".repeat(1024),
    ] {
        assert!(
            with_env("EMULATOR__CONTROL__TOKEN", token).is_ok(),
            "{token}"
        );
    }
    for wrong in [
        "",
        "two words",
        " x",
        "x\n",
        "é",
        "\u{7f}",
        &"x".repeat(1025),
    ] {
        let error = with_env("EMULATOR__CONTROL__TOKEN", wrong).expect_err(wrong);
        let error = error.to_string();
        assert!(error.contains("control.token should"), "{wrong:?}: {error}");
        assert!(
            !error.contains("two words"),
            "a token is not shown: {error}"
        );
    }
}

/// A file's value that a variable replaces, and a variable's value that a flag replaces.
#[test]
fn a_wrong_value_is_an_error_even_if_a_later_source_replaces_it() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    let load = |file: &str, env: &[(&str, &str)], flag: Option<&str>| {
        std::fs::write(&path, file).expect("a file");
        Config::load(&Sources {
            file: Some(path.clone()),
            env: env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            flags: Vec::from_iter(flag.map(|flag| ("--listen", "listen", flag.to_owned()))),
            ..Sources::default()
        })
    };
    let listen = ("EMULATOR__LISTEN", "127.0.0.1:1");
    let cases = [
        ("listen = \"x\"", &[listen][..], None, vec![":1: listen"]),
        ("listen = 5", &[], Some("127.0.0.1:1"), vec![":1: listen"]),
        (
            "",
            &[("EMULATOR__LISTEN", "x")],
            Some("127.0.0.1:1"),
            vec!["EMULATOR__LISTEN: listen"],
        ),
        (
            "listen = 5\n[sns]\nmax_items = 0",
            &[("EMULATOR__LISTEN", "x"), ("EMULATOR__SNS__MAX_ITEMS", "1")],
            Some("127.0.0.1:1"),
            vec![
                ":1: listen",
                "EMULATOR__LISTEN: listen",
                ":3: sns.max_items",
            ],
        ),
        // Good values, and a table that only the variable completes.
        (
            "listen = \"127.0.0.1:2\"",
            &[listen],
            Some("127.0.0.1:1"),
            vec![],
        ),
        (
            "[apps.7]\nadmins = [\"a\"]\nsecret_key = \"k\"",
            &[("EMULATOR__APPS__7__SECRET_KEY", "l")],
            None,
            vec![],
        ),
        (
            "[apps.7]\nadmins = [\"a\"]",
            &[("EMULATOR__APPS__7__SECRET_KEY", "l")],
            None,
            vec![],
        ),
    ];
    for (file, env, flag, expected) in cases {
        let errors = match load(file, env, flag) {
            Ok(_) => Vec::new(),
            Err(error) => error.errors,
        };
        assert_eq!(errors.len(), expected.len(), "{file} {env:?}: {errors:?}");
        for part in expected {
            assert!(
                errors.iter().any(|error| error.contains(part)),
                "{part}: {errors:?}"
            );
        }
    }
}
