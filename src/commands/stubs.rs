//! The built-in stubs, and the calls of all stubs.
//!
//! A built-in stub is a row of [`ROWS`]: its path, frequency, required fields and success answer are those
//! of its page. An app can have stubs of its own, also in place of a built-in one.
//!
//! Stubs have no routes, because each app can have different ones: the server's fallback looks them up.

use super::body::{self, bad_field};
use super::context::CallContext;
use super::{Endpoint, preflight, serve_endpoint};
use crate::faults::Targets;
use crate::gateway::body::Received;
use crate::gateway::journal::{Arrival, ROOT, loggable};
use crate::protocol::code::Code;
use crate::protocol::query::named_app;
use crate::protocol::reply::CallError;
use crate::protocol::service::{CommandInfo, KeyOrder, Service, Subject};
use crate::state::AppState;
use crate::strict::{Check, join, nearest as nearest_name};
use crate::stub::{AnswerTemplate, Field, Fields, JsonType, Stub, Variables};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// A built-in stub.
struct Row {
    info: CommandInfo,
    require: &'static [Field],
    /// The keys of the answer and their templates, in the order of the page's sample.
    answer: &'static [(&'static str, &'static str)],
}

const MSG_BODY: Field = field("MsgBody", JsonType::Array, Some(Code::MessageBody));
const MSG_RANDOM: Field = field("MsgRandom", JsonType::Integer, Some(Code::MessageRandom));
const RECEIVERS: Field = field(
    "To_Account",
    JsonType::Accounts,
    Some(Code::MessageReceiver),
);
const GROUP_ID: Field = field("GroupId", JsonType::String, None);

/// The fields that a body of a built-in stub may lack.
static OPTIONAL: [Field; 3] = [
    field("From_Account", JsonType::Account, None),
    field("Owner_Account", JsonType::Account, None),
    GROUP_ID,
];

/// The sequence number, the random number and the time, as the samples of the message history have
/// it; the backend chooses the sequence number if the request has none.
const MSG_KEY: &str =
    "{{ request.MsgSeq | default(random, true) }}_{{ request.MsgRandom }}_{{ now }}";

