//! friend_add: what its request alone shows, and the order of these checks.

use super::server::Answer;
use super::session::{Session, Step};
use super::table::Place;
use crate::harness::row_text;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

pub(super) const ADD: &str = "sns/friend_add";

pub(super) const ORDER: Place = ("src/sns/friend_add.rs", "Tencent documents no order");
const PARSE: Place = ("src/sns/friend_add.rs", "pub fn parse(");
const SOURCE: Place = ("src/sns/texts.rs", "impl AddSource {");
const LENGTH: Place = ("src/commands/context.rs", "fn check_length(");
const CHOICE: Place = ("src/commands/context.rs", "fn choice<");

/// A body with one item.
pub(super) fn one(from: &str, item: Value) -> Value {
    json!({"From_Account": from, "AddFriendItem": [item]})
}

/// A body with one more field.
pub(super) fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

impl Session {
    /// Calls friend_add. If an item succeeds, deletes the friends again, so that the next case finds
    /// none.
    pub(super) async fn add(&self, body: Value) -> Answer {
        let from = body["From_Account"].clone();
        let answer = self.call(ADD, body).await;
        if answer.codes().split(", ").any(|code| code == "0") {
            let body = json!({"From_Account": from, "DeleteType": "Delete_Type_Both"});
            self.call("sns/friend_delete_all", body).await;
        }
        answer
    }

    /// Calls friend_add, and settles a rule by the codes.
    pub(super) async fn adds(&self, rule: &str, at: Place, body: Value, assumed: &str) {
        let answer = self.add(body).await;
        self.rule(rule, at, assumed, &answer.codes());
    }
}

pub(super) async fn rows(session: &Session) -> Step<()> {
    let [from, to] = session.people(["row1", "row2"]).await?;
    let (nobody, long) = (session.name("nobody"), "x".repeat(257));
    for (row, item) in [
        (Code::ToAccountIllegal, json!({"To_Account": &long[..33]})),
        (Code::AddSelf, json!({"To_Account": from})),
        (Code::ToAccountNotExist, json!({"To_Account": nobody})),
        (
            Code::RemarkTooLong,
            json!({"To_Account": to, "Remark": &long[..97]}),
        ),
        (
            Code::GroupNameTooLong,
            json!({"To_Account": to, "GroupName": &long[..31]}),
        ),
        (
            Code::WordingTooLong,
            json!({"To_Account": to, "AddWording": long}),
        ),
    ] {
        let answer = session.add(one(&from, item)).await;
        session.row(row, ADD, &answer);
    }
    let answer = session.add(one(&nobody, json!({"To_Account": to}))).await;
    session.row(Code::FromAccountNotExist, ADD, &answer);
    Ok(())
}

/// The order of the checks of an item: each item fails two.
pub(super) async fn order(session: &Session) -> Step<()> {
    let [from, to] = session.people(["order1", "order2"]).await?;
    let (nobody, long) = (session.name("nobody"), "x".repeat(257));
    let (remark, group) = (&long[..97], &long[..31]);
    for (rule, item, row) in [
        (
            "a self-add is found before a wrong AddSource",
            json!({"To_Account": from, "AddSource": "Web"}),
            Code::AddSelf,
        ),
        (
            "AddSource is checked before Remark",
            json!({"To_Account": to, "AddSource": "Web", "Remark": remark}),
            Code::SourceIllegal,
        ),
        (
            "Remark is checked before GroupName",
            json!({"To_Account": to, "Remark": remark, "GroupName": group}),
            Code::RemarkTooLong,
        ),
        (
            "GroupName is checked before AddWording",
            json!({"To_Account": to, "GroupName": group, "AddWording": long}),
            Code::GroupNameTooLong,
        ),
        (
            "a field is checked before To_Account's existence",
            json!({"To_Account": nobody, "Remark": remark}),
            Code::RemarkTooLong,
        ),
    ] {
        let answer = session.add(one(&from, item)).await;
        let assumed = format!("{} {}", row.number(), row_text(row, "friend_add"));
        session.rule(rule, ORDER, &assumed, &answer.text());
    }
    Ok(())
}

pub(super) async fn rules(session: &Session) -> Step<()> {
    let [from, to] = session.people(["rule1", "rule2"]).await?;
    let nobody = session.name("nobody");
    for (rule, at, source, assumed) in [
        ("AddSource may be missing", PARSE, json!(null), "0"),
        ("AddSource may be empty", PARSE, json!(""), "0"),
        (
            "AddSource has a keyword",
            SOURCE,
            json!("AddSource_Type_"),
            "30001",
        ),
        (
            "the keyword may have 8 letters",
            SOURCE,
            json!("AddSource_Type_ABCDefgh"),
            "0",
        ),
        (
            "the keyword has at most 8 letters",
            SOURCE,
            json!("AddSource_Type_ABCDefghi"),
            "30001",
        ),
        (
            "the keyword has no digits",
            SOURCE,
            json!("AddSource_Type_A1"),
            "30001",
        ),
    ] {
        let mut item = json!({"To_Account": to});
        if !source.is_null() {
            item["AddSource"] = source;
        }
        session.adds(rule, at, one(&from, item), assumed).await;
    }

    let body = with(
        one(&from, json!({"To_Account": to})),
        "AddType",
        "Add_Type_Nope",
    );
    let rule = "an unknown AddType fails the call";
    session.adds(rule, CHOICE, body, "30001 of the call").await;
    let items = |items: Vec<Value>| json!({"From_Account": from, "AddFriendItem": items});
    let body = items(vec![json!({"To_Account": to}); 2]);
    let rule = "a second item for the same account finds the friend of the first";
    session.adds(rule, ORDER, body, "0, 30001").await;
    let many = (0..1001).map(|number| json!({"To_Account": format!("{nobody}{number}")}));
    let (rule, body) = ("1001 items fail the call", items(many.collect()));
    session.adds(rule, LENGTH, body, "30001 of the call").await;
    let (rule, body) = ("an empty list fails the call", items(Vec::new()));
    session.adds(rule, LENGTH, body, "30001 of the call").await;
    Ok(())
}
