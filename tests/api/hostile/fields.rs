//! Fields that differ from the page: every field with every wrong type, and unusual texts.

use super::Target;
use serde_json::{Value, json};

/// Values of every JSON type. They are written as texts, because some numbers fit no Rust type.
const VALUES: [(&str, &[&str]); 6] = [
    (
        "number",
        &[
            "0",
            "1",
            "2",
            "-1",
            "-0",
            "1.5",
            "1e-400",
            "9223372036854775808",
            "18446744073709551616",
            "123456789012345678901234567890123456789012345678901234567890",
        ],
    ),
    ("boolean", &["true", "false"]),
    ("null", &["null"]),
    ("object", &["{}", r#"{"To_Account":"id1"}"#]),
    ("array", &["[]", r#"["id1"]"#, "[[]]"]),
    ("string", &[r#""x""#, r#""""#]),
];

/// A request in which a field has this value.
fn request(field: &str, value: &str) -> String {
    let mut body = json!({
        "From_Account": "id",
        "AddFriendItem": [{
            "To_Account": "id1", "Remark": "r", "GroupName": "g",
            "AddSource": "AddSource_Type_Web", "AddWording": "w",
        }],
        "AddType": "Add_Type_Both",
        "ForceAddFlags": 0,
    });
    let mark = Value::from("the marked place");
    let place = match field {
        "item" => &mut body["AddFriendItem"][0],
        "From_Account" | "AddFriendItem" | "AddType" | "ForceAddFlags" => &mut body[field],
        of_item => &mut body["AddFriendItem"][0][of_item],
    };
    *place = mark.clone();
    body.to_string().replacen(&mark.to_string(), value, 1)
}

/// The valid codes for a field with a value of this type.
fn expected(field: &str, kind: &str, value: &str) -> &'static [u64] {
    match (field, kind, value) {
        ("From_Account", "string", "\"x\"") => &[30003],
        ("From_Account", "string", _) => &[30001],
        ("To_Account", "string", _) => &[0],
        ("From_Account" | "To_Account", ..) => &[60015],
        ("ForceAddFlags", "number", "0" | "1") => &[0],
        // A parser can read these as 0.
        ("ForceAddFlags", "number", "-0" | "1e-400") => &[0, 30001],
        ("ForceAddFlags", "string", "\"\"") | ("ForceAddFlags", "null", _) => &[0],
        ("AddType", "string", "\"x\"") => &[30001],
        ("AddFriendItem", ..) | ("item", ..) if value == r#"[{"To_Account":"id1"}]"# => &[0],
        ("item", "object", r#"{"To_Account":"id1"}"#) => &[0],
        ("AddType" | "Remark" | "GroupName" | "AddSource" | "AddWording", "string" | "null", _) => {
            &[0]
        }
        _ => &[30001],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_field_with_every_wrong_type_is_refused_by_its_name() {
    let target = Target::start().await;

    for field in [
        "From_Account",
        "AddFriendItem",
        "AddType",
        "ForceAddFlags",
        "item",
        "To_Account",
        "Remark",
        "GroupName",
        "AddSource",
        "AddWording",
    ] {
        for (kind, values) in VALUES {
            for value in values {
                let reply = target.body(request(field, value)).await;

                let code = reply.error_code();
                assert!(
                    expected(field, kind, value).contains(&code),
                    "{field} = {value}: {}",
                    reply.text
                );
                let name = if field == "item" {
                    "AddFriendItem"
                } else {
                    field
                };
                let why = target.app.why(&reply).await;
                assert!(
                    why.contains(name) || [0, 30003].contains(&code),
                    "{field} = {value}: {why}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_number_that_no_float_holds_is_no_json_wherever_it_stands() {
    let target = Target::start().await;

    for value in ["1e400", "-1e400"] {
        for field in [
            "From_Account",
            "To_Account",
            "AddFriendItem",
            "item",
            "AddType",
            "ForceAddFlags",
            "Remark",
        ] {
            let reply = target.body(request(field, value)).await;
            assert_eq!(
                reply.error_code(),
                60003,
                "{field} = {value}: {}",
                reply.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_missing_field_is_named_and_a_repeated_one_is_never_a_surprise() {
    let target = Target::start().await;

    for (body, code, name) in [
        (
            r#"{"AddFriendItem":[{"To_Account":"id1"}]}"#,
            30001,
            "From_Account",
        ),
        (r#"{"From_Account":"id"}"#, 30001, "AddFriendItem"),
        (
            r#"{"From_Account":"id","AddFriendItem":[{}]}"#,
            30001,
            "To_Account",
        ),
        (
            r#"{"From_Account":"id","From_Account":"id2","AddFriendItem":[{"To_Account":"id1"}]}"#,
            30001,
            "From_Account",
        ),
        (
            r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1","To_Account":"id2"}]}"#,
            30001,
            "To_Account",
        ),
        (
            r#"{"x":1,"x":2,"From_Account":"id","AddFriendItem":[{"To_Account":"id1","x":1,"x":[]}]}"#,
            0,
            "",
        ),
    ] {
        let reply = target.body(body).await;
        assert_eq!(reply.error_code(), code, "{body}: {}", reply.text);
        let why = target.app.why(&reply).await;
        assert!(why.contains(name), "{body}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_account_that_cannot_be_one_is_refused_by_item_or_as_unknown() {
    let target = Target::start().await;
    let too_long = "x".repeat(33);
    let a_megabyte = "x".repeat(1 << 20);

    for name in [
        "\0",
        "id1\0",
        "\0id1",
        "\u{1f642}",
        "用户",
        "\n",
        "\u{7f}",
        "\u{feff}id1",
        "é",
        &too_long,
        &a_megabyte,
    ] {
        let to = target
            .body(
                json!({"From_Account": "id", "AddFriendItem": [{"To_Account": name}]}).to_string(),
            )
            .await;
        let from = target
            .body(
                json!({"From_Account": name, "AddFriendItem": [{"To_Account": "id1"}]}).to_string(),
            )
            .await;

        assert_eq!(to.only().0, 30001, "{name:.40?}");
        assert_eq!(to.json["ResultItem"][0]["To_Account"], *name, "{name:.40?}");
        assert_eq!(from.error_code(), 30003, "{name:.40?}: {}", from.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn half_a_surrogate_pair_is_no_json() {
    let target = Target::start().await;

    for half in [
        r"\ud800",
        r"\udc00",
        r"\ud800\ud800",
        r"\ud83d!",
        r"\uD800\u0041",
    ] {
        for field in [
            "From_Account",
            "AddType",
            "To_Account",
            "Remark",
            "GroupName",
            "AddSource",
            "AddWording",
        ] {
            let reply = target.body(request(field, &format!("\"{half}\""))).await;
            assert_eq!(
                reply.error_code(),
                60003,
                "{field} = {half}: {}",
                reply.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_batch_has_1_to_1000_items() {
    let target = Target::start().await;
    let body = |items: usize| {
        let item = json!({"To_Account": "id1"});
        json!({"From_Account": "id", "AddFriendItem": vec![item; items]}).to_string()
    };

    for (items, code) in [
        (0, 30001),
        (1, 0),
        (1000, 0),
        (1001, 30001),
        (20_000, 30001),
    ] {
        let reply = target.body(body(items)).await;

        assert_eq!(reply.error_code(), code, "{items}");
        if code == 0 {
            assert_eq!(reply.codes().len(), items);
        } else {
            let why = target.app.why(&reply).await;
            assert!(why.contains("AddFriendItem"), "{why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_bad_item_among_a_thousand_refuses_the_whole_call_by_its_place() {
    let target = Target::start().await;

    for (bad, code) in [
        ("3", 30001),
        ("[]", 30001),
        ("null", 30001),
        ("\"id1\"", 30001),
        (r#"{"To_Account":3}"#, 60015),
    ] {
        let mut items = vec![r#"{"To_Account":"id2"}"#; 1000];
        items[777] = bad;
        let body = format!(
            r#"{{"From_Account":"id","AddFriendItem":[{}]}}"#,
            items.join(",")
        );

        let reply = target.body(body).await;

        assert_eq!(reply.error_code(), code, "{bad}: {}", reply.text);
        let why = target.app.why(&reply).await;
        assert!(why.contains("AddFriendItem[777]"), "{why}");
        assert!(
            !target.app.friends("id").contains(&"id2".to_owned()),
            "nobody was added"
        );
    }
}
