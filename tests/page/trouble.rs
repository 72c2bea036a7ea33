//! The view that makes calls fail.

use crate::browser::{HOSTILE, NARROW, Page, befriend, call, start};
use fantoccini::key::Key;
use serde_json::json;
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::{Code, Emulator, Fault};

/// Waits for a state of the emulator.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited in vain");
}

fn now(emulator: &Emulator) -> i64 {
    let clock = emulator.default_app().clock().expect("the app exists");
    clock.now().unix_time().0
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_arranged_by_keyboard_alone_and_come() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/trouble").await;

    page.tab_to("it.type === 'search'").await;
    for (words, made, came) in [
        (
            "refuses all",
            "30516 DenyAny as ResultCode, by the state",
            "ResultCode 30516",
        ),
        (
            "30006 internal",
            "30006 Internal as ResultCode, by fault 1",
            "ResultCode 30006",
        ),
        (
            "NotAdmin",
            "30004 NotAdmin as ErrorCode, by the request",
            "ErrorCode 30004",
        ),
    ] {
        page.fill("Number, outcome or meaning", words).await;
        page.press(Key::Enter).await;
        page.sees(made).await;
        page.tab_to("it.innerText === 'Send it'").await;
        page.press(Key::Enter).await;
        page.sees("Answer: ").await;
        page.sees(came).await;
    }

    // An arrow leads to the list, where the next arrow chooses the second code.
    page.fill("Number, outcome or meaning", "30003").await;
    page.press(Key::Down).await;
    page.press(Key::Down).await;
    page.press(Key::Enter).await;
    page.sees("30003 ToAccountNotExist as ResultCode").await;

    page.fill("Number, outcome or meaning", "NotAdmin").await;
    page.press(Key::Enter).await;
    page.sees("30004 NotAdmin as ErrorCode").await;
    page.click("Open in Call").await;
    page.sees("; not an admin").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_holds_the_code_and_its_command() {
    let emulator = start().await;
    // The codes view links so.
    let page = Page::open(&emulator, "#/trouble?code=AccountNotExist").await;

    assert_eq!(page.value("Codes").await, "AccountNotExist");
    assert_eq!(page.value("Command").await, "account_delete");
    page.fill("Number, outcome or meaning", "FriendExist").await;
    page.choose("Command", "friend_import").await;
    page.until(
        "return location.hash.includes('friend_import')",
        "the address",
    )
    .await;
    let fragment = page.fragment().await;
    page.go(&fragment).await;
    assert_eq!(page.value("Codes").await, "FriendExist");
    assert_eq!(page.value("Command").await, "friend_import");
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_armed_watched_and_disarmed() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/trouble").await.let_calls_fail();
    let rows = "return [...document.querySelectorAll('.faults tbody tr')].map((row) => row.innerText.replace(/\\s+/g, ' ')).join('|')";

    page.choose("failure", "result_code").await;
    page.fill("value", "30539").await;
    page.fill("to_account", "id1").await;
    page.click("Arm").await;
    page.until(
        &format!("{rows}.startsWith('1 ResultCode of items: NeedConfirm sdkappid')"),
        "the fault",
    )
    .await;
    page.until(
        &format!("{rows}.endsWith('to_account id1 1× 0 1 Disarm')"),
        "its figures",
    )
    .await;

    // The figures change, and nothing else: not the row, the focus, or what somebody types.
    page.fill("from_account", "half").await;
    page.eval("window.row = document.querySelector('.faults tbody tr'); return null")
        .await;
    let answer = befriend(&emulator, "id", "id1").await;
    assert_eq!(answer["ResultItem"][0]["ResultCode"], 30539);
    page.until(&format!("{rows}.endsWith('1× 1 0 Disarm')"), "the hit")
        .await;
    page.until("return window.row.isConnected", "the same row")
        .await;
    page.until(
        "return document.activeElement.value === 'half'",
        "the focus",
    )
    .await;

    // A fault of another app is not met by calls of this one.
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("it is free");
    let fault = Fault::error_code(Code::Internal);
    other.faults().arm(fault).expect("it can fire");

    // Errors are beside their fields.
    page.choose("failure", "http_status").await;
    page.fill("value", "7").await;
    page.fill("probability", "7").await;
    page.click("Arm").await;
    let invalid = "return [...document.querySelectorAll('[aria-invalid=true]')].map((it) => it.nextSibling.innerText).join()";
    page.until(
        &format!(
            "{} === 'should be an integer from 400 to 599,should be a number of at most 1'",
            &invalid
        ),
        "the errors",
    )
    .await;
    page.fill("value", "503").await;
    page.fill("probability", "0.5").await;
    page.fill("from_account", HOSTILE).await;
    page.tab_to("it.type === 'checkbox'").await;
    page.press(Key::Space).await;
    page.click("Arm").await;
    page.sees("the command runs, HTTP status: 503").await;
    page.sees(&format!("from_account {HOSTILE}")).await;
    page.until(&format!("{invalid} === ''"), "no errors").await;
    page.check_accessibility().await;

    // The focus of a row that goes is not lost.
    page.click("Disarm fault 1").await;
    page.until(
        "return document.activeElement.innerText === 'Disarm all'",
        "the focus",
    )
    .await;
    assert_eq!(emulator.faults().list().len(), 2);
    page.click("Disarm all").await;
    until(|| emulator.faults().list().len() == 1).await;
    assert_eq!(other.faults().list().len(), 1);
    page.until(&format!("{rows} === ''"), "no faults").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_are_held_advanced_and_released() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/trouble").await.let_calls_fail();
    let shown = "return (document.querySelector('dd')?.innerText ?? '')";

    page.until(&format!("{shown}.endsWith('running')"), "the time")
        .await;
    let before = page.eval(shown).await;
    page.until(&format!("{shown} !== {before}"), "the time runs on")
        .await;
    page.click("Hold").await;
    page.until(&format!("{shown}.endsWith('held')"), "a held clock")
        .await;
    let held = now(&emulator);
    page.click("+ 180 days").await;
    until(|| now(&emulator) == held + 180 * 86_400).await;
    page.fill("Seconds", "30").await;
    page.press(Key::Enter).await;
    until(|| now(&emulator) == held + 180 * 86_400 + 30).await;
    page.fill("Seconds", "soon").await;
    page.click("Advance").await;
    page.sees("/seconds should be a number").await;
    page.eval("const at = document.querySelector('[type=datetime-local]'); at.value = '2100-01-02T03:04:05'; return null").await;
    page.click("Hold").await;
    page.sees("2100-01-02 03:04:05 UTC, held").await;
    page.click("Release").await;
    page.until(&format!("{shown}.endsWith('running')"), "a running clock")
        .await;
    assert!(now(&emulator) >= 4_102_542_245);
    page.click("Real time").await;
    until(|| now(&emulator) < 4_102_542_245).await;
    // The emulator's clock, which the app follows again.
    page.choose("Clock of", "Emulator").await;
    page.click("Hold").await;
    page.until(
        "return [...document.querySelectorAll('dd')].every((it) => it.innerText.endsWith('held'))",
        "both",
    )
    .await;
    assert!(emulator.clock().is_held());
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_goes_is_told() {
    let emulator = start().await;
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("it is free");
    let id = other.sdkappid();
    let page = Page::open(&emulator, &format!("#/trouble?app={id}"))
        .await
        .let_calls_fail();
    page.sees(&format!("App {id}")).await;

    other.remove().await.expect("it is there");

    page.sees(&format!("There is no app {id}.")).await;
    page.sees("App 88888888").await;
    page.click("Traffic").await;
    page.sees("0 calls").await;
    let text = page.text().await;
    assert!(!text.contains("There is no app"), "{text}");
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set_and_the_busiest_second_is_shown() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/trouble").await.let_calls_fail();

    page.sees("0 calls in the busiest second; the limit is 200; 0 were over it.")
        .await;
    page.fill("Calls a second (0: no limit)", "1").await;
    page.press(Key::Enter).await;
    page.sees("the limit is 1;").await;
    befriend(&emulator, "id", "id2").await;
    let refused = befriend(&emulator, "id", "id2").await;
    assert_eq!(refused["ErrorCode"], 60007);
    page.sees("2 calls in the busiest second; the limit is 1; 1 were over it.")
        .await;
    page.until(
        "const it = document.querySelector('meter'); return it.value === 2 && it.high === 1",
        "the bar",
    )
    .await;
    page.click("All limits").await;
    let row = "return [...document.querySelectorAll('details tr')].find((row) => row.innerText.startsWith('friend_add')).innerText";
    page.until(
        &format!("{row}.startsWith('friend_add\\t1\\t')"),
        "the limit",
    )
    .await;
    page.fill("Calls a second (0: no limit)", "-1").await;
    page.click("Set").await;
    page.sees("/friend_add should be an integer from 0 to 1000000")
        .await;
    page.fill("Calls a second (0: no limit)", "0").await;
    page.click("Set").await;
    page.sees("2 calls in the busiest second; there is no limit.")
        .await;
    page.until("return document.querySelector('meter').hidden", "no bar")
        .await;
    page.fill("Calls a second (0: no limit)", "").await;
    page.click("Set").await;
    page.until(
        &format!("{row}.startsWith('friend_add\\t200\\t')"),
        "the documented limit",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_saved_compared_restored_and_deleted_and_all_is_reset() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/trouble").await;

    page.fill("Name", HOSTILE).await;
    page.press(Key::Enter).await;
    page.click(&format!("Compare {HOSTILE}")).await;
    page.sees(&format!(
        "0 changes of accounts and relations since {HOSTILE}"
    ))
    .await;
    befriend(&emulator, "id", "id3").await;
    let import = json!({ "UserID": HOSTILE });
    let url = "im_open_login_svc/account_import";
    assert_eq!(call(&emulator, url, import).await["ErrorCode"], 0);
    page.click(&format!("Compare {HOSTILE}")).await;
    page.sees("friend id → id3").await;
    page.sees(&format!("account {HOSTILE}")).await;
    page.resize(NARROW).await;
    page.check_accessibility().await;
    page.click(&format!("Restore {HOSTILE}")).await;
    page.click("Yes").await;
    page.sees(&format!("Restore {HOSTILE}: done")).await;
    page.click(&format!("Compare {HOSTILE}")).await;
    page.sees("0 changes of").await;
    page.click(&format!("Delete {HOSTILE}")).await;
    page.until(
        "return !document.querySelector('[aria-label^=Compare]')",
        "no snapshot",
    )
    .await;
    page.until(
        "return document.activeElement.placeholder === 'snapshot'",
        "the focus",
    )
    .await;

    // The dialog takes the focus and gives it back; only Yes resets.
    let is_empty = || {
        emulator
            .requests()
            .list()
            .expect("a good filter")
            .is_empty()
    };
    for answer in [Key::Escape, Key::Enter] {
        assert!(!is_empty());
        page.tab_to("it.innerText === 'Reset everything'").await;
        page.press(Key::Enter).await;
        page.sees("Reset all apps, the journal, faults, clocks and limits?")
            .await;
        if matches!(answer, Key::Escape) {
            page.check_dialog().await;
        }
        page.press(answer).await;
        page.until(
            "return document.activeElement.innerText === 'Reset everything'",
            "the focus",
        )
        .await;
    }
    until(is_empty).await;
    page.finish().await;
}
