//! The view of accounts and relationships.

use crate::browser::{HOSTILE, Page, befriend, start};
use fantoccini::key::Key;
use tencent_chat_emulator::{AccountSeed, AllowType, Emulator};

/// JavaScript that counts the edges of a kind.
fn edges(kind: &str, number: usize) -> String {
    format!("return document.querySelectorAll('.graph .edge.{kind}').length === {number}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_follows_calls_from_anywhere() {
    let emulator = Emulator::builder()
        .seed(
            "ann",
            AccountSeed::new()
                .friend("id")
                .friend_one_way("id1")
                .blocks("id2"),
        )
        .seed("cat", AccountSeed::new().allow_type(AllowType::NeedConfirm))
        .start()
        .await
        .expect("good seeds");
    let page = Page::open(&emulator, "#/relationships").await;

    page.sees("8 accounts").await;
    for (kind, number) in [("mutual", 1), ("friend", 1), ("blocked", 1), ("pending", 0)] {
        page.until(&edges(kind, number), kind).await;
    }
    befriend(&emulator, "id", "id3").await;
    page.until(&edges("mutual", 2), "a new friendship").await;
    befriend(&emulator, "id", "cat").await;
    page.until(&edges("pending", 1), "a new request").await;

    page.choose("Show as", "Table").await;
    page.sees("friend, one way").await;
    // What has the focus keeps it when a row is added.
    page.tab_to("it.closest('tbody') && it.innerText === 'id3'")
        .await;
    befriend(&emulator, "id1", "id2").await;
    page.until(
        "return document.querySelectorAll('tbody tr').length === 6",
        "another row",
    )
    .await;
    assert_eq!(page.focused().await, "id3");
    assert!(page.fragment().await.contains("as=table"));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_seen_and_changed() {
    let emulator = Emulator::builder()
        .seed(HOSTILE, AccountSeed::new())
        .start()
        .await;
    let emulator = emulator.expect("a good seed");
    let app = emulator.default_app();
    let page = Page::open(&emulator, "#/relationships?account=id")
        .await
        .let_calls_fail();

    page.choose("AllowType", "AllowType_Type_NeedConfirm").await;
    page.sees("id is changed").await;
    page.click("Block").await;
    page.sees("Type the other account first.").await;
    page.fill("Other account", "nobody").await;
    page.click("Block").await;
    page.sees("there is no account nobody").await;
    page.fill("Other account", HOSTILE).await;
    page.click("Add as friends").await;
    page.click(&format!("Remove friend {HOSTILE}")).await;
    page.sees("Friends (0)").await;
    page.fill("Other account", HOSTILE).await;
    page.click("Block").await;
    page.sees("Blocklist (1)").await;
    page.fill("Other account", "id1").await;
    page.click("Send a request").await;
    page.sees("Sent requests (1)").await;
    page.go("#/relationships?account=id1").await;
    page.click("Agree and add").await;
    page.sees("Friends (1)").await;
    page.sees("both ways").await;
    page.click("Groups (0)").await;
    page.fill("Group", "Classmates").await;
    page.click("Add group").await;
    page.sees("Groups (1)").await;
    page.click("Remove group Classmates").await;
    page.sees("Groups (0)").await;
    page.click("Make it").await;
    page.sees("Type a name first.").await;
    page.fill("New account", "ann & bob/%").await;
    page.click("Make it").await;
    page.until("return location.hash.includes('ann')", "the new account")
        .await;
    page.click("Delete ann & bob/%").await;
    page.click("Yes").await;
    page.until("return !location.hash.includes('ann')", "no account")
        .await;
    page.until(
        "return document.activeElement.innerText === 'Account'",
        "the focus",
    )
    .await;

    let id = app.account("id").await.expect("it is there");
    assert_eq!(id.profile.allow_type, AllowType::NeedConfirm);
    let names = |entries: Vec<&str>| entries.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let blocked = id.blocklist.iter().map(|entry| entry.to.as_str()).collect();
    assert_eq!(names(blocked), [HOSTILE]);
    let friends = id.friends.iter().map(|entry| entry.to.as_str()).collect();
    assert_eq!(names(friends), ["id1"]);
    assert!(app.account("ann & bob/%").await.is_err());
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_accounts_are_searched_and_shown_by_neighbourhoods() {
    let emulator = start().await;
    let app = emulator.default_app();
    for number in 0..10_000 {
        let seed = match number {
            1..101 => AccountSeed::new().friend("user-0"),
            101..200 => AccountSeed::new().friend(&format!("user-{}", number - 1)),
            _ => AccountSeed::new(),
        };
        app.put_account(&format!("user-{number}"), seed)
            .await
            .expect("it is good");
    }
    let page = Page::open(&emulator, "#/relationships").await;

    page.sees("10006 accounts are too many for one picture")
        .await;
    page.fill("Find an account", "user-150").await;
    page.sees("3 of 10006 accounts, within 1 step of user-150")
        .await;
    page.fill("Find an account", "SER-15").await;
    page.press(Key::Enter).await;
    page.sees("within 1 step of user-15.").await;
    page.fill("Find an account", "none such").await;
    page.click("Find").await;
    page.sees("No account has this in its name.").await;
    page.fill("Find an account", "user-150").await;
    page.sees("within 1 step of user-150").await;
    page.choose("Neighbourhood", "3").await;
    page.sees("7 of 10006 accounts").await;
    page.go("#/relationships?account=user-0&steps=2").await;
    page.sees("60 of 10006 accounts, within 2 steps of user-0. At least 41 more are left out.")
        .await;
    page.sees("Friends (100)").await;
    page.screenshot("relationships-large").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_stays_while_the_emulator_is_gone_and_errors_go() {
    let emulator = start().await;
    let app = emulator.default_app();
    for number in 0..61 {
        app.put_account(&format!("u{number}"), AccountSeed::new())
            .await
            .expect("it is good");
    }
    let page = Page::open(&emulator, "#/relationships?account=u1")
        .await
        .let_calls_fail();
    page.sees("1 of 67 accounts").await;
    page.eval("location.hash = '#/relationships?account=none'")
        .await;
    page.sees("there is no account none").await;
    page.eval("location.hash = '#/relationships?account=u1'")
        .await;
    page.sees("1 of 67 accounts").await;
    let text = page.text().await;
    assert!(!text.contains("there is no account"), "{text}");
    let friend = AccountSeed::new().friend("u1");
    app.put_account("__proto__", friend)
        .await
        .expect("it is good");
    page.go("#/relationships?account=__proto__").await;
    page.sees("2 of 68 accounts, within 1 step of __proto__.")
        .await;
    // Without a chosen account, those that match the search are links.
    page.click("Relationships").await;
    page.sees("68 accounts are too many").await;
    page.fill("Find an account", "U6").await;
    page.until(
        "return document.querySelectorAll('.drawing button').length === 2",
        "u6 and u60",
    )
    .await;
    page.click("u60").await;
    page.sees("Delete u60").await;

    page.fill("Other account", "typed").await;
    emulator.stop().await;
    page.sees("The emulator does not answer.").await;
    // The next look at the account fails.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(page.focused().await, "Other account");
    assert_eq!(page.value("Other account").await, "typed");
    page.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_chosen_by_keyboard_alone() {
    let emulator = start().await;
    befriend(&emulator, "id", "id1").await;
    let page = Page::open(&emulator, "#/relationships").await;
    page.sees("6 accounts").await;

    page.tab_to("it.dataset.name === 'id1'").await;
    page.press(Key::Enter).await;

    page.sees("Delete id1").await;
    page.until(
        "return document.activeElement.dataset.name === 'id1'",
        "the focus stays",
    )
    .await;
    assert!(page.fragment().await.contains("account=id1"));
    page.check_accessibility().await;
    page.finish().await;
}