/// The table of built-in stubs.
static ROWS: [Row; 13] = [
    // <https://www.tencentcloud.com/document/product/1047/34919>
    Row {
        info: openim("sendmsg", 200),
        require: &[
            field("To_Account", JsonType::Account, Some(Code::MessageReceiver)),
            MSG_RANDOM,
            MSG_BODY,
        ],
        answer: &[("MsgTime", "{{ now }}"), ("MsgKey", MSG_KEY)],
    },
    // <https://www.tencentcloud.com/document/product/1047/34920>
    Row {
        info: openim("batchsendmsg", 200),
        require: &[RECEIVERS, MSG_RANDOM, MSG_BODY],
        answer: &[("MsgKey", MSG_KEY)],
    },
    // The older name of query_online_status. Its page has State where the newer one has Status.
    // <https://github.com/tencentyun/intlcloud-documents>
    Row {
        info: openim("querystate", 200),
        require: &[RECEIVERS],
        answer: &[(
            "QueryResult",
            "{{ request.To_Account | map('item', 'To_Account', {'State': 'Offline'}) | list }}",
        )],
    },
    // No client can log in to the emulator.
    // <https://www.tencentcloud.com/document/product/1047/35477>
    Row {
        info: openim("query_online_status", 200),
        require: &[RECEIVERS],
        answer: &[(
            "QueryResult",
            "{{ request.To_Account | map('item', 'To_Account', {'Status': 'Offline'}) | list }}",
        )],
    },
    // GUESS: a new GroupId has 10 characters after the prefix; the samples have 9 and more.
    // <https://www.tencentcloud.com/document/product/1047/34895>
    Row {
        info: group("create_group"),
        require: &[
            field("Type", JsonType::String, None),
            field("Name", JsonType::String, None),
        ],
        answer: &[(
            "GroupId",
            "{{ request.GroupId | default('@TGS#' ~ (uuid | replace('-', '') | upper)[:10], true) }}",
        )],
    },
    // <https://www.tencentcloud.com/document/product/1047/34921>
    Row {
        info: group("add_group_member"),
        require: &[GROUP_ID, field("MemberList", JsonType::Members, None)],
        answer: &[(
            "MemberList",
            "{{ request.MemberList | map(attribute='Member_Account') \
             | map('item', 'Member_Account', {'Result': 1}) | list }}",
        )],
    },
    // <https://www.tencentcloud.com/document/product/1047/34949>
    Row {
        info: group("delete_group_member"),
        require: &[
            GROUP_ID,
            field("MemberToDel_Account", JsonType::Accounts, None),
        ],
        answer: &[],
    },
    // GUESS: MsgSeq is random, because no group is kept that could count its messages.
    // <https://www.tencentcloud.com/document/product/1047/34959>
    Row {
        info: group("send_group_msg"),
        require: &[
            GROUP_ID,
            field("Random", JsonType::Integer, None),
            field("MsgBody", JsonType::Array, None),
        ],
        answer: &[("MsgTime", "{{ now }}"), ("MsgSeq", "{{ random }}")],
    },
    // GUESS: every group exists, is public and has no members.
    // <https://www.tencentcloud.com/document/product/1047/34961>
    Row {
        info: group("get_group_info"),
        require: &[field("GroupIdList", JsonType::Array, None)],
        answer: &[(
            "GroupInfo",
            "{{ request.GroupIdList | map('item', 'GroupId', {'ErrorCode': 0, 'ErrorInfo': '', \
             'Type': 'Public', 'Name': '', 'Appid': 0, 'Introduction': '', 'Notification': '', \
             'FaceUrl': '', 'Owner_Account': '', 'CreateTime': now, 'LastInfoTime': now, \
             'LastMsgTime': 0, 'NextMsgSeq': 1, 'MemberNum': 0, 'MaxMemberNum': 2000, \
             'ApplyJoinOption': 'FreeAccess', 'MuteAllMember': 'Off', 'AppDefinedData': [], \
             'MemberList': []}) | list }}",
        )],
    },
    // GUESS: the answer has no fields besides the envelope.
    // <https://www.tencentcloud.com/document/product/1047/34896>
    Row {
        info: group("destroy_group"),
        require: &[GROUP_ID],
        answer: &[],
    },
    // The table of the page requires ToMembers_Account, but its first sample lacks it.
    // <https://www.tencentcloud.com/document/product/1047/34958>
    Row {
        info: group("send_group_system_notification"),
        require: &[GROUP_ID, field("Content", JsonType::String, None)],
        answer: &[],
    },
    // Older pages and many clients name the account Identifier.
    // <https://www.tencentcloud.com/document/product/1047/34957>
    Row {
        info: CommandInfo {
            keys: KeyOrder::InfoFirst,
            ..Service::ImOpenLogin.command("kick", 200, Subject::Stub)
        },
        require: &[Field {
            name: Cow::Borrowed("UserID"),
            older_name: Some("Identifier"),
            json_type: Some(JsonType::Account),
            code: None,
        }],
        answer: &[],
    },
    // The interval of two calls must be over a second; the limit of 100 calls a day is not emulated.
    // GUESS: the parts of a TaskId; the sample has four numbers.
    // <https://www.tencentcloud.com/document/product/1047/37165>
    Row {
        info: Service::AllMemberPush.command("im_push", 1, Subject::Stub),
        require: &[MSG_RANDOM, MSG_BODY],
        answer: &[("TaskId", "{{ random }}_{{ request.MsgRandom }}_{{ now }}")],
    },
];

/// The built-in stubs in the order of [`ROWS`], made at the first call of one.
static BUILT_IN: LazyLock<Vec<Arc<Stub>>> = LazyLock::new(|| {
    let stub = |row: &'static Row| Stub {
        info: &row.info,
        calls_per_second: None,
        require: Cow::Borrowed(row.require),
        optional: &OPTIONAL,
        answer: AnswerTemplate::of(row.answer).expect("a test compiles each template"),
    };
    ROWS.iter().map(|row| stub(row).into()).collect()
});

