//! Calls that make a friend_add call succeed.

use crate::apps::App;
use crate::commands::context::CallContext;
use crate::control::PREFIX;
use crate::control::problem::Problem;
use crate::faults::Fault;
use crate::protocol::ids::UserId;
use crate::sns::model::{AdminForbidType, AllowType, RequestMinute};
use crate::sns::remedy::Remedy;
use crate::sns::texts::GroupName;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// The maximum number of GroupNames in a call of group_delete.
const GROUPS_IN_A_CALL: usize = 32;

/// Calls to make before the request is sent again.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Changes {
    /// A description for a person.
    summary: String,
    /// Calls of the control API or of Tencent's API, in this order.
    calls: Vec<ApiCall>,
    /// The query for the request, if another caller must send it.
    query: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ApiCall {
    method: &'static str,
    /// The path, with the query if the call needs one.
    path: String,
    body: Value,
}

impl Changes {
    fn one(summary: String, call: ApiCall) -> Self {
        Self {
            summary,
            calls: vec![call],
            query: None,
        }
    }

    pub(super) fn disarm(fault: &Fault) -> Self {
        let call = ApiCall {
            method: "DELETE",
            path: format!("{PREFIX}/faults/{}", fault.id),
            body: json!({}),
        };
        Self::one(format!("disarm fault {}, which decides", fault.id), call)
    }

    pub(super) fn import(app: &App, user: UserId) -> Self {
        Self::one(format!("import {user}"), put_account(app, user, json!({})))
    }

    pub(super) fn call_as_admin(context: &CallContext<'_>) -> Self {
        Self {
            summary: format!("call as {}, an app admin", context.admin),
            calls: Vec::new(),
            query: Some(query(context)),
        }
    }

    /// The calls that carry out these remedies.
    pub(super) async fn of(
        context: &CallContext<'_>,
        from: UserId,
        to: UserId,
        remedies: Vec<Remedy>,
    ) -> Result<Self, Problem> {
        let mut changes = Self::default();
        for remedy in remedies {
            let put = |user, body| vec![put_account(context.app, user, body)];
            let (summary, calls) = match remedy {
                Remedy::AllowFrom => {
                    let body = json!({ "admin_forbid_type": AdminForbidType::None });
                    (format!("let {from} send friend requests"), put(from, body))
                }
                Remedy::ImportTo => (format!("import {to}"), put(to, json!({}))),
                Remedy::AllowAny => {
                    let body = json!({ "allow_type": AllowType::AllowAny });
                    (format!("let every account add {to}"), put(to, body))
                }
                Remedy::ForgetRequests => {
                    let body = json!({ "request_minute": RequestMinute::default() });
                    let summary = format!("reset the count of requests by {from} in this minute");
                    (summary, put(from, body))
                }
                Remedy::Unfriend => {
                    let summary = format!("remove {to} from the friends of {from}");
                    (summary, delete_friends(context, from, &[to]))
                }
                Remedy::UnblockTo => unblock(context, from, to),
                Remedy::UnblockFrom => unblock(context, to, from),
                Remedy::FreeFrom(count) => delete_oldest_friends(context, from, count).await?,
                Remedy::FreeTo(count) => delete_oldest_friends(context, to, count).await?,
                Remedy::FreeGroups(count) => {
                    let account = context.app.store.account(from).await?;
                    let groups = &account.groups[..account.groups.len().min(count as usize)];
                    let delete = |names: &[GroupName]| {
                        let body = json!({ "From_Account": from, "GroupName": names });
                        rest_call(context, "group_delete", body)
                    };
                    let calls = groups.chunks(GROUPS_IN_A_CALL).map(delete).collect();
                    (format!("delete {count} groups of {from}"), calls)
                }
            };
            if !changes.summary.is_empty() {
                changes.summary += ", then ";
            }
            changes.summary += &summary;
            changes.calls.extend(calls);
        }
        Ok(changes)
    }
}

/// The calls that delete an account's oldest friends.
async fn delete_oldest_friends(
    context: &CallContext<'_>,
    user: UserId,
    count: u32,
) -> Result<(String, Vec<ApiCall>), Problem> {
    let account = context.app.store.account(user).await?;
    let oldest = account.friends.iter().take(count as usize);
    let oldest: Vec<_> = oldest.map(|friend| friend.to).collect();
    let summary = format!("delete {count} friends of {user}");
    Ok((summary, delete_friends(context, user, &oldest)))
}

fn delete_friends(context: &CallContext<'_>, user: UserId, friends: &[UserId]) -> Vec<ApiCall> {
    let delete = |tos: &[UserId]| {
        let body = json!({ "From_Account": user, "To_Account": tos });
        rest_call(context, "friend_delete", body)
    };
    let max_items = context.policy.max_items as usize;
    friends.chunks(max_items).map(delete).collect()
}

fn unblock(context: &CallContext<'_>, user: UserId, blocked: UserId) -> (String, Vec<ApiCall>) {
    let body = json!({ "From_Account": user, "To_Account": [blocked] });
    let summary = format!("remove {blocked} from the blocklist of {user}");
    (summary, vec![rest_call(context, "black_list_delete", body)])
}

fn put_account(app: &App, user: UserId, body: Value) -> ApiCall {
    let name = utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC);
    ApiCall {
        method: "PUT",
        path: format!("{PREFIX}/apps/{}/accounts/{name}", app.sdkappid),
        body,
    }
}

fn rest_call(context: &CallContext<'_>, command: &str, body: Value) -> ApiCall {
    ApiCall {
        method: "POST",
        path: format!("/v4/sns/{command}?{}", query(context)),
        body,
    }
}

/// The query of a call by an app admin.
fn query(context: &CallContext<'_>) -> String {
    let now = context.now.unix_time();
    context.app.query(context.admin, now)
}
