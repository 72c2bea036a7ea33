//! The view that builds and sends a call.

use crate::browser::{HOSTILE, Page, start};
use crate::form::set_body;
use crate::tools::{run, tool};
use fantoccini::key::Key;
use serde_json::{Value, json};
use std::process::Command;
use tencent_chat_emulator::{AccountSeed, Code, Emulator, Fault};

/// The body in the page.
async fn body(page: &Page) -> Value {
    serde_json::from_str(&page.value("Body, as JSON").await).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_sent_explained_and_made_to_succeed() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;

    page.click("Send").await;
    page.sees("ErrorCode 0").await;
    page.sees("The call succeeded.").await;
    page.sees(" ms").await;
    page.click("Send").await;
    page.sees("Err_SNS_FriendAdd_Friend_Exist").await;
    page.sees("FriendExist To_Account is already").await;
    page.sees("Code: documented.").await;
    page.click("Make it 0: remove id1 from the friends of id")
        .await;
    page.sees("Done: remove id1 from the friends of id").await;
    page.sees("If it is sent again: 0 Ok").await;
    page.click("Send it again now").await;
    page.sees("Call 4 in Traffic").await;
    page.until(
        "return document.querySelector('.scroll tbody .ok')?.innerText === '0'",
        "an item that succeeded",
    )
    .await;
    assert_eq!(page.focused().await, "Send");

    let calls = emulator.requests().command("friend_add").list();
    let calls = calls.expect("a good filter");
    let randoms: Vec<_> = calls.iter().map(|call| &call.query).collect();
    assert_eq!(calls.len(), 3);
    assert!(randoms[0] != randoms[1] && randoms[1] != randoms[2]);
    page.click("Call 4 in Traffic").await;
    page.sees("Call 4: sns/friend_add").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_and_the_json_are_in_step() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;

    for (sample, items) in [
        ("Complete request", 1),
        ("Batch request", 3),
        ("Basic request", 1),
    ] {
        page.click(sample).await;
        assert_eq!(
            body(&page).await["AddFriendItem"].as_array().map(Vec::len),
            Some(items)
        );
    }
    page.fill("From_Account", HOSTILE).await;
    page.click("Add to AddFriendItem").await;
    page.sees("AddFriendItem 2").await;
    page.until(
        "const all = [...document.querySelectorAll('label')].filter((label) => label.innerText === 'To_Account');
         if (all.length < 2) return false;
         const input = document.getElementById(all[1].htmlFor);
         input.value = 'id2';
         input.dispatchEvent(new Event('input'));
         return true",
        "a second item",
    )
    .await;
    let item = json!({ "To_Account": "id1", "AddSource": "AddSource_Type_XXXXXXXX" });
    let expected =
        json!({ "From_Account": HOSTILE, "AddFriendItem": [item, { "To_Account": "id2" }] });
    assert_eq!(body(&page).await, expected);

    let text = r#"{"From_Account": "id3", "Unknown": 1, "AddFriendItem": []}"#;
    page.fill("Body, as JSON", text).await;
    page.until(
        "return document.querySelector('form input').value === 'id3'",
        "the form",
    )
    .await;
    page.fill("From_Account", "id4").await;
    assert_eq!(
        body(&page).await,
        json!({ "From_Account": "id4", "Unknown": 1, "AddFriendItem": [] })
    );
    page.fill(
        "Body, as JSON",
        "{\"From_Account\": \"x\",\n\"AddFriendItem\" []}",
    )
    .await;
    page.sees("Not JSON at line 2, column 17").await;
    assert_eq!(page.value("From_Account").await, "id4");
    page.click("Send").await;
    page.sees("60003").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_failed_items_the_first_are_explained() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    let items: Vec<_> = (0..1000)
        .map(|number| json!({ "To_Account": format!("a{number}"), "AddSource": "AddSource_Type_Test" }))
        .collect();
    let body = json!({ "From_Account": "id", "AddFriendItem": items });
    page.sees("expires").await;
    set_body(&page, &body.to_string()).await;

    page.click("Send").await;

    page.sees("990 more items are not explained here.").await;
    let cards = page.eval("return document.querySelectorAll('.explanation .card').length");
    assert_eq!(cards.await, 10);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_runs_as_it_is() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.fill("From_Account", "it's \"me\"").await;
    page.sees("Copy as").await;

    page.click("Copy as curl").await;
    let curl = page.clipboard().await;
    let curl = run(Command::new("sh").args(["-c", &curl.replace("curl ", "curl -sS ")]));
    page.click("Copy as Python").await;
    let python = run(tool("python").args(["-c", &page.clipboard_of("import json").await]));
    page.click("Copy as Node.js").await;
    let node = page.clipboard_of("const answer").await;
    let node = run(tool("node").args(["--input-type=module", "-e", &node]));

    for printed in [curl, python, node] {
        assert!(printed.contains("30003"), "{printed}");
    }
    let calls = emulator.requests().list().expect("a good filter");
    let from: Vec<_> = calls
        .iter()
        .map(|call| call.from_account.expect("it is decoded"))
        .collect();
    assert_eq!(from.len(), 3);
    assert!(from.iter().all(|from| from.as_str() == "it's \"me\""));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said() {
    let emulator = start().await;
    let app = emulator.default_app();
    let page = Page::open(&emulator, "#/call").await.let_calls_fail();

    for (fault, text) in [
        (Fault::http_status(502), "HTTP 502"),
        (Fault::close(), "the emulator did not answer"),
        (Fault::truncate(), "the answer broke off"),
        (Fault::malformed(), "the answer is not JSON"),
        (Fault::error_code(Code::Internal), "ErrorCode"),
    ] {
        app.faults().clear();
        // Chromium tries again when a connection is reset that was kept alive.
        app.faults().arm(fault).expect("it can fire");
        page.click("Send").await;
        page.sees(text).await;
        page.sees("ended the call; to disarm it").await;
    }
    app.faults().clear();
    app.set_limit("friend_add", Some(1))
        .expect("the app exists");
    // The clock is held, so no token comes back.
    app.clock().expect("the app exists").hold(None);
    for seen in ["ErrorCode 0", "60007 TooManyCalls No token is left"] {
        page.click("Send").await;
        page.sees(seen).await;
    }
    app.set_limit("friend_add", None).expect("the app exists");
    page.fill("Caller", "id").await;
    page.sees("; not an admin").await;
    page.click("Send").await;
    page.sees("30004").await;
    page.fill("UserSig", "broken").await;
    page.sees("edited").await;
    page.click("Send").await;
    page.sees("70003").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_has_the_call_but_not_the_usersig() {
    let emulator = Emulator::builder()
        .seed(HOSTILE, AccountSeed::new())
        .start()
        .await;
    let emulator = emulator.expect("a good seed");
    let body = json!({ "From_Account": HOSTILE, "StartIndex": 0 });
    let address = format!(
        "#/call?command=friend_get&body={}",
        body.to_string().replace('"', "%22")
    );
    let page = Page::open(&emulator, &address).await;

    assert_eq!(page.value("Command").await, "friend_get");
    assert_eq!(page.value("From_Account").await, HOSTILE);
    page.click("Send").await;
    page.sees("FriendNum").await;
    let fragment = page.fragment().await;
    assert!(
        fragment.contains("command=friend_get") && fragment.contains("StartIndex"),
        "{fragment}"
    );
    assert!(
        !fragment.contains("usersig") && !fragment.contains("eJ"),
        "{fragment}"
    );
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_kept_while_another_view_is_shown() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.fill("From_Account", "kept").await;
    page.fill("Caller", "id").await;
    page.sees("; not an admin").await;

    page.click("Traffic").await;
    page.sees("0 calls").await;
    page.click("Call").await;

    page.sees("; not an admin").await;
    assert_eq!(body(&page).await["From_Account"], "kept");
    assert_eq!(page.value("Caller").await, "id");
    // The body of another command is kept, too, because it was edited.
    page.choose("Command", "friend_get").await;
    assert_eq!(body(&page).await["From_Account"], "kept");
    page.click("Example").await;
    page.choose("Command", "friend_add").await;
    page.until(
        "return document.querySelector('textarea').value.includes('id1')",
        "the sample",
    )
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_the_usersig_of_its_caller() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;
    page.sees("expires").await;

    // Making a UserSig takes a while.
    page.eval(
        "const send = fetch;
         window.fetch = async (path, init) => {
             if (path.endsWith('/user_sig')) await new Promise((done) => setTimeout(done, 300));
             return send(path, init);
         }",
    )
    .await;
    page.eval(
        "const input = [...document.querySelectorAll('label')].find((it) => it.innerText === 'Caller').control;
         input.value = 'id';
         input.dispatchEvent(new Event('input'));
         input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true }))",
    )
    .await;

    // Not 70013, which says that the UserSig is of another caller.
    page.sees("ErrorCode 30004").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_sent_by_keyboard_alone() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/call").await;

    page.tab_to("it.innerText === 'Batch request'").await;
    page.press(Key::Enter).await;
    page.sees("AddFriendItem 3").await;
    page.tab_to("it.innerText === 'Send'").await;
    page.press(Key::Enter).await;
    page.sees("ErrorCode 0").await;

    page.check_accessibility().await;
    page.finish().await;
}
