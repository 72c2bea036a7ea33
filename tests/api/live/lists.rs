//! The commands of the friend lists, the blocklist and the groups.

use super::friend_add::imported;
use super::items::one;
use super::session::{Session, Step};
use super::table::Place;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const DELETE: Place = ("src/sns/friend_delete.rs", "pub fn judge(");
const DELETE_TYPE: Place = (
    "src/commands/friend_delete.rs",
    "GUESS: this page names no default",
);
const REVERSE: Place = ("src/sns/friend_add.rs", "let to_gains =");
const IMPORT_SOURCE: Place = ("src/sns/friend_import.rs", "source.ok_or(");
const IMPORT_AGAIN: Place = ("src/sns/friend_import.rs", "let change = if");
const UNKNOWN_TAG: Place = ("src/commands/friend_get_list.rs", "GUESS: an unknown Tag");
const GET: Place = ("src/commands/friend_get.rs", "let has = |");
const SEQUENCES: Place = ("src/sns/model.rs", "pub struct Sequences");
const BLOCK: Place = ("src/sns/black_list.rs", "pub fn judge_add(");
const MAX_LIMITED: Place = ("src/commands/black_list_get.rs", "const MAX_PAGE");
const GROUP_ADD: Place = ("src/sns/group.rs", "pub fn judge_add(");
const GROUP_DELETE: Place = ("src/sns/group.rs", "pub fn judge_delete(");
const GROUP_NAMES: Place = ("src/commands/context.rs", "const MAX_GROUP_NAMES");

fn to(from: &str, to: &str) -> Value {
    json!({"From_Account": from, "To_Account": [to]})
}

impl Session {
    /// Calls a command, and settles a rule by the codes.
    async fn answers(
        &self,
        rule: &str,
        at: Place,
        (command, body): (&str, Value),
        assumed: &str,
    ) -> Value {
        let answer = self.call(command, body).await;
        self.rule(rule, at, assumed, &answer.codes());
        answer.0
    }

    /// friend_check's Relation of two accounts, in both directions.
    async fn relation(&self, from: &str, other: &str) -> String {
        let mut body = to(from, other);
        body["CheckType"] = "CheckResult_Type_Both".into();
        let answer = self.call("sns/friend_check", body).await;
        let relation = &answer.0["InfoItem"][0]["Relation"];
        relation.as_str().unwrap_or_default().to_owned()
    }
}

/// Cases where the friendship has only one direction.
pub(super) async fn directions(session: &Session) -> Step<()> {
    let [from, other] = session.people(["way1", "way2"]).await?;
    session
        .must("sns/friend_import", imported(&other, &from))
        .await?;

    let rule = "friend_delete looks only at From_Account's list";
    let call = ("sns/friend_delete", to(&from, &other));
    session.answers(rule, DELETE, call, "31704").await;
    let rule = "friend_add makes the missing direction";
    let call = ("sns/friend_add", one(&from, json!({"To_Account": other})));
    session.answers(rule, REVERSE, call, "0").await;
    let relation = session.relation(&from, &other).await;
    session.rule(rule, REVERSE, "CheckResult_Type_BothWay", &relation);

    session.must("sns/friend_delete", to(&from, &other)).await?;
    let relation = session.relation(&from, &other).await;
    let rule = "friend_delete deletes one direction by default";
    session.rule(rule, DELETE_TYPE, "CheckResult_Type_BWithA", &relation);
    Ok(())
}

/// The items for which a record contradicts the documentation.
pub(super) async fn recorded(session: &Session) -> Step<()> {
    let [from, other] = session.people(["record1", "record2"]).await?;
    let add = || one(&from, json!({"To_Account": other}));
    session.must("sns/friend_add", add()).await?;
    let mut group_add = to(&from, &other);
    group_add["GroupName"] = json!(["group"]);
    for (row, command, body) in [
        (Code::FriendExist, "sns/friend_add", add()),
        (Code::Ok, "sns/friend_delete", to(&from, &other)),
        (Code::NotInFriendList, "sns/group_add", group_add),
        (Code::Ok, "sns/black_list_add", to(&from, &other)),
        (Code::Ok, "sns/black_list_delete", to(&from, &other)),
    ] {
        let answer = session.call(command, body).await;
        session.row(row, command, &answer);
    }
    Ok(())
}

