//! The view that looks into UserSigs.

use crate::browser::{HOSTILE, Page, start};
use fantoccini::key::Key;
use serde_json::json;
use tencent_chat_emulator::config::AppConfig;

const LABEL: &str = "UserSig, URL or curl command";

#[tokio::test(flavor = "multi_thread")]
async fn a_usersig_a_url_and_a_curl_command_are_looked_into() {
    let emulator = start().await;
    let app = emulator.default_app();
    let page = Page::open(&emulator, "#/doctor").await;
    let (usersig, url) = (app.user_sig("administrator"), app.url("friend_add"));
    let encoded = url
        .replace('*', "%2A")
        .replace('-', "%2d")
        .replace('_', "%5F");

    // Between two texts, the findings change, so that none is taken for the one before.
    for (text, finding) in [
        (usersig.clone(), "It is valid"),
        (app.user_sig_for("administrator", -100), "70001"),
        (url.clone(), "It is valid"),
        (app.user_sig("id"), "is not an admin"),
        (format!("curl '{encoded}' -d '{{}}'"), "It is valid"),
        ("nonsense".to_owned(), "not zlib"),
        (encoded.replace('%', "%25"), "It is valid"),
        (
            "https://host/?sdkappid=88888888".to_owned(),
            "No usersig in it.",
        ),
        (usersig.replace('*', "%2A"), "It is valid"),
        (
            url.replace("88888888", "7"),
            "A call gets 70020, because there is no app 7.",
        ),
        (url.replace("=administrator", "=id"), "70013"),
        (
            json!({ "usersig": usersig, "identifier": "administrator" }).to_string(),
            "It is valid",
        ),
        ("x".to_owned(), "not base64"),
        (
            format!("{}\n  {}", &usersig[..40], &usersig[40..]),
            "It is valid",
        ),
        ("y".to_owned(), "not base64"),
        (usersig, "It is valid"),
    ] {
        page.fill(LABEL, &text).await;
        page.sees(finding).await;
    }
    assert_eq!(page.value("Caller (identifier)").await, "");
    page.fill("Caller (identifier)", HOSTILE).await;
    page.sees(&format!("and identifier is \"{HOSTILE}\"")).await;

    // A caller that was typed stays, so it is another one than that of the UserSig.
    page.fill(LABEL, &app.user_sig("id")).await;
    page.sees("70013").await;
    page.fill("Caller (identifier)", "").await;
    page.fill(LABEL, &app.user_sig_for("administrator", -7200))
        .await;
    page.sees("2 hours ago").await;
    page.sees("It has not expired: failed").await;
    page.sees("The caller is an app admin: not reached").await;
    assert!(!page.fragment().await.contains("eJ"));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_of_a_pasted_call_is_chosen() {
    let emulator = start().await;
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("it is free");
    let page = Page::open(&emulator, "#/doctor").await;

    let url = other.url("friend_add");
    page.fill(LABEL, &url).await;

    let id = other.sdkappid().to_string();
    let chosen = format!("return document.getElementById('app').value === '{id}'");
    page.until(&chosen, "the app").await;
    page.sees("It is valid").await;
    assert_eq!(page.fragment().await, format!("#/doctor?app={id}"));
    assert_eq!(page.value(LABEL).await, url);
    let focused = "return document.activeElement.localName";
    assert_eq!(page.eval(focused).await, "textarea");
    page.choose("App", "88888888").await;
    page.sees(&format!(
        "The call is of app {id}. The UserSig is checked for app 88888888."
    ))
    .await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_one_and_each_wrong_one_are_made() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/doctor").await;

    for (flaw, code) in [
        ("expired", "70001"),
        ("other_key", "70009"),
        ("other_app", "70014"),
        ("other_identifier", "70013"),
        ("truncated", "70003"),
    ] {
        page.choose("Flaw", flaw).await;
        page.click("Make a wrong one").await;
        page.sees(code).await;
    }
    page.check_accessibility().await;
    page.tab_to("it.innerText === 'Make a valid one'").await;
    page.press(Key::Enter).await;
    page.sees("It is valid").await;
    page.sees("The caller is an app admin: passed").await;
    page.check_accessibility().await;
    page.finish().await;
}
