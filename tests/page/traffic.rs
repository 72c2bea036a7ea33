//! The view of recorded calls.

use crate::browser::{
    HOSTILE, NARROW, Page, TOKEN, befriend, call, restart, send, start, start_with_token,
};
use crate::tools::{run, tool};
use fantoccini::key::Key;
use serde_json::json;
use std::process::Command;
use tencent_chat_emulator::config::{Config, Sources};
use tencent_chat_emulator::{AccountSeed, Emulator};

#[tokio::test(flavor = "multi_thread")]
async fn calls_appear_as_they_are_made_and_are_filtered() {
    let emulator = Emulator::builder()
        .seed(HOSTILE, AccountSeed::new())
        .start()
        .await;
    let emulator = emulator.expect("a good seed");
    let page = Page::open(&emulator, "#/traffic").await.let_calls_fail();
    page.sees("0 calls").await;

    befriend(&emulator, HOSTILE, "id1").await;
    page.sees("1 call").await;
    page.sees(HOSTILE).await;
    befriend(&emulator, "id", "nobody").await;
    page.sees("got 30003").await;
    call(
        &emulator,
        "friend_get",
        json!({ "From_Account": "id", "StartIndex": 0 }),
    )
    .await;
    page.sees("3 calls").await;

    page.fill("Code", "30003").await;
    page.sees("1 call").await;
    page.fill("Code", "").await;
    page.choose("Command", "friend_get").await;
    page.sees("1 call").await;
    call(
        &emulator,
        "friend_get",
        json!({ "From_Account": "id1", "StartIndex": 0 }),
    )
    .await;
    page.sees("2 calls").await;
    page.fill("Account", "id1").await;
    page.sees("1 call").await;
    assert!(
        page.fragment()
            .await
            .contains("command=friend_get&account=id1")
    );
    page.fill("Code", "abc").await;
    page.sees("should be an integer").await;
    page.click("Traffic").await;
    page.sees("4 calls").await;
    page.fill("Account", "id1").await;
    page.sees("2 calls").await;
    page.fill("Account", "").await;
    page.sees("4 calls").await;
    assert_eq!(page.value("Code").await, "");
    page.go("#/traffic?command=nonsense").await;
    page.sees("is unknown; GET /_emulator/v1/apps").await;
    page.go("#/traffic?code=30003").await;
    page.sees("1 call").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_opened_sent_again_edited_and_copied_as_a_test() {
    let emulator = start().await;
    befriend(&emulator, "id", "nobody").await;
    let page = Page::open(&emulator, "#/traffic").await;

    page.tab_to("it.closest('tbody')").await;
    page.press(Key::Enter).await;
    page.sees("Call 1: sns/friend_add").await;
    page.sees("To_Account is not imported.").await;
    page.css("[data-id='1'] a[aria-current=true]").await;
    page.click("Send it again").await;
    page.sees("Answer: ErrorCode 0 OK, nobody ResultCode 30003")
        .await;
    page.sees("2 calls").await;
    page.click("Copy: Python (pytest)").await;
    let test = page.clipboard().await;
    let dir = tempfile::tempdir().expect("a place");
    std::fs::write(dir.path().join("test_it.py"), &test).expect("it can be written");
    let mut pytest = tool("python");
    pytest
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .current_dir(dir.path());
    let printed = run(&mut pytest);
    assert!(printed.contains("1 passed"), "{printed}");
    page.sees("3 calls").await;
    page.click("Copy: Shell (curl)").await;
    let script = page.clipboard_of("set -eu").await;
    run(Command::new("sh").args(["-c", &script]));
    page.sees("4 calls").await;
    let other_code = script.replace("30003", "30001");
    let status = Command::new("sh").args(["-c", &other_code]).status();
    assert!(!status.expect("it starts").success());
    page.check_accessibility().await;
    page.tab_to("it.innerText === 'Back to the list'").await;
    page.press(Key::Enter).await;
    page.until(
        "return document.activeElement.closest('[data-id=\"1\"]') !== null",
        "the focus in the list",
    )
    .await;
    page.click("Edit it in Call").await;
    page.until("return location.hash.startsWith('#/call')", "the call")
        .await;
    assert!(page.value("Body, as JSON").await.contains("nobody"));

    page.go("#/traffic?call=99").await;
    page.sees("there is no recorded call 99: it was not made yet")
        .await;
    page.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_test_takes_the_token_from_the_environment() {
    let emulator = start_with_token().await;
    befriend(&emulator, "id", "nobody").await;
    let page = Page::open_without_heading(&emulator, "#/traffic?call=1")
        .await
        .let_calls_fail();
    page.fill("Token", TOKEN).await;
    page.press(Key::Enter).await;

    page.click("Copy: Shell (curl)").await;
    let script = page.clipboard_of("set -eu").await;
    page.click("Copy: Python (pytest)").await;
    let test = page.clipboard_of("import json").await + "\ntest_friend_add()";

    assert!(!script.contains(TOKEN) && !test.contains(TOKEN));
    let variable = "EMULATOR__CONTROL__TOKEN";
    let shell = ["-c", &script];
    run(Command::new("sh").args(shell).env(variable, TOKEN));
    run(tool("python").args(["-c", &test]).env(variable, TOKEN));
    let status = Command::new("sh")
        .args(shell)
        .env(variable, "wrong")
        .status();
    assert!(!status.expect("it starts").success());
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_call_is_seen_in_a_narrow_window() {
    let emulator = start().await;
    for _ in 0..40 {
        befriend(&emulator, "id", "nobody").await;
    }
    let page = Page::open(&emulator, "#/traffic").await;
    page.resize(NARROW).await;
    page.sees("40 calls").await;

    page.eval("document.querySelector('[data-id=\"40\"] a').click()")
        .await;

    page.until(
        "const { top } = document.querySelector('#view-traffic section').getBoundingClientRect();
         return document.body.innerText.includes('Call 40') && top > -1 && top < innerHeight / 2",
        "the call in the window",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_sent_again_and_edited_as_it_was_sent() {
    let emulator = start().await;
    let body = r#"{"From_Account": "id", "StartIndex": 0.0, "Other": 12345678901234567890}"#;
    send(&emulator, "friend_get", body).await;
    let page = Page::open(&emulator, "#/traffic?call=1").await;

    page.click("Send it again").await;
    page.sees("Answer: ErrorCode 30001").await;
    page.click("Edit it in Call").await;
    page.until("return location.hash.startsWith('#/call')", "the call")
        .await;
    page.fill("From_Account", "id1").await;
    page.click("Send").await;
    page.sees("Call 3 in Traffic").await;

    let calls = emulator.requests().list().expect("a good filter");
    let bodies: Vec<_> = calls.iter().map(|call| call.request.as_deref()).collect();
    assert_eq!(bodies[1], Some(body));
    let edited = bodies[2].expect("a body");
    for part in ["\"id1\"", " 0.0,", " 12345678901234567890"] {
        assert!(edited.contains(part), "{edited}");
    }
    // A repeated field is seen, because it is why the call failed.
    let body = r#"{"From_Account":"a","From_Account":"b"}"#;
    send(&emulator, "friend_get", body).await;
    page.go("#/traffic?call=4").await;
    page.sees("duplicate field").await;
    page.sees(body).await;
    page.click("Edit it in Call").await;
    page.until("return location.hash.startsWith('#/call')", "the call")
        .await;
    assert_eq!(page.value("Body, as JSON").await, body);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_can_change_while_it_is_paused_and_the_emulator_is_gone() {
    let emulator = start().await;
    let addr = emulator.addr();
    let page = Page::open(&emulator, "#/traffic").await.let_calls_fail();
    page.click("Pause").await;
    page.sees("0 calls, paused").await;
    emulator.stop().await;
    page.sees("The emulator does not answer.").await;
    page.fill("Account", "id1").await;
    // The calls are loaded when nothing was typed for 0.2 s.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;

    let emulator = restart(addr).await;
    befriend(&emulator, "id", "id1").await;
    befriend(&emulator, "id", "id2").await;

    page.sees("0 calls, paused; 1 call waiting").await;
    page.click("Continue").await;
    page.sees("1 call").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_changed_while_the_emulator_is_gone_holds_when_it_is_back() {
    let emulator = start().await;
    let addr = emulator.addr();
    befriend(&emulator, "id", "id1").await;
    let page = Page::open(&emulator, "#/traffic").await.let_calls_fail();
    page.sees("1 call").await;
    emulator.stop().await;
    page.sees("The emulator does not answer.").await;

    page.fill("Account", "id2").await;
    page.sees("0 calls").await;
    let emulator = restart(addr).await;
    befriend(&emulator, "id", "id1").await;
    befriend(&emulator, "id", "id2").await;

    page.sees("1 call").await;
    page.until(
        "return document.querySelector('[data-id=\"2\"]') !== null",
        "the call that matches",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_loses_nothing_and_dropped_calls_are_told() {
    let mut config = Config::load(&Sources::default()).expect("the default");
    config.journal.bytes = 200_000;
    let emulator = Emulator::builder().config(config).start().await;
    let emulator = emulator.expect("it starts");
    let page = Page::open(&emulator, "#/traffic").await;
    page.sees("0 calls").await;

    page.click("Pause").await;
    for number in 0..5 {
        befriend(&emulator, "id", &format!("no-{number}")).await;
    }
    page.sees("0 calls, paused; 5 calls waiting").await;
    page.click("Continue").await;
    page.sees("5 calls").await;
    page.click("Pause").await;
    for _ in 0..300 {
        befriend(&emulator, "id", "nobody").await;
    }
    page.click("Continue").await;
    page.sees("The journal was full: calls 6 to ").await;
    page.until(
        "return document.querySelector('[data-id=\"5\"]') !== null",
        "the calls before",
    )
    .await;

    page.click("Empty the journal").await;
    page.sees("Remove all calls of app 88888888").await;
    page.click("No").await;
    page.until(
        "return document.querySelector('[data-id=\"5\"]') !== null",
        "the calls still there",
    )
    .await;
    page.click("Empty the journal").await;
    page.click("Yes").await;
    page.sees("0 calls").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_calls_leave_the_page_usable_and_the_focus_where_it_is() {
    let emulator = start().await;
    emulator
        .default_app()
        .set_limit("friend_add", Some(0))
        .expect("the app exists");
    let page = Page::open(&emulator, "#/traffic").await;
    page.sees("0 calls").await;
    befriend(&emulator, "id", "first").await;
    page.tab_to("it.closest('tbody')").await;

    for _ in 0..2_000 {
        befriend(&emulator, "id", "nobody").await;
    }

    page.sees("500 of 2001 calls").await;
    page.sees("1501 older calls not shown").await;
    let focused = "return document.activeElement.closest('tr')?.dataset.id";
    assert_eq!(page.eval(focused).await, "1");
    page.click("Show older calls").await;
    page.sees("1001 older calls not shown").await;
    let ids =
        "return [...document.querySelectorAll('tbody tr')].map((row) => Number(row.dataset.id))";
    let ids = page.eval(ids).await;
    let ids: Vec<u64> = serde_json::from_value(ids).expect("ids");
    assert!(ids.is_sorted_by(|newer, older| newer > older));
    assert_eq!((ids.first(), ids.last()), (Some(&2001), Some(&1)));
    page.go("#/traffic").await;
    page.sees("200 of 2001 calls").await;
    page.sees("1801 older calls not shown").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_stays_in_its_place_when_calls_come() {
    let emulator = start().await;
    for _ in 0..60 {
        befriend(&emulator, "id", "nobody").await;
    }
    let page = Page::open(&emulator, "#/traffic").await;
    page.sees("60 calls").await;
    let place =
        "return Math.round(document.querySelector('[data-id=\"30\"]').getBoundingClientRect().top)";
    page.eval("document.querySelector('.scroll').scrollTop = 700")
        .await;
    let before = page.eval(place).await;

    for _ in 0..40 {
        befriend(&emulator, "id", "nobody").await;
    }

    page.sees("100 calls").await;
    let moved =
        page.eval(place).await.as_i64().expect("a number") - before.as_i64().expect("a number");
    assert!(moved.abs() <= 2, "{moved}");
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_new_emulator_at_the_same_address_are_shown() {
    let emulator = start().await;
    let addr = emulator.addr();
    for _ in 0..9 {
        befriend(&emulator, "id", "nobody").await;
    }
    let page = Page::open(&emulator, "#/traffic").await.let_calls_fail();
    page.sees("9 calls").await;

    emulator.stop().await;
    page.sees("The emulator does not answer.").await;
    page.click("Codes").await;
    page.until(
        "return document.querySelector('h1').innerText === 'Error'",
        "an error",
    )
    .await;
    page.eval("history.back()").await;
    let emulator = restart(addr).await;
    befriend(&emulator, "id", "nobody").await;
    page.sees("1 call").await;
    page.until("return document.getElementById('gone').hidden", "no banner")
        .await;

    page.click("Pause").await;
    for _ in 0..4 {
        befriend(&emulator, "id", "nobody").await;
    }
    page.sees("4 calls waiting").await;
    emulator.stop().await;
    page.sees("The emulator does not answer.").await;
    let emulator = restart(addr).await;
    befriend(&emulator, "id", "nobody").await;
    befriend(&emulator, "id", "nobody").await;
    page.sees("1 call, paused; 2 calls waiting").await;
    page.click("Continue").await;
    page.sees("Another emulator answers now.").await;
    page.sees("2 calls").await;
    page.finish().await;
}
