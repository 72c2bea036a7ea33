//! The checks before a command, and their order. The accounts were imported by other cases, because
//! the server may not import more.

use super::items::{ADD, one};
use super::session::{Session, Step};
use super::table::Place;
use serde_json::json;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::protocol::ids::SdkAppId;

const ORDER: Place = ("src/gateway/mod.rs", "GUESS: Tencent documents no order");
const BODY: Place = ("src/commands/body.rs", "pub(super) fn decode<");
const RANDOM: Place = ("src/protocol/query.rs", "fn is_documented_random");
const REPEATED: Place = ("src/protocol/query.rs", "the first value counts (GUESS)");

const ACCOUNT_CHECK: &str = "im_open_login_svc/account_check";

/// Two accounts of this run.
fn people(session: &Session) -> [String; 2] {
    ["row1", "row2"].map(|name| session.name(name))
}

/// A good body of friend_add.
fn body(session: &Session) -> String {
    let [from, to] = people(session);
    one(&from, json!({"To_Account": to})).to_string()
}

pub(super) async fn rows(session: &Session) -> Step<()> {
    let (server, good, body) = (&session.server, session.server.query(), body(session));
    let [from, other] = people(session);
    let no_type = good.replace("&contenttype=json", "");
    let number = json!({"From_Account": 5, "AddFriendItem": []}).to_string();
    for (row, command, query, body) in [
        (Code::NoSuchCommand, "sns/friend_nope", &good, &*body),
        (Code::BadParameter, ADD, &no_type, &*body),
        (Code::NotJson, ADD, &good, "{"),
        (Code::AccountNotAString, ADD, &good, &*number),
    ] {
        let answer = server.send("POST", command, query, body).await;
        session.row(row, command, &answer);
    }

    // Not From_Account itself, which may be allowed to call.
    let stranger = server.query_of(&other);
    let get = json!({"To_Account": [from], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
    let check = json!({"CheckItem": [{"UserID": from}]}).to_string();
    for (row, command, body) in [
        (Code::NotAdmin, ADD, body),
        (Code::ProfileNotAdmin, "profile/portrait_get", get),
        (Code::AccountNotAdmin, ACCOUNT_CHECK, check),
    ] {
        let answer = server.send("POST", command, &stranger, body).await;
        session.row(row, command, &answer);
    }
    Ok(())
}

/// Calls of stubs that are refused, so that no message is sent and no group is made.
pub(super) async fn stubs(session: &Session) -> Step<()> {
    let (server, good) = (&session.server, session.server.query());
    let [to, other] = people(session);
    let stranger = server.query_of(&other);
    let (message, group) = ("openim/sendmsg", "group_open_http_svc/create_group");
    let no_body = json!({"To_Account": to, "MsgRandom": 1}).to_string();
    let no_receiver = json!({"MsgRandom": 1, "MsgBody": []}).to_string();
    let no_random = json!({"To_Account": to, "MsgBody": []}).to_string();
    for (row, command, query, body) in [
        (Code::MessageBody, message, &good, &*no_body),
        (Code::MessageReceiver, message, &good, &*no_receiver),
        (Code::MessageRandom, message, &good, &*no_random),
        (Code::MessageFormat, message, &good, "[]"),
        (Code::MessageNotAdmin, message, &stranger, "{}"),
        (Code::GroupParameter, group, &good, r#"{"Type":"Public"}"#),
        (Code::GroupNotAllowed, group, &stranger, "{}"),
    ] {
        let answer = server.send("POST", command, query, body).await;
        session.row(row, command, &answer);
    }
    Ok(())
}

pub(super) async fn rules(session: &Session) -> Step<()> {
    let (server, good, body) = (&session.server, session.server.query(), body(session));
    let [from, other] = people(session);
    let stranger = server.query_of(&other);
    for (rule, query, body, assumed) in [
        ("an empty body is not JSON", &good, "", "60003"),
        ("comments are not JSON", &good, "{} // comment", "60003"),
        ("a list is an invalid request", &good, "[]", "30001"),
    ] {
        let answer = server.send("POST", ADD, query, body).await;
        let assumed = format!("{assumed} of the call");
        session.rule(rule, BODY, &assumed, &answer.codes());
    }
    for (rule, (method, command), query, body, assumed) in [
        (
            "the command is checked before the query",
            ("POST", "sns/friend_nope"),
            "",
            &*body,
            "60009",
        ),
        (
            "the identifier is checked before the method",
            ("GET", ADD),
            &stranger,
            "",
            "30004",
        ),
        (
            "the identifier is checked before the body",
            ("POST", ADD),
            &stranger,
            "{",
            "30004",
        ),
        (
            "the method is checked before the body",
            ("GET", ADD),
            &good,
            "",
            "60008",
        ),
    ] {
        let answer = server.send(method, command, query, body).await;
        let assumed = format!("{assumed} of the call");
        session.rule(rule, ORDER, &assumed, &answer.codes());
    }
    let check = json!({"CheckItem": [{"UserID": from}]}).to_string();
    for (rule, at, query) in [
        (
            "any random is accepted",
            RANDOM,
            good.replace("random=99999999", "random=x"),
        ),
        (
            "random may be missing",
            RANDOM,
            good.replace("&random=99999999", ""),
        ),
        (
            "the first value of a repeated parameter counts",
            REPEATED,
            format!("{good}&contenttype=xml"),
        ),
    ] {
        let answer = server.send("POST", ACCOUNT_CHECK, &query, &*check).await;
        session.rule(rule, at, "0", &answer.codes());
    }
    Ok(())
}

/// Wrong UserSigs come last, because the server may lock their callers.
pub(super) async fn user_sigs(session: &Session) -> Step<()> {
    let (server, good, body) = (&session.server, session.server.query(), body(session));
    let [_, other] = people(session);
    let unknown = SdkAppId::parse("4294967295").expect("legal");
    let admin = &server.admin;
    let of_another = good.replace(
        &format!("identifier={admin}"),
        &format!("identifier={other}"),
    );
    let of_unknown = format!(
        "sdkappid={unknown}&identifier={admin}&usersig={}&random=1&contenttype=json",
        server.user_sig(unknown, admin)
    );
    for (row, query) in [
        (Code::SigIdentifier, of_another),
        (Code::NoSuchApp, of_unknown),
    ] {
        let answer = server.send("POST", ADD, &query, &*body).await;
        session.row(row, ADD, &answer);
    }
    let damaged = good.replace("usersig=", "usersig=x");
    for (rule, method, body) in [
        ("the UserSig is checked before the body", "POST", "{"),
        ("the UserSig is checked before the method", "GET", ""),
    ] {
        let answer = server.send(method, ADD, &damaged, body).await;
        session.rule(rule, ORDER, "70003 of the call", &answer.codes());
    }
    Ok(())
}
