//! The form and the JSON of the view that builds a call, when they are large, wrong or late.

use crate::browser::{Page, start};
use fantoccini::key::Key;
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::Fault;

const BODY: &str = "Body, as JSON";

/// Sets the body at once; keys would take too long for a large one.
pub(crate) async fn set_body(page: &Page, text: &str) {
    let script = "const input = document.querySelector('textarea');
        input.value = TEXT;
        input.dispatchEvent(new Event('input'));";
    page.eval(&script.replace("TEXT", &json!(text).to_string()))
        .await;
}

/// The texts of the form's inputs that are seen.
async fn shown(page: &Page) -> Value {
    let script = "return [...document.querySelectorAll('form.tall input')]
        .filter((input) => input.checkVisibility()).map((input) => input.value)";
    page.eval(script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_bad_json_is_named() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    for (text, place) in [
        (r#"{"a": x}"#, "line 1, column 7: unexpected x"),
        ("{\n  \"a\": 1,\n}", "line 3, column 1: unexpected }"),
        (
            "{\"a\": [1, 2",
            "line 1, column 12: the text ends too early",
        ),
        ("{\"a\": \"b\n\"}", "line 1, column 7: unexpected \""),
        ("{\"a\": 01}", "line 1, column 8: unexpected 1"),
        (
            "{\"a\": -1.5e3, \"b\": \"\\u00e4\\n\"} 😀",
            "line 1, column 32: unexpected 😀",
        ),
        ("", "line 1, column 1: the text ends too early"),
        ("[]", "This is JSON, but not an object."),
    ] {
        set_body(&page, text).await;
        page.sees(place).await;
        page.sees("The form keeps the last good body").await;
    }
    assert_eq!(
        shown(&page).await,
        json!(["id", "id1", "AddSource_Type_XXXXXXXX"])
    );
    set_body(&page, r#"{"From_Account": "id2"}"#).await;
    page.until(
        "return document.querySelector('form.tall input').value === 'id2'",
        "the form",
    )
    .await;
    assert!(
        !page
            .eval("return document.body.innerText")
            .await
            .to_string()
            .contains("Not JSON")
    );
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_another_type_and_long_lists_are_kept() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    set_body(
        &page,
        r#"{"From_Account": 5, "AddFriendItem": {"To_Account": "x"}}"#,
    )
    .await;
    page.until(
        "return document.querySelector('form.tall input').value === '5'",
        "the form",
    )
    .await;
    assert_eq!(shown(&page).await, json!(["5", r#"{"To_Account":"x"}"#]));
    set_body(
        &page,
        r#"{"From_Account": 6, "AddFriendItem": [1, null, {"To_Account": "a"}]}"#,
    )
    .await;
    page.until(
        "return document.querySelector('form.tall input').value === '6'",
        "the form",
    )
    .await;
    assert_eq!(shown(&page).await, json!(["6", "1", "", "a"]));

    let items: Vec<_> = (0..1000)
        .map(|number| json!({ "To_Account": format!("a{number}") }))
        .collect();
    set_body(
        &page,
        &json!({ "From_Account": "id", "AddFriendItem": items }).to_string(),
    )
    .await;
    page.sees("950 more are in the JSON only.").await;
    page.sees("A link to this page will not have the body: it is too long.")
        .await;
    page.fill("From_Account", "id3").await;
    let body: Value = serde_json::from_str(&page.value(BODY).await).expect("JSON");
    assert_eq!(body["From_Account"], "id3");
    assert_eq!(body["AddFriendItem"].as_array().map(Vec::len), Some(1000));
    page.until(
        "return !location.hash.includes('body=')",
        "an address without the body",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_keeps_what_is_open_and_the_focus() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    page.click("More fields (3)").await;
    page.click("Add to AddFriendItem").await;
    page.sees("AddFriendItem 2").await;
    page.until(
        "return document.querySelectorAll('form.tall details[open]').length === 1",
        "open fields",
    )
    .await;
    let focused = "const legend = document.activeElement.closest('fieldset')?.querySelector('legend');
        return legend?.innerText === 'AddFriendItem 2' && document.activeElement.tagName === 'INPUT'";
    page.until(focused, "the focus in the new item").await;
    page.press(Key::Tab).await;
    page.tab_to("it.innerText === 'Remove AddFriendItem 2'")
        .await;
    page.press(Key::Enter).await;
    page.until(
        "return !document.body.innerText.includes('AddFriendItem 2')",
        "one item",
    )
    .await;
    page.until(
        "return document.activeElement.closest('form.tall') !== null",
        "the focus in the form",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_and_a_server_that_is_gone_is_named() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await.let_calls_fail();
    page.sees("expires").await;

    let delay = Fault::delay(Duration::from_secs(60));
    emulator
        .default_app()
        .faults()
        .arm(delay)
        .expect("it can fire");
    page.click("Send").await;
    page.sees("Sending").await;
    page.click("Cancel").await;
    page.sees("Cancelled. The emulator may have processed the call.")
        .await;
    assert_eq!(page.focused().await, "Send");
    emulator.default_app().faults().clear();
    emulator.stop().await;
    page.click("Send").await;
    page.sees("The emulator does not answer. Send again when it runs.")
        .await;
    page.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_change_leaves_the_next_view_alone() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    set_body(&page, r#"{"From_Account": "late"}"#).await;
    page.eval("location.hash = '#/codes?search=30003'").await;
    page.sees("2 of 87 outcomes").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!page.fragment().await.contains("late"));

    page.go("#/call?caller=nobody&command=sns/friend_get&body=%7B")
        .await;
    page.sees("; not an admin").await;
    assert_eq!(page.value("Command").await, "friend_get");
    assert_eq!(page.value(BODY).await, "{");
    page.sees("Not JSON at line 1, column 2: the text ends too early.")
        .await;
    page.finish().await;
}
