//! What all views have in common: the address, the token, a lost emulator; and the harness itself.

use crate::browser::{NARROW, Page, TOKEN, befriend, restart, start, start_with_token};
use fantoccini::key::Key;
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::config::AppConfig;

#[tokio::test(flavor = "multi_thread")]
async fn the_address_names_the_app_and_the_view_and_the_history_works() {
    let emulator = start().await;
    let other = emulator
        .create_app(AppConfig::default())
        .await
        .expect("it is free");
    let other = other.sdkappid().to_string();
    let page = Page::open(&emulator, "").await;

    page.sees("Basic request").await;
    assert!(page.fragment().await.starts_with("#/call?app=88888888"));
    page.click("Traffic").await;
    page.sees("0 calls").await;
    page.choose("App", &other).await;
    page.until(
        &format!("return location.hash.includes('{other}')"),
        "the app",
    )
    .await;
    page.click("Relationships").await;
    page.sees("1 account").await;
    let current = "return [...document.querySelectorAll('#views [aria-current]')].map((it) => it.innerText).join()";
    assert_eq!(page.eval(current).await, "Relationships");
    assert!(page.fragment().await.contains(&format!("app={other}")));
    page.eval("history.back()").await;
    page.sees("0 calls").await;
    page.go("#/traffic?app=88888888").await;
    page.sees("0 calls").await;
    page.eval("location.hash = '#/traffic?app=1'").await;
    page.sees("There is no app 1.").await;
    page.click("Traffic").await;
    page.until(
        "return !document.body.innerText.includes('There is no app')",
        "no error",
    )
    .await;
    page.go("#/nothing").await;
    page.sees("Basic request").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_once_for_the_token_and_keeps_it_in_the_tab() {
    let emulator = start_with_token().await;
    let page = Page::open_without_heading(&emulator, "#/traffic")
        .await
        .let_calls_fail();

    page.sees("Control token").await;
    page.fill("Token", "wrong").await;
    page.press(Key::Enter).await;
    page.sees("The emulator rejected this token.").await;
    page.check_dialog().await;
    // A header cannot have this character.
    page.fill("Token", "token…").await;
    page.press(Key::Enter).await;
    page.until(
        "return document.querySelector('input:invalid') !== null",
        "a refusal",
    )
    .await;
    page.fill("Token", TOKEN).await;
    page.press(Key::Enter).await;
    page.sees("0 calls").await;
    page.until(
        "return document.getElementById('links').hidden",
        "no links without a token",
    )
    .await;
    befriend(&emulator, "id", "id1").await;
    page.sees("1 call").await;
    page.go("#/codes").await;
    page.sees("87 of 87").await;
    assert!(!page.fragment().await.contains("token"));
    assert_eq!(
        page.eval("return localStorage.length + document.cookie.length")
            .await,
        0
    );
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_emulator_is_told_and_the_page_goes_on_with_the_next_one() {
    let emulator = start().await;
    let addr = emulator.addr();
    befriend(&emulator, "id", "id1").await;
    befriend(&emulator, "id", "id2").await;
    let page = Page::open(&emulator, "#/traffic").await.let_calls_fail();
    page.sees("2 calls").await;

    emulator.stop().await;
    page.sees("The emulator does not answer.").await;
    let next = restart(addr).await;
    page.until(
        "return document.getElementById('gone').hidden",
        "the emulator is back",
    )
    .await;
    page.sees("0 calls").await;
    befriend(&next, "id", "id3").await;
    page.sees("1 call").await;

    page.go("#/trouble").await;
    page.fill("Name", "typed").await;
    next.stop().await;
    page.sees("The emulator does not answer.").await;
    let last = restart(addr).await;
    page.until(
        "return document.getElementById('gone').hidden",
        "the emulator is back",
    )
    .await;
    assert_eq!(page.value("Name").await, "typed");

    // A view that makes no calls by itself tells it, too.
    page.go("#/codes").await;
    page.sees("87 of 87").await;
    last.stop().await;
    page.sees("The emulator does not answer.").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_kept() {
    let dir = tempfile::tempdir().expect("a place");
    let lost = start().await;
    let page = Page::open(&lost, "#/codes").await;
    page.sees("What it keeps is lost when it stops.").await;
    page.finish().await;

    let (file, config) = (
        dir.path().join("state.json"),
        dir.path().join("emulator.toml"),
    );
    std::fs::write(&config, format!("state_file = {file:?}")).expect("it can be written");
    let kept = Emulator::builder()
        .config_file(config)
        .start()
        .await
        .expect("it starts");
    let page = Page::open(&kept, "#/codes").await;
    page.sees("state.json\"; everything else is lost when it stops.")
        .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_gets_to_the_content_and_a_narrow_window_has_everything() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;
    page.resize(NARROW).await;

    page.press(Key::Tab).await;
    page.sees("Skip to the content").await;
    page.press(Key::Enter).await;
    page.until("return document.activeElement.id === 'main'", "the focus")
        .await;
    for view in [
        "Call",
        "Relationships",
        "Traffic",
        "Trouble",
        "UserSig doctor",
    ] {
        page.click(view).await;
        let title = format!("return document.title.startsWith('{view}')");
        page.until(&title, view).await;
        page.until(
            "return document.documentElement.scrollWidth <= window.innerWidth",
            "no wider",
        )
        .await;
    }
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_script_makes_html_from_a_text() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;

    let script = "try { document.body.innerHTML = '<b>x</b>'; return true } catch { return false }";
    assert_eq!(page.eval(script).await, false);
    page.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_clipboard_copies_too() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    // A page that comes over plain HTTP from another machine has none.
    page.eval("Object.defineProperty(navigator, 'clipboard', { configurable: true })")
        .await;
    page.click("Copy as curl").await;
    page.sees("Copied").await;

    page.eval("delete navigator.clipboard").await;
    assert!(page.clipboard().await.starts_with("curl 'http"));
    assert_eq!(page.focused().await, "Copy as curl");
    page.finish().await;
}
