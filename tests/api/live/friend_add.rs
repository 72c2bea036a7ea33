//! friend_add: AllowType, blocklists and groups, and the order of these checks.

use super::items::{ADD, ORDER, one, with};
use super::session::{Session, Step};
use super::table::Place;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const JUDGE: Place = ("src/sns/friend_add.rs", "pub fn judge(");
const IMPORT: Place = ("src/sns/friend_import.rs", "pub fn judge(");
const FAILED: Place = ("src/protocol/reply.rs", "fn fail_account(");
const DEFAULT: Place = ("config/emulator.toml", "default_allow_type =");

/// A body of friend_import with one item.
pub(super) fn imported(from: &str, to: &str) -> Value {
    one(
        from,
        json!({"To_Account": to, "AddSource": "AddSource_Type_Web"}),
    )
}

pub(super) async fn allow_types(session: &Session) -> Step<()> {
    let names = ["allow1", "allow2", "allow3"];
    let [from, confirms, denies] = session.people(names).await?;
    let fresh = session.name("allow4");
    session.import(std::slice::from_ref(&fresh)).await?;
    session
        .allow(&confirms, "AllowType_Type_NeedConfirm")
        .await?;
    session.allow(&denies, "AllowType_Type_DenyAny").await?;
    let to = |to: &str| one(&from, json!({"To_Account": to}));

    let pending = session.add(to(&confirms)).await;
    session.row(Code::NeedConfirm, ADD, &pending);
    let failed = pending.0["Fail_Account"].to_string();
    let assumed = json!([confirms]).to_string();
    session.rule(
        "a pending item is in Fail_Account",
        FAILED,
        &assumed,
        &failed,
    );
    let status = pending.0["ActionStatus"].as_str().unwrap_or_default();
    let rule = "ActionStatus is OK even if every item fails";
    session.rule(rule, FAILED, "OK", status);
    let rule = "a repeat of a pending request is pending again";
    session.adds(rule, ORDER, to(&confirms), "30539").await;

    for (name, assumed) in [(&confirms, "30539"), (&denies, "30516")] {
        let single = with(to(name), "AddType", "Add_Type_Single");
        let rule = "AllowType applies to Add_Type_Single";
        session.adds(rule, JUDGE, single, assumed).await;
        let forced = with(to(name), "ForceAddFlags", 1);
        let rule = "ForceAddFlags overrides AllowType";
        session.adds(rule, JUDGE, forced, "0").await;
    }
    let rule = "a new account allows everybody";
    session.adds(rule, DEFAULT, to(&fresh), "0").await;

    let answer = session
        .call("sns/friend_import", imported(&from, &denies))
        .await;
    let rule = "friend_import ignores AllowType";
    session.rule(rule, IMPORT, "0", &answer.codes());
    let rule = "an existing friend is found before AllowType";
    session.adds(rule, ORDER, to(&denies), "30001").await;
    Ok(())
}

pub(super) async fn forbidden(session: &Session) -> Step<()> {
    let [from, to] = session.people(["forbid1", "forbid2"]).await?;
    let tag = "Tag_Profile_IM_AdminForbidType";
    session.set(&from, tag, "AdminForbid_Type_SendOut").await?;
    let nobody = session.name("nobody");
    let add = |to: &str| one(&from, json!({"To_Account": to}));

    let forced = with(add(&to), "ForceAddFlags", 1);
    let rule = "ForceAddFlags does not override AdminForbidType";
    session.adds(rule, JUDGE, forced, "30009").await;
    let rule = "AdminForbidType is checked before To_Account's existence";
    session.adds(rule, ORDER, add(&nobody), "30009").await;
    Ok(())
}

pub(super) async fn blocklists(session: &Session) -> Step<()> {
    let names = ["block1", "block2", "block3", "block4"];
    let [from, blocked, blocks, both] = session.people(names).await?;
    for (one, other) in [
        (&from, &blocked),
        (&blocks, &from),
        (&from, &both),
        (&both, &from),
    ] {
        let body = json!({"From_Account": one, "To_Account": [other]});
        session.must("sns/black_list_add", body).await?;
    }
    let to = |to: &str| one(&from, json!({"To_Account": to}));

    for (row, name) in [
        (Code::InMyBlocklist, &blocked),
        (Code::InPeerBlocklist, &blocks),
    ] {
        let answer = session.add(to(name)).await;
        session.row(row, ADD, &answer);
        let forced = with(to(name), "ForceAddFlags", 1);
        let rule = "ForceAddFlags does not override a blocklist";
        let assumed = row.number().to_string();
        session.adds(rule, JUDGE, forced, &assumed).await;
    }
    let rule = "From_Account's blocklist is checked before To_Account's";
    session.adds(rule, ORDER, to(&both), "30515").await;
    session.allow(&blocks, "AllowType_Type_DenyAny").await?;
    let rule = "the blocklists are checked before AllowType";
    session.adds(rule, ORDER, to(&blocks), "30525").await;

    let answer = session
        .call("sns/friend_import", imported(&from, &blocked))
        .await;
    let rule = "friend_import ignores blocklists";
    session.rule(rule, IMPORT, "0", &answer.codes());
    let rule = "an existing friend is found before the blocklists";
    session.adds(rule, ORDER, to(&blocked), "30001").await;
    Ok(())
}

pub(super) async fn groups(session: &Session) -> Step<()> {
    let [from, to, shy] = session.people(["named1", "named2", "named3"]).await?;
    let in_group =
        |to: &str, group: &str| one(&from, json!({"To_Account": to, "GroupName": group}));
    session.must(ADD, in_group(&to, "new")).await?;
    let body = json!({"From_Account": from, "GroupName": ["new"]});
    let answer = session.call("sns/group_get", body).await;
    let members = answer.0["ResultItem"][0]["FriendNumber"].to_string();
    let rule = "friend_add creates a new group with the friend";
    session.rule(rule, JUDGE, "1", &members);

    let names: Vec<_> = (0..31).map(|number| format!("g{number}")).collect();
    let body = json!({"From_Account": from, "GroupName": names});
    session.must("sns/group_add", body).await?;
    for (allow_type, rule, assumed) in [
        (
            "AllowType_Type_NeedConfirm",
            "the number of groups is checked before NeedConfirm",
            "30011",
        ),
        (
            "AllowType_Type_DenyAny",
            "DenyAny is checked before the number of groups",
            "30516",
        ),
    ] {
        session.allow(&shy, allow_type).await?;
        let body = in_group(&shy, "one more");
        session.adds(rule, ORDER, body, assumed).await;
    }
    Ok(())
}
