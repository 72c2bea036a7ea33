//! The limits of an account's lists, which need 3001 accounts.

use super::friend_add::imported;
use super::items::{ADD, one};
use super::session::{Session, Step};
use super::table::Place;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const PENDING: Place = ("src/sns/friend_add.rs", "if !pair.from_asked_to && pair");
const SETTLE: Place = (
    "src/sns/friend_import.rs",
    "A pending request between the two accounts ends",
);
const FULL: Place = (
    "src/sns/friend_add.rs",
    "if pair.from_friends >= policy.max_friends",
);
const PAGE: Place = ("src/commands/friend_get.rs", "const PAGE");
const COMPARE: Place = ("src/commands/friend_get.rs", "let has = |");
const NEXT: Place = ("src/commands/context.rs", "fn next_index(");

fn add(from: &str, to: &str) -> Value {
    one(from, json!({"To_Account": to}))
}

/// Imports the accounts that only fill lists.
pub(super) async fn fillers(session: &Session) -> Step<Vec<String>> {
    let names = (0..=3000).map(|number| session.name(&format!("bulk{number}")));
    let names: Vec<_> = names.collect();
    session.import(&names).await?;
    Ok(names)
}

pub(super) async fn pending(session: &Session, names: &[String]) -> Step<()> {
    let [asked] = session.people(["asked1"]).await?;
    session.allow(&asked, "AllowType_Type_NeedConfirm").await?;
    // 100 requests are pending, and the next is one too many.
    let mut senders = names[..101].iter();
    let refused = loop {
        let sender = senders.next().ok_or("101 requests are pending")?;
        let answer = session.call(ADD, add(sender, &asked)).await;
        if answer.codes() != "30539" {
            session.row(Code::PendingFull, ADD, &answer);
            break sender;
        }
    };
    let answer = session.call(ADD, add(&names[0], &asked)).await;
    let rule = "a repeat of a pending request is not a new one";
    session.rule(rule, PENDING, "30539", &answer.codes());
    let body = imported(&names[0], &asked);
    session.must("sns/friend_import", body).await?;
    let answer = session.call(ADD, add(refused, &asked)).await;
    let rule = "friend_import ends a pending request";
    session.rule(rule, SETTLE, "30539", &answer.codes());
    Ok(())
}

pub(super) async fn friends(session: &Session, names: &[String]) -> Step<()> {
    let [full, shy, denies] = session.people(["full1", "full2", "full3"]).await?;
    session.allow(&shy, "AllowType_Type_NeedConfirm").await?;
    session.allow(&denies, "AllowType_Type_DenyAny").await?;
    for friends in names[..3000].chunks(1000) {
        let item = |to: &String| json!({"To_Account": to, "AddSource": "AddSource_Type_Web"});
        let items: Vec<_> = friends.iter().map(item).collect();
        let body = json!({"From_Account": full, "AddFriendItem": items});
        session.must("sns/friend_import", body).await?;
    }

    let answer = session.call(ADD, add(&names[3000], &full)).await;
    session.row(Code::PeerFriendsFull, ADD, &answer);
    let rule = "DenyAny is checked before the number of friends";
    let answer = session.call(ADD, add(&full, &denies)).await;
    session.rule(rule, FULL, "30516", &answer.codes());
    let rule = "the number of friends is checked before NeedConfirm";
    let answer = session.call(ADD, add(&full, &shy)).await;
    session.rule(rule, FULL, "30010", &answer.codes());

    let body = json!({"From_Account": full, "StartIndex": 0});
    let page = session.call("sns/friend_get", body).await.0;
    let length = page["UserDataItem"].as_array().map_or(0, Vec::len);
    let rule = "friend_get has 100 friends a page";
    session.rule(rule, PAGE, "100", &length.to_string());
    let rule = "NextStartIndex is the index of the next page's first friend";
    session.rule(rule, NEXT, "100", &page["NextStartIndex"].to_string());
    let body = json!({
        "From_Account": full,
        "StartIndex": 100,
        "StandardSequence": page["StandardSequence"],
        "CustomSequence": page["CustomSequence"],
    });
    let page = session.call("sns/friend_get", body).await.0;
    let field = &page["UserDataItem"][0]["ValueItem"][0]["Tag"];
    let rule = "friend_get does not compare the sequences for a later page";
    let has_fields = field.is_string().to_string();
    session.rule(rule, COMPARE, "true", &has_fields);
    Ok(())
}

pub(super) async fn blocklist(session: &Session, names: &[String]) -> Step<()> {
    let from = &names[3000];
    let block = |to: &[String]| json!({"From_Account": from, "To_Account": to});
    let command = "sns/black_list_add";
    session.must(command, block(&names[..1000])).await?;
    let answer = session.call(command, block(&names[1000..=1000])).await;
    session.row(Code::BlocklistFull, command, &answer);
    Ok(())
}