pub(super) async fn friends(session: &Session) -> Step<()> {
    let [from, other] = session.people(["list1", "list2"]).await?;
    let import = "sns/friend_import";
    let rule = "friend_import needs AddSource";
    let call = (import, one(&from, json!({"To_Account": other})));
    session.answers(rule, IMPORT_SOURCE, call, "30001").await;
    session.must(import, imported(&from, &other)).await?;
    let rule = "friend_import of a friend is an update";
    let call = (import, imported(&from, &other));
    session.answers(rule, IMPORT_AGAIN, call, "0").await;

    for (row, tag, value) in [
        (
            Code::TagIllegal,
            "Tag_SNS_IM_AddSource",
            json!("AddSource_Type_Web"),
        ),
        (Code::ValueIllegal, "Tag_SNS_IM_Remark", json!(1)),
    ] {
        let item = json!({"To_Account": other, "SnsItem": [{"Tag": tag, "Value": value}]});
        let body = json!({"From_Account": from, "UpdateItem": [item]});
        let answer = session.call("sns/friend_update", body).await;
        session.row(row, "sns/friend_update", &answer);
    }
    let mut body = to(&from, &other);
    body["TagList"] = json!(["Tag_SNS_IM_Nope"]);
    let rule = "an unknown Tag fails the whole friend_get_list";
    let call = ("sns/friend_get_list", body);
    session
        .answers(rule, UNKNOWN_TAG, call, "30001 of the call")
        .await;
    Ok(())
}

pub(super) async fn blocklist(session: &Session) -> Step<()> {
    let [from, other] = session.people(["black1", "black2"]).await?;
    let delete = "sns/black_list_delete";
    let answer = session.call(delete, to(&from, &other)).await;
    session.row(Code::NotBlocked, delete, &answer);
    let rule = "an account cannot block itself";
    let call = ("sns/black_list_add", to(&from, &from));
    session.answers(rule, BLOCK, call, "30001").await;
    let body =
        json!({"From_Account": from, "StartIndex": 0, "MaxLimited": 1001, "LastSequence": 0});
    let rule = "black_list_get accepts a MaxLimited over 1000";
    let call = ("sns/black_list_get", body);
    session.answers(rule, MAX_LIMITED, call, "0").await;
    Ok(())
}

pub(super) async fn sequences(session: &Session) -> Step<()> {
    let [from, other] = session.people(["get1", "get2"]).await?;
    let get = async |standard: &Value| {
        let body = json!({"From_Account": from, "StartIndex": 0, "StandardSequence": standard, "CustomSequence": 0});
        session.call("sns/friend_get", body).await.0
    };
    let both = |answer: &Value| {
        let (standard, custom) = (&answer["StandardSequence"], &answer["CustomSequence"]);
        format!("{standard} and {custom}")
    };

    let answer = get(&json!(0)).await;
    session.rule(
        "both sequences start at 0",
        SEQUENCES,
        "0 and 0",
        &both(&answer),
    );
    let body = one(&from, json!({"To_Account": other}));
    session.must("sns/friend_add", body).await?;
    let answer = get(&json!(0)).await;
    let rule = "a new friend adds 1 to the standard sequence";
    session.rule(rule, SEQUENCES, "1 and 0", &both(&answer));
    let remark = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "r"}]);
    let item = json!({"To_Account": other, "SnsItem": remark});
    let body = json!({"From_Account": from, "UpdateItem": [item]});
    session.must("sns/friend_update", body).await?;
    let answer = get(&json!(0)).await;
    let rule = "an update adds 1 to the standard sequence";
    session.rule(rule, SEQUENCES, "2 and 0", &both(&answer));

    let same = get(&answer["StandardSequence"]).await;
    // The custom sequence is 0, and so does not match.
    let fields = same["UserDataItem"][0]["ValueItem"].to_string();
    let rule = "friend_get with the current StandardSequence has no standard fields";
    session.rule(rule, GET, "[]", &fields);
    Ok(())
}

pub(super) async fn groups(session: &Session) -> Step<()> {
    let [from] = session.people(["groups1"]).await?;
    let named = |names: &[String]| json!({"From_Account": from, "GroupName": names});
    let body = named(&["a".to_owned()]);
    let first = session.must("sns/group_add", body.clone()).await?;
    let sequence = first.0["CurrentSequence"].to_string();
    let rule = "the sequence of the groups starts at 0, and a new group adds 1";
    session.rule(rule, SEQUENCES, "1", &sequence);
    let rule = "group_add of an existing group is no error";
    let call = ("sns/group_add", body);
    let again = session.answers(rule, GROUP_ADD, call, "0").await;
    let sequence = again["CurrentSequence"].to_string();
    let rule = "group_add of an existing group changes nothing";
    session.rule(rule, GROUP_ADD, "1", &sequence);
    let rule = "group_delete of a missing group is no error";
    let call = ("sns/group_delete", named(&["missing".to_owned()]));
    session.answers(rule, GROUP_DELETE, call, "0").await;
    let names: Vec<_> = (0..33).map(|number| format!("g{number}")).collect();
    let rule = "33 names fail group_add";
    let call = ("sns/group_add", named(&names));
    session
        .answers(rule, GROUP_NAMES, call, "30001 of the call")
        .await;
    Ok(())
}
