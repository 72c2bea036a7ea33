//! The harness itself: it passes the page as it is, and notices what a page must not do.

use crate::browser::{HOSTILE, NARROW, Page, befriend, start, start_with_token};
use fantoccini::key::Key;

/// Asserts that `finish` fails, and says why.
async fn failure_of(page: Page) -> String {
    let failure = tokio::spawn(page.finish())
        .await
        .expect_err("`finish` fails");
    let failure = failure.into_panic();
    failure.downcast_ref::<String>().expect("a message").clone()
}

#[tokio::test]
async fn the_page_loads_and_is_clean_accessible_and_no_wider_than_its_window() {
    let emulator = start().await;
    let page = Page::open(&emulator, "").await;

    page.sees("tencent-chat-emulator").await;
    page.check_accessibility().await;
    page.resize(NARROW).await;
    page.theme("dark").await;
    let dark = "return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]";
    assert_eq!(page.eval(dark).await, serde_json::json!([360, true]));
    page.finish().await;
}

#[tokio::test]
async fn the_steps_of_a_test_work() {
    let emulator = start().await;
    befriend(&emulator, "id", HOSTILE).await;
    let page = Page::open(&emulator, "#/codes").await;

    page.fill("Search", "30539").await;
    page.sees("NeedConfirm").await;
    assert_eq!(page.value("Search").await, "30539");
    page.choose("Known from", "documented").await;
    page.until(
        "return location.hash.includes('search=30539')",
        "the address",
    )
    .await;
    page.fill("Search", "").await;
    page.until(
        "return !location.hash.includes('30539')",
        "the address without the search",
    )
    .await;
    assert!(page.fragment().await.starts_with("#/codes"));
    page.click("Traffic").await;
    page.sees("1 call").await;
    page.eval("await navigator.clipboard.writeText('some text')")
        .await;
    page.eval("document.getElementById('main').append('Copied')")
        .await;
    assert_eq!(page.clipboard_of("some").await, "some text");
    page.finish().await;
}

#[tokio::test]
async fn a_dialog_keeps_the_focus() {
    let emulator = start_with_token().await;
    let page = Page::open_without_heading(&emulator, "#/codes")
        .await
        .let_calls_fail();

    page.sees("Control token").await;
    page.check_dialog().await;
    page.finish().await;
}

#[tokio::test]
async fn the_focus_has_a_name() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;

    page.press(Key::Tab).await;
    assert_eq!(page.focused().await, "Skip to the content");
    page.css("#app").await;
    page.tab_to("it.id === 'app'").await;
    assert_eq!(page.focused().await.split_whitespace().next(), Some("App"));
    page.finish().await;
}

#[tokio::test]
async fn a_message_in_the_console_is_noticed() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;

    page.eval("console.debug('a message')").await;
    page.go("#/codes").await;
    assert!(failure_of(page).await.contains("a message"));
}

#[tokio::test]
async fn a_failed_call_is_noticed_unless_the_test_expects_it() {
    let emulator = start().await;
    let fail = "await fetch('/_emulator/v1/nothing')";
    let page = Page::open(&emulator, "#/codes").await;
    page.eval(fail).await;
    assert!(failure_of(page).await.contains("404"));

    let page = Page::open(&emulator, "#/codes").await.let_calls_fail();
    page.eval(fail).await;
    page.finish().await;
}

#[tokio::test]
async fn a_violation_of_accessibility_and_a_wide_page_are_noticed() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;
    assert_eq!(page.axe_violations().await, [] as [&str; 0]);

    page.eval("document.getElementById('main').append(document.createElement('button'))")
        .await;
    let found = page.axe_violations().await;
    assert!(
        found.iter().any(|one| one.starts_with("button-name: ")),
        "{found:?}"
    );

    page.no_sideways_scroll().await;
    page.eval("document.getElementById('main').style.width = '3000px'")
        .await;
    let check = async move {
        page.no_sideways_scroll().await;
        page.abandon().await;
    };
    tokio::spawn(check)
        .await
        .expect_err("a wide page is noticed");
}

#[tokio::test]
async fn a_fetch_from_elsewhere_is_noticed_in_an_earlier_document_too() {
    let emulator = start().await;
    let elsewhere = start().await;
    let address = format!("http://{}/elsewhere", elsewhere.addr());
    let page = Page::open(&emulator, "#/codes").await;

    // A navigation is the fetch that the Content-Security-Policy does not refuse.
    page.eval(&format!("location.href = '{address}'")).await;
    page.until(
        "return location.pathname === '/elsewhere'",
        "the other server",
    )
    .await;
    page.go("#/codes").await;
    let page = page.let_calls_fail();
    assert!(failure_of(page).await.contains("/elsewhere"));
}

#[tokio::test]
async fn what_the_content_security_policy_refuses_is_noticed() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;

    page.eval("await fetch('http://127.0.0.2:9/').catch(() => {})")
        .await;
    assert!(failure_of(page).await.contains("Content Security Policy"));
}

#[tokio::test]
#[should_panic(expected = "the test did not call `finish`")]
async fn a_test_that_does_not_finish_fails() {
    let emulator = start().await;
    let _page = Page::open(&emulator, "#/codes").await;
}
