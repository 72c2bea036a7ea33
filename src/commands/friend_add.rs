//! `v4/sns/friend_add`: adds one or more friends.
//! <https://www.tencentcloud.com/document/product/1047/34902>

use super::Command;
use super::body::{self, integer, objects, text};
use super::context::{CallContext, friend_pairs};
use crate::faults::Targets;
use crate::gateway::body::Received;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::{self, AddedPair, Event};
use crate::sns::friend_add::{How, NewFriend, RawItem, judge};
use crate::sns::model::{AddType, ForceAddFlags};
use crate::store::Judged;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct FriendAdd;

/// The body. Optional fields may be absent, `null` or `""`: published clients send all three.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendAddRequest {
    /// Required. Whose list gains the friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 items.
    #[serde(rename = "AddFriendItem", deserialize_with = "objects")]
    add_friend_item: Vec<AddFriendItem>,
    /// Optional: `Add_Type_Single` or `Add_Type_Both`, which is the default.
    #[serde(rename = "AddType", default, deserialize_with = "text")]
    add_type: Option<String>,
    /// Optional: 1 forces the friendship; 0 is the default.
    #[serde(rename = "ForceAddFlags", default, deserialize_with = "integer")]
    force_add_flags: Option<i64>,
}

/// The answer: a result for each item, in the request's order.
pub(crate) type FriendAddResponse = ItemResults;

/// One friend to add.
#[derive(Debug, Deserialize, JsonSchema)]
struct AddFriendItem {
    /// Required. Whom to add.
    #[serde(rename = "To_Account")]
    to_account: String,
    /// Optional: From_Account's name for the friend, at most 96 bytes.
    #[serde(rename = "Remark", default, deserialize_with = "text")]
    remark: Option<String>,
    /// Optional: one group of From_Account's, at most 30 bytes; made when it is new.
    #[serde(rename = "GroupName", default, deserialize_with = "text")]
    group_name: Option<String>,
    /// Optional: `AddSource_Type_` and 1 to 8 letters.
    #[serde(rename = "AddSource", default, deserialize_with = "text")]
    add_source: Option<String>,
    /// Optional: what the request says to the friend, at most 256 bytes.
    #[serde(rename = "AddWording", default, deserialize_with = "text")]
    add_wording: Option<String>,
}

impl Command for FriendAdd {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_add",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = FriendAddRequest;
    type Response = FriendAddResponse;

    fn targets(request: &FriendAddRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.add_friend_item.iter().map(|item| &*item.to_account);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendAddRequest,
    ) -> Result<FriendAddResponse, CallError> {
        let Batch { from, how, items } = Batch::parse(&context, &request).await?;
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &items, |pair, item| {
                judge(from, pair, item, how, context.policy)
            })
            .await?;
        context.tell(|| Event::FriendAdd {
            pairs: added(from, friend_pairs(from, &items, &verdicts)),
            client_cmd: Self::INFO.name,
            admin_account: context.admin.to_string(),
            force_flag: (how.force == ForceAddFlags::Forced).into(),
        });
        let tos = request.add_friend_item.into_iter();
        Ok(context.results(tos.map(|item| item.to_account), &verdicts))
    }
}

/// As webhooks tell it: who gained whom, and that From_Account asked for it.
fn added(initiator: UserId, pairs: Vec<webhook::Pair>) -> Vec<AddedPair> {
    let added = |pair| AddedPair { pair, initiator };
    pairs.into_iter().map(added).collect()
}

/// Reads a body as its call does.
pub(crate) fn decode(body: Bytes) -> Result<FriendAddRequest, CallError> {
    body::decode(&Received::Whole(body), FriendAdd::INFO.service)
}

impl FriendAddRequest {
    /// The To_Account of each item, as the request spells it.
    pub(crate) fn to_accounts(&self) -> impl Iterator<Item = &str> {
        self.add_friend_item.iter().map(|item| &*item.to_account)
    }
}

/// A well-formed request. An item that is not well-formed has its code instead.
pub(crate) struct Batch {
    pub(crate) from: UserId,
    pub(crate) how: How,
    pub(crate) items: Vec<Result<NewFriend, Code>>,
}

impl Batch {
    pub(crate) async fn parse(
        context: &CallContext<'_>,
        request: &FriendAddRequest,
    ) -> Result<Self, CallError> {
        let FriendAddRequest {
            from_account,
            add_friend_item,
            add_type,
            force_add_flags,
        } = request;
        let max_items = context.policy.max_items;
        context.check_length("AddFriendItem", add_friend_item.len(), max_items)?;
        let add_type = context.choice(
            "AddType",
            add_type.as_deref(),
            Some(AddType::default()),
            AddType::WIRE,
        )?;
        let force = match force_add_flags {
            None | Some(0) => ForceAddFlags::Normal,
            Some(1) => ForceAddFlags::Forced,
            Some(_) => return Err(context.bad("ForceAddFlags is neither 0 nor 1")),
        };
        let from = context.user_id(from_account)?;
        let items = add_friend_item.iter();
        let items = items.map(|item| NewFriend::parse(from, item.raw()));
        let items = context.items(from, items).await?;
        let how = How {
            add_type,
            force,
            now: context.unix_time(),
        };
        Ok(Self { from, how, items })
    }
}

impl AddFriendItem {
    fn raw(&self) -> RawItem<'_> {
        RawItem {
            to_account: &self.to_account,
            remark: self.remark.as_deref(),
            group_name: self.group_name.as_deref(),
            add_source: self.add_source.as_deref(),
            add_wording: self.add_wording.as_deref(),
        }
    }
}
