//! Custom fields, webhooks and the effect of blocking of an app.

use super::*;
use crate::sns::texts::Keyword;

#[test]
fn an_app_declares_custom_fields_a_webhook_and_the_effect_of_blocking() {
    let text = format!(
        "{APP}remain_friends = true\ncustom_friend_fields = [\"Test\"]\ncustom_profile_fields = [\"A\", \"XXXXXXXX\"]\n[apps.1.webhook]\nurl = \"http://127.0.0.1:9000/callback?x=1\"\ntoken = \"xxxxyyyy\"\nretries = 2\n"
    );
    let config = load(&text).expect("a good file");

    let app = app(&config);
    assert_eq!(app.friendship_when_blocked, Friendship::Kept);
    let texts =
        |keywords: &[Keyword]| -> Vec<_> { keywords.iter().map(Keyword::to_string).collect() };
    assert_eq!(texts(&app.custom_fields.friend), ["Test"]);
    assert_eq!(texts(&app.custom_fields.profile), ["A", "XXXXXXXX"]);
    let webhook = app.webhook.as_ref().expect("a webhook");
    assert_eq!(webhook.url, "http://127.0.0.1:9000/callback?x=1");
    assert_eq!(webhook.retries, 2);
    assert!(
        !format!("{config:?}").contains("xxxxyyyy"),
        "no token is printed"
    );
}

#[test]
fn an_app_without_these_keys_declares_nothing_and_sends_no_webhooks() {
    let config = load(APP).expect("a good file");
    let app = app(&config);
    assert_eq!(app.friendship_when_blocked, Friendship::Dissolved);
    assert_eq!(app.custom_fields, CustomFields::default());
    assert!(app.webhook.is_none());
    assert_eq!(config.sns.max_blocklist, 1000);
}

#[test]
fn wrong_custom_fields_and_webhooks_are_named_with_what_they_should_be() {
    let many: Vec<_> = (0..21).map(|_| "\"x\"").collect();
    let many = format!("[{}]", many.join(","));
    for (lines, named) in [
        (
            "custom_friend_fields = [\"Tag_SNS_Custom_Test\"]",
            "apps.1.custom_friend_fields.0 should be 1 to 8 letters",
        ),
        (
            "custom_friend_fields = [\"\"]",
            "apps.1.custom_friend_fields.0 should be 1 to 8 letters",
        ),
        (
            &format!("custom_profile_fields = {many}"),
            "apps.1.custom_profile_fields should have at most 20 entries",
        ),
        (
            "remain_friends = 1",
            "apps.1.remain_friends should be true or false",
        ),
        ("[apps.1.webhook]", "apps.1.webhook.url is missing"),
        (
            "[apps.1.webhook]\nurl = \"https://example.com\"",
            "apps.1.webhook.url should be an http:// URL",
        ),
        (
            "[apps.1.webhook]\nurl = \"127.0.0.1:9000\"",
            "apps.1.webhook.url should be an http:// URL",
        ),
        (
            "[apps.1.webhook]\nurl = \"http://h:70000\"",
            "apps.1.webhook.url should have a port from 1 to 65535",
        ),
        (
            "[apps.1.webhook]\nurl = \"http://h\"\nretries = 11",
            "apps.1.webhook.retries should be an integer from 0 to 10",
        ),
        (
            "[apps.1.webhook]\nurl = \"http://h\"\ntoken = \"\"",
            "apps.1.webhook.token should not be empty",
        ),
    ] {
        let found = errors(&format!("{APP}{lines}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(named), "{found:?}");
    }
}
