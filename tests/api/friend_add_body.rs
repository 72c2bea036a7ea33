//! The body of friend_add: errors of the whole request, optional fields, and limits.

use crate::harness::{TestApp, one, with};
use serde_json::json;

#[tokio::test]
async fn a_fault_of_the_whole_request_names_its_field() {
    let app = TestApp::start().await;
    let good = one(json!({"To_Account": "id1"}));
    let many: Vec<_> = (0..1001)
        .map(|number| json!({"To_Account": format!("u{number}")}))
        .collect();
    let cases = [
        (
            with(good.clone(), "AddFriendItem", json!([])),
            30001,
            "AddFriendItem",
        ),
        (
            with(good.clone(), "AddFriendItem", json!(many)),
            30001,
            "AddFriendItem",
        ),
        (
            with(good.clone(), "AddFriendItem", json!({"To_Account": "id1"})),
            30001,
            "AddFriendItem: invalid type, expected a list",
        ),
        (
            with(good.clone(), "AddFriendItem", json!(["id1"])),
            30001,
            "AddFriendItem[0]",
        ),
        (
            with(good.clone(), "AddFriendItem", json!([["id1"]])),
            30001,
            "AddFriendItem[0]",
        ),
        (
            with(good.clone(), "AddFriendItem", json!([{}])),
            30001,
            "To_Account",
        ),
        (
            with(good.clone(), "AddFriendItem", json!([{"To_Account": 1}])),
            60015,
            "AddFriendItem[0].To_Account",
        ),
        (
            with(good.clone(), "From_Account", json!(7)),
            60015,
            "From_Account",
        ),
        (
            with(good.clone(), "From_Account", json!(null)),
            60015,
            "From_Account",
        ),
        (
            with(good.clone(), "From_Account", json!("")),
            30001,
            "From_Account",
        ),
        (
            with(good.clone(), "AddType", json!("Add_Type_Triple")),
            30001,
            "AddType",
        ),
        (with(good.clone(), "AddType", json!(1)), 30001, "AddType"),
        (
            with(good.clone(), "ForceAddFlags", json!(2)),
            30001,
            "ForceAddFlags",
        ),
        (
            with(good.clone(), "ForceAddFlags", json!(true)),
            30001,
            "ForceAddFlags",
        ),
        (
            with(good.clone(), "ForceAddFlags", json!("1")),
            30001,
            "ForceAddFlags",
        ),
        (
            one(json!({"To_Account": "id1", "Remark": 3})),
            30001,
            "AddFriendItem[0].Remark",
        ),
        (
            json!({"AddFriendItem": [{"To_Account": "id1"}]}),
            30001,
            "From_Account",
        ),
        (json!({"From_Account": "id"}), 30001, "AddFriendItem"),
    ];
    for (body, code, named) in cases {
        let reply = app
            .post("/v4/sns/friend_add", &app.query(), body.to_string())
            .await;
        assert_eq!(reply.error_code(), code, "{body}: {}", reply.text);
        if code == 30001 {
            assert_eq!(reply.error_info(), "SNS_DECODE_ERR", "{body}");
        }
        let why = app.why(&reply).await;
        assert!(why.contains(named), "{named}: {why}");
    }
    assert!(app.friends("id").is_empty());
}

#[tokio::test]
async fn empty_and_null_mean_not_given_and_unknown_fields_are_ignored() {
    let app = TestApp::start().await;
    let empty = json!({"To_Account": "id1", "Remark": "", "GroupName": "", "AddSource": "", "AddWording": "", "X": [1]});
    let nulls = json!({"To_Account": "id2", "Remark": null, "GroupName": null, "AddSource": null, "AddWording": null});
    let body = json!({"From_Account": "id", "AddFriendItem": [empty, nulls], "AddType": "", "ForceAddFlags": null, "Y": {}});

    assert_eq!(app.friend_add(body).await.codes(), [0, 0]);

    let account = app.account("id");
    assert!(account.groups.is_empty());
    assert!(
        account
            .friends
            .iter()
            .all(|friend| friend.details.is_none() && friend.add_source.is_none())
    );
    assert_eq!(
        app.friends("id2"),
        ["id"],
        "AddType \"\" is the default, Both"
    );
}

#[tokio::test]
async fn the_longest_names_and_texts_are_kept_byte_for_byte() {
    let longest = "x".repeat(32);
    let app = TestApp::start().await;
    app.import([&longest]);
    let (remark, group, wording) = (
        "备".repeat(32),
        "组".repeat(10),
        "\u{1f642}\"\\\n".repeat(36),
    );

    let item =
        json!({"To_Account": longest, "Remark": remark, "GroupName": group, "AddWording": wording});
    assert_eq!(app.friend_add(one(item)).await.only(), (0, ""));

    let texts = app.account("id").friends[0].details.clone().expect("kept");
    assert_eq!(texts.remark.expect("kept").as_str(), remark);
    assert_eq!(texts.groups[0].as_str(), group);
    assert_eq!(texts.add_wording.expect("kept").as_str(), wording);
}

#[tokio::test]
async fn a_full_batch_of_the_longest_fields_fits_with_every_character_escaped() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..1000).map(|number| format!("{number:032}")).collect();
    app.import(&names);
    let escaped =
        |text: &str| -> String { text.bytes().map(|byte| format!("\\u{byte:04x}")).collect() };
    let long = |length| escaped(&"\u{1}".repeat(length));
    let source = escaped("AddSource_Type_XXXXXXXX");
    let (remark, wording) = (long(96), long(256));
    let items = names.iter().enumerate().map(|(number, name)| {
        let group = escaped(&format!("{:\u{1}>30}", number % 32));
        format!(
            r#"{{"To_Account":"{}","Remark":"{remark}","GroupName":"{group}","AddSource":"{source}","AddWording":"{wording}"}}"#,
            escaped(name)
        )
    });
    let items: Vec<_> = items.collect();
    let body = format!(
        r#"{{"From_Account":"id","AddFriendItem":[{}]}}"#,
        items.join(",")
    );
    assert!(body.len() > 2 << 20, "2 MiB would not do");

    let reply = app.post("/v4/sns/friend_add", &app.query(), body).await;

    assert_eq!(reply.codes(), [0; 1000]);
}
