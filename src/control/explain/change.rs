//! What to do for a call to be 0: calls to make, and the request to send then.

use super::rehearser::Rehearser;
use crate::control::PREFIX;
use crate::faults::Fault;
use crate::protocol::ids::UserId;
use crate::sns::model::Friend;
use crate::sns::remedy::Remedy;
use crate::sns::texts::GroupName;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// GroupNames that one call of group_delete takes.
const GROUPS_IN_A_CALL: usize = 32;

/// Calls to make, and the request to send then.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Change {
    /// In words.
    pub(super) summary: String,
    /// Calls of this API, or of Tencent's, one after the other.
    pub(super) calls: Vec<Call>,
    /// The body to send then, where it has to be another.
    pub(super) request: Option<Value>,
    /// The query to send it with, where the caller has to be another.
    pub(super) query: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Call {
    method: &'static str,
    /// With its query, where it needs one.
    path: String,
    body: Value,
}

impl Change {
    pub(super) fn without(fault: &Fault) -> Self {
        Self {
            summary: format!("disarm fault {}", fault.id),
            calls: vec![Call {
                method: "DELETE",
                path: format!("{}/faults/{}", PREFIX, fault.id),
                body: json!({}),
            }],
            ..Self::default()
        }
    }

    /// The same, once something else is done.
    pub(super) fn behind(self, first: Option<Self>) -> Self {
        let Some(mut first) = first else { return self };
        let separator = match first.summary.is_empty() || self.summary.is_empty() {
            true => "",
            false => ", then ",
        };
        first.summary += separator;
        first.summary += &self.summary;
        first.calls.extend(self.calls);
        Self {
            request: self.request.or(first.request),
            query: self.query.or(first.query),
            ..first
        }
    }
}

impl Rehearser<'_> {
    /// A remedy in words, and the calls that do it.
    pub(super) fn calls(&self, from: UserId, to: UserId, remedy: Remedy) -> (String, Vec<Call>) {
        let snapshot = |user| self.app.store.snapshot(user).unwrap_or_default();
        let delete_friends = |user: UserId, count: u32| {
            let friends = snapshot(user).friends;
            let oldest: Vec<_> = friends.iter().take(count as usize).collect();
            let delete = |friends: &[&Friend]| {
                let tos: Vec<_> = friends.iter().map(|friend| friend.to).collect();
                let body = json!({ "From_Account": user, "To_Account": tos });
                self.rest("friend_delete", body)
            };
            let calls = oldest.chunks(self.max_items()).map(delete);
            (format!("delete {count} friends of {user}"), calls.collect())
        };
        let unblock = |user: UserId, blocked: UserId| {
            let body = json!({ "From_Account": user, "To_Account": [blocked] });
            (
                format!("take {blocked} off the blocklist of {user}"),
                vec![self.rest("black_list_delete", body)],
            )
        };
        let put = |words: String, user: UserId, body: Value| (words, vec![self.put(user, body)]);
        match remedy {
            Remedy::AllowFrom => put(
                format!("let {from} send friend requests"),
                from,
                json!({ "admin_forbid_type": "AdminForbid_Type_None" }),
            ),
            Remedy::ImportTo => put(format!("import {to}"), to, json!({})),
            Remedy::AllowAny => put(
                format!("let everybody add {to}"),
                to,
                json!({ "allow_type": "AllowType_Type_AllowAny" }),
            ),
            Remedy::Unfriend => {
                let body = json!({ "From_Account": from, "To_Account": [to] });
                (
                    format!("delete {to} from the friends of {from}"),
                    vec![self.rest("friend_delete", body)],
                )
            }
            Remedy::UnblockTo => unblock(from, to),
            Remedy::UnblockFrom => unblock(to, from),
            Remedy::FreeFrom(count) => delete_friends(from, count),
            Remedy::FreeTo(count) => delete_friends(to, count),
            Remedy::FreeGroups(count) => {
                let groups = snapshot(from).groups;
                let oldest: Vec<_> = groups.iter().take(count as usize).collect();
                let delete = |groups: &[&GroupName]| {
                    let names: Vec<_> = groups.iter().map(|group| group.as_str()).collect();
                    let body = json!({ "From_Account": from, "GroupName": names });
                    self.rest("group_delete", body)
                };
                (
                    format!("delete {count} groups of {from}"),
                    oldest.chunks(GROUPS_IN_A_CALL).map(delete).collect(),
                )
            }
            Remedy::ForgetRequests => put(
                format!("forget the requests that {from} made in this minute"),
                from,
                json!({ "request_minute": { "since": 0, "requests": 0 } }),
            ),
        }
    }

    pub(super) fn put(&self, user: UserId, body: Value) -> Call {
        let name = utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC);
        Call {
            method: "PUT",
            path: format!("{}/apps/{}/accounts/{name}", PREFIX, self.app.sdkappid),
            body,
        }
    }

    fn rest(&self, command: &str, body: Value) -> Call {
        Call {
            method: "POST",
            path: format!("/v4/sns/{command}?{}", self.query()),
            body,
        }
    }
}
