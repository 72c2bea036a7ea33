//! The commands of profiles and accounts.

use super::session::{Session, Step};
use super::table::Place;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const SET: &str = "profile/portrait_set";
const GET: &str = "profile/portrait_get";

const UNKNOWN_TAG: Place = ("src/commands/portrait_get.rs", "let tags = distinct_tags");
const LENGTH: Place = ("src/commands/multiaccount_import.rs", "const MAX_ACCOUNTS");

pub(super) async fn profiles(session: &Session) -> Step<()> {
    let [from] = session.people(["profile1"]).await?;
    let nobody = session.name("nobody");
    let set = |from: &str, tag: &str, value: Value| json!({"From_Account": from, "ProfileItem": [{"Tag": tag, "Value": value}]});
    let nick = "Tag_Profile_IM_Nick";
    for (row, body) in [
        (Code::ProfileAccountNotExist, set(&nobody, nick, json!("x"))),
        (
            Code::ProfileTagNotExist,
            set(&from, "Tag_Profile_IM_Nope", json!("x")),
        ),
        (
            Code::ProfileTooLong,
            set(&from, nick, json!("x".repeat(501))),
        ),
        (
            Code::ProfileValueIllegal,
            set(&from, "Tag_Profile_IM_Gender", json!("x")),
        ),
        (Code::ProfileTypeIllegal, set(&from, nick, json!(1))),
    ] {
        let answer = session.call(SET, body).await;
        session.row(row, SET, &answer);
    }
    let answer = session
        .call(GET, json!({"To_Account": [], "TagList": [nick]}))
        .await;
    session.row(Code::ProfileNoAccount, GET, &answer);
    let answer = session
        .call(GET, json!({"To_Account": [nobody], "TagList": [nick]}))
        .await;
    session.row(Code::ProfileAccountNotExist, GET, &answer);
    let answer = session
        .call(
            GET,
            json!({"To_Account": [from], "TagList": [nick, "Tag_Profile_IM_Nope"]}),
        )
        .await;
    session.rule(
        "an unknown Tag fails the whole portrait_get",
        UNKNOWN_TAG,
        "40009 of the call",
        &answer.codes(),
    );
    Ok(())
}

pub(super) async fn accounts(session: &Session) -> Step<()> {
    let import = "im_open_login_svc/account_import";
    let long = session.name(&"x".repeat(33));
    let answer = session.call(import, json!({"UserID": long})).await;
    if answer.codes() == "0" {
        session.to_delete(&[long]);
    }
    session.row(Code::AccountParameter, import, &answer);
    let items: Vec<_> = (0..101)
        .map(|number| json!({"UserID": session.name(&format!("check{number}"))}))
        .collect();
    let answer = session
        .call(
            "im_open_login_svc/account_check",
            json!({"CheckItem": items}),
        )
        .await;
    session.rule(
        "101 accounts fail account_check",
        LENGTH,
        "70402 of the call",
        &answer.codes(),
    );
    Ok(())
}