const fn openim(name: &'static str, calls_per_second: u32) -> CommandInfo {
    Service::OpenIm.command(name, calls_per_second, Subject::Stub)
}

const fn group(name: &'static str) -> CommandInfo {
    Service::GroupOpenHttp.command(name, 200, Subject::Stub)
}

const fn field(name: &'static str, json_type: JsonType, code: Option<Code>) -> Field {
    Field {
        name: Cow::Borrowed(name),
        older_name: None,
        json_type: Some(json_type),
        code,
    }
}

/// The infos of the built-in stubs.
pub(super) fn infos() -> impl Iterator<Item = &'static CommandInfo> {
    ROWS.iter().map(|row| &row.info)
}

/// The built-in stubs.
pub(crate) fn built_in() -> &'static [Arc<Stub>] {
    &BUILT_IN
}

/// The stub that a call names: of its app, or else a built-in one.
pub(crate) fn find(arrival: &Arrival, call: &Request) -> Option<Arc<Stub>> {
    let path = call.uri().path().strip_prefix(ROOT)?;
    let sdkappid = named_app(call.uri().query().unwrap_or_default());
    let app = sdkappid.and_then(|sdkappid| arrival.world.apps.get(&sdkappid));
    let own = app.and_then(|app| app.stubs().accepted.get(path).cloned());
    own.or_else(|| {
        let is_at = |row: &Row| is_path(&row.info, path);
        let at = ROWS.iter().position(is_at)?;
        BUILT_IN.get(at).cloned()
    })
}

/// Whether the text is the service and the command, with a slash between.
fn is_path(info: &CommandInfo, text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(service, command)| is_at(info, service, command))
}

fn is_at(info: &CommandInfo, service: &str, command: &str) -> bool {
    (info.service.name(), info.name) == (service, command)
}

/// Serves a call of a stub.
pub(crate) async fn serve(
    stub: Arc<Stub>,
    state: AppState,
    arrival: Arrival,
    call: Request,
) -> Response {
    if call.method() == Method::OPTIONS {
        return preflight(State(state), arrival, call).await;
    }
    serve_endpoint(StubEndpoint(stub), state, arrival, call).await
}

/// For the hint about a call that reached neither a command nor a stub.
pub(crate) fn hint(call: &Parts) -> String {
    let path = call.uri.path().strip_prefix(ROOT).unwrap_or_default();
    // Only names that are certainly no UserSig are repeated.
    let path = match loggable(path) == path {
        true => path,
        false => "{service}/{command}",
    };
    let app = named_app(call.uri.query().unwrap_or_default());
    let app = app.map_or_else(|| "{sdkappid}".to_owned(), |app| app.to_string());
    let near = nearest(path).map_or_else(String::new, |info| {
        format!("did you mean {}/{}? ", info.service.name(), info.name)
    });
    let service = path.split('/').next().unwrap_or_default();
    let known = names_of(service);
    format!(
        "not emulated here; {near}{known}; to answer this call, PUT /_emulator/v1/apps/{app}/stubs/{path}"
    )
}

/// The commands and built-in stubs of a service; the services, if there is no such service.
fn names_of(service: &str) -> String {
    let of_service = super::built_in().filter(|info| info.service.name() == service);
    let names: Vec<_> = of_service.map(|info| info.name).collect();
    if !names.is_empty() {
        return format!("{service} has {}", names.join(", "));
    }
    let mut services = Vec::new();
    for info in super::built_in() {
        if !services.contains(&info.service.name()) {
            services.push(info.service.name());
        }
    }
    format!("the services are {}", services.join(", "))
}

/// The emulated command or built-in stub whose name is near to the command's.
fn nearest(path: &str) -> Option<&'static CommandInfo> {
    let (_, command) = path.split_once('/')?;
    let near = nearest_name(command, super::built_in().map(|info| info.name))?;
    super::built_in().find(|info| info.name == near)
}

struct StubEndpoint(Arc<Stub>);

impl Endpoint for StubEndpoint {
    /// The body.
    type Request = Map<String, Value>;
    type Response = Fields;

