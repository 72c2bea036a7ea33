//! The built-in stubs, from their pages: the frequency, the required fields, and the sample answer.

use serde_json::{Value, json};

/// A built-in stub.
pub(super) struct Page {
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    pub(super) calls_per_second: usize,
    /// A request with From_Account "id".
    pub(super) request: fn() -> Value,
    pub(super) required: fn() -> Vec<Required>,
    /// The fields of the page's sample answer besides the envelope.
    pub(super) sample: fn() -> Value,
}

/// A required field: its name, a value of the wrong type, and the codes for a missing field and for this
/// value.
pub(super) type Required = (&'static str, Value, u64, u64);

/// A message to "id1".
fn message(to: Value) -> Value {
    json!({"From_Account": "id", "To_Account": to, "MsgSeq": 5, "MsgRandom": 7, "MsgBody": [
        {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hi, beauty"}},
    ]})
}

fn of_message() -> Vec<Required> {
    vec![
        ("MsgRandom", json!("7"), 90005, 90005),
        ("MsgBody", json!({}), 90002, 90002),
    ]
}

fn with_receiver(wrong: Value, wrong_code: u64) -> Vec<Required> {
    let mut fields = vec![("To_Account", wrong, 90003, wrong_code)];
    fields.extend(of_message());
    fields
}

/// Fields of a group command.
fn of_group(fields: &[(&'static str, Value)]) -> Vec<Required> {
    let field = |(name, wrong): &(&'static str, Value)| (*name, wrong.clone(), 10004, 10004);
    fields.iter().map(field).collect()
}

const fn page(
    service: &'static str,
    name: &'static str,
    request: fn() -> Value,
    required: fn() -> Vec<Required>,
    sample: fn() -> Value,
) -> Page {
    Page {
        service,
        name,
        calls_per_second: 200,
        request,
        required,
        sample,
    }
}

const GROUP: &str = "group_open_http_svc";

pub(super) const PAGES: [Page; 13] = [
    page(
        "openim",
        "sendmsg",
        || message(json!("id1")),
        || with_receiver(json!(["id1"]), 60015),
        || json!({"MsgTime": 1572870301, "MsgKey": "89541_2574206_1572870301"}),
    ),
    page(
        "openim",
        "batchsendmsg",
        || message(json!(["id1", "id2"])),
        || with_receiver(json!("id1"), 90003),
        || json!({"MsgKey": "128493_903762_1572870301"}),
    ),
    page(
        "openim",
        "querystate",
        || json!({"From_Account": "id", "To_Account": ["id1", "id2"]}),
        || vec![("To_Account", json!("id1"), 90003, 90003)],
        || json!({"QueryResult": [{"To_Account": "id1", "State": "Offline"}]}),
    ),
    page(
        "openim",
        "query_online_status",
        || json!({"From_Account": "id", "To_Account": ["id1", "id2"]}),
        || vec![("To_Account", json!("id1"), 90003, 90003)],
        || json!({"QueryResult": [{"To_Account": "id1", "Status": "Offline"}]}),
    ),
    page(
        GROUP,
        "create_group",
        || json!({"From_Account": "id", "Owner_Account": "leckie", "Type": "Public", "Name": "TestGroup"}),
        || of_group(&[("Type", json!(1)), ("Name", json!(["TestGroup"]))]),
        || json!({"GroupId": "@TGS#2J4SZEAEL"}),
    ),
    page(
        GROUP,
        "add_group_member",
        || json!({"From_Account": "id", "GroupId": "g", "MemberList": [{"Member_Account": "tommy"}, {"Member_Account": "jared"}]}),
        || of_group(&[("GroupId", json!(1)), ("MemberList", json!("tommy"))]),
        || json!({"MemberList": [{"Member_Account": "tommy", "Result": 1}]}),
    ),
    page(
        GROUP,
        "delete_group_member",
        || json!({"From_Account": "id", "GroupId": "g", "MemberToDel_Account": ["tommy"]}),
        || {
            of_group(&[
                ("GroupId", json!(1)),
                ("MemberToDel_Account", json!("tommy")),
            ])
        },
        || json!({}),
    ),
    page(
        GROUP,
        "send_group_msg",
        || json!({"From_Account": "id", "GroupId": "g", "Random": 8912345, "MsgBody": []}),
        || {
            of_group(&[
                ("GroupId", json!(1)),
                ("Random", json!(1.5)),
                ("MsgBody", json!("hi")),
            ])
        },
        || json!({"MsgTime": 1497249503, "MsgSeq": 1}),
    ),
    page(
        GROUP,
        "get_group_info",
        || json!({"From_Account": "id", "GroupIdList": ["g", "h"]}),
        || of_group(&[("GroupIdList", json!("g"))]),
        || {
            json!({"GroupInfo": [{
                "GroupId": "@TGS#2J4SZEAEL", "ErrorCode": 0, "ErrorInfo": "", "Type": "Public",
                "Name": "MyFirstGroup", "Appid": 1400001001, "Introduction": "TestGroup",
                "Notification": "TestGroup", "FaceUrl": "http://this.is.face.url",
                "Owner_Account": "leckie", "CreateTime": 1426976500, "LastInfoTime": 1426976500,
                "LastMsgTime": 1426976600, "NextMsgSeq": 1234, "MemberNum": 2, "MaxMemberNum": 50,
                "ApplyJoinOption": "FreeAccess", "MuteAllMember": "On", "AppDefinedData": [],
                "MemberList": [{"Member_Account": "leckie"}],
            }]})
        },
    ),
    page(
        GROUP,
        "destroy_group",
        || json!({"From_Account": "id", "GroupId": "g"}),
        || of_group(&[("GroupId", json!(1))]),
        || json!({}),
    ),
    page(
        GROUP,
        "send_group_system_notification",
        || json!({"From_Account": "id", "GroupId": "g", "Content": "Hello World"}),
        || of_group(&[("GroupId", json!(1)), ("Content", json!({}))]),
        || json!({}),
    ),
    page(
        "im_open_login_svc",
        "kick",
        || json!({"From_Account": "id", "UserID": "test"}),
        || vec![("UserID", json!(7), 70402, 60015)],
        || json!({}),
    ),
    Page {
        calls_per_second: 1,
        ..page(
            "all_member_push",
            "im_push",
            || json!({"From_Account": "id", "MsgRandom": 56512, "MsgLifeTime": 120, "MsgBody": []}),
            of_message,
            || json!({"TaskId": "1400123456_144115212910570789_4155518400_15723514"}),
        )
    },
];

impl Page {
    /// The path, such as `openim/sendmsg`.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.service, self.name)
    }

    /// The codes for a caller that is not an admin, for a body that is not JSON, and for a body that is not
    /// an object.
    pub(super) fn codes(&self) -> [u64; 3] {
        match self.service {
            "openim" | "all_member_push" => [90009, 90001, 90010],
            GROUP => [10007, 60003, 10004],
            _ => [70403, 60003, 70402],
        }
    }
}