    fn info(&self) -> &'static CommandInfo {
        self.0.info
    }

    fn decode(&self, body: &Received) -> Result<Map<String, Value>, CallError> {
        let service = self.0.info.service;
        let request = body::decode(body, service)?;
        for field in &*self.0.require {
            check(field, true, &request, service)?;
        }
        for field in self.0.optional {
            check(field, false, &request, service)?;
        }
        Ok(request)
    }

    /// A stub accepts every field: its definition names only a few.
    fn unknown_fields(&self, _: &[u8]) -> Vec<String> {
        Vec::new()
    }

    fn targets(request: &Map<String, Value>) -> Targets<'_, impl Iterator<Item = &str>> {
        let from = request.get("From_Account").and_then(Value::as_str);
        let to = request.get("To_Account");
        let one = to.and_then(Value::as_str).into_iter();
        let many = to.and_then(Value::as_array).into_iter().flatten();
        let many = many.map(|to| to.as_str().unwrap_or_default());
        Targets::new(from, one.chain(many))
    }

    async fn handle(
        &self,
        request: Map<String, Value>,
        context: CallContext<'_>,
    ) -> Result<Fields, CallError> {
        let variables = Variables {
            request,
            now: context.unix_time(),
        };
        let answer = self.0.answer.render(variables);
        answer.map_err(|reason| CallError {
            detail: format!("the template of the answer failed at {reason}").into(),
            ..Code::BadReply.into()
        })
    }
}

/// Checks a field. A null counts as missing.
fn check(
    field: &Field,
    is_required: bool,
    request: &Map<String, Value>,
    service: Service,
) -> Result<(), CallError> {
    let names = std::iter::once(&*field.name).chain(field.older_name);
    let mut values = names.filter_map(|name| request.get(name).filter(|value| !value.is_null()));
    let (value, name) = (values.next(), &field.name);
    let error = |code: Option<Code>, what: &str| match code {
        Some(code) => CallError::because(code, code.info(), what),
        None => bad_field(service, what),
    };
    let checked = match (value, field.json_type) {
        (Some(value), Some(json_type)) => json_type.check(value),
        (None, _) if is_required => {
            return Err(error(field.code, &format!("missing field `{name}`")));
        }
        _ => Ok(()),
    };
    checked.map_err(|json_type| {
        let is_account = json_type == JsonType::Account;
        let code = is_account.then_some(Code::AccountNotAString).or(field.code);
        let what = json_type.with_article();
        error(code, &format!("{name}: invalid type, expected {what}"))
    })
}

/// The check `stub-names` of the schemas: the names of an app's stubs must not have two meanings.
pub(crate) const NAMES: Check = ("stub-names", |stubs| {
    let paths = stubs.as_object().into_iter().flatten();
    let names: Vec<_> = paths.filter_map(|(path, _)| path.split_once('/')).collect();
    let conflict = |(service, command): &(&str, &str)| {
        let conflict = name_conflict(service, command, names.iter().copied())?;
        Some((join("", &format!("{service}/{command}")), conflict))
    };
    names.iter().filter_map(conflict).collect()
});

/// The reason why a stub cannot have this name, if there is one. Faults, limits and the journal find a command
/// by its name alone, so a name must not have two meanings. `others` are the app's own stubs.
pub(crate) fn name_conflict<'a>(
    service: &str,
    command: &str,
    others: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let mut emulated = super::table().into_iter().map(|row| row.info);
    if emulated.any(|info| is_at(info, service, command)) {
        return Some("is a command that is emulated".to_owned());
    }
    let built_in = super::built_in().map(|info| (info.service.name(), info.name));
    let mut others = built_in.chain(others);
    let (other, _) = others.find(|(other, name)| *name == command && *other != service)?;
    Some(format!(
        "names a command that exists as {other}/{command}; did you mean that path? \
         Faults and limits find a command by its name alone"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;
    use std::collections::HashSet;

    #[test]
    fn each_template_compiles_and_each_name_is_unique() {
        assert_eq!(built_in().len(), ROWS.len());
        let names = table().into_iter().map(|row| row.info).chain(infos());
        let names: Vec<_> = names.map(|info| info.name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
