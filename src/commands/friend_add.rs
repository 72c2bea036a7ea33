//! `v4/sns/friend_add`: adds one or more friends.
//! <https://www.tencentcloud.com/document/product/1047/34902>

use super::Command;
use super::body;
use super::context::{CallContext, friend_pairs};
use super::recipe::{Names, Recipe, WRITE};
use crate::faults::Targets;
use crate::gateway::body::Received;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::{integer, objects, text};
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::{AddedPair, Event};
use crate::sns::friend_add::{AddFriendItem, AddOptions, NewFriend, judge};
use crate::sns::model::{AddType, ForceAddFlags};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

/// The body. An optional field can be absent, `null` or `""`: published clients send all three.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendAdd {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: the friends to add, 1 to 1000 by default.
    #[serde(rename = "AddFriendItem", deserialize_with = "objects")]
    add_friend_item: Vec<AddFriendItem>,
    /// Optional: `Add_Type_Single` or `Add_Type_Both`, which is the default.
    #[serde(rename = "AddType", default, deserialize_with = "text")]
    add_type: Option<SmolStr>,
    /// Optional: 1 adds friends whatever their AllowType is; 0 is the default.
    #[serde(rename = "ForceAddFlags", default, deserialize_with = "integer")]
    force_add_flags: Option<i64>,
}

impl Command for FriendAdd {
    const INFO: CommandInfo = Service::Sns.command("friend_add", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        account: "/AddFriendItem/0/To_Account",
        plain_field: "AddFriendItem",
        scripted: [
            WRITE,
            &[
                Code::SdkAppIdIllegal,
                Code::SensitiveWord,
                Code::TooManyRequests,
            ],
        ],
        ..Recipe::of(|Names { from, to, .. }| {
            let item = json!({ "To_Account": to, "AddSource": "AddSource_Type_Web" });
            json!({ "From_Account": from, "AddFriendItem": [item] })
        })
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), self.to_accounts())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let Batch {
            from,
            options,
            items,
        } = Batch::parse(&context, &self).await?;
        let store = &context.app.store;
        let judged = store.judge_each(from, &items, |pair, item| {
            judge(from, pair, item, options, context.policy)
        });
        let verdicts = judged.await?.verdicts;
        let added = |pair| AddedPair {
            pair,
            initiator: from,
        };
        let pairs = || friend_pairs(from, &items, &verdicts).into_iter();
        context.send(|| Event::FriendAdd {
            pairs: pairs().map(added).collect(),
            client_cmd: Self::INFO.name,
            admin_account: context.admin.to_string(),
            force_flag: (options.force == ForceAddFlags::Forced).into(),
        });
        let tos = self.add_friend_item.into_iter();
        Ok(context.results(tos.map(|item| item.to_account), &verdicts))
    }
}

/// Decodes a body as a friend_add call does, for the control API.
pub(crate) fn decode(body: Bytes) -> Result<FriendAdd, CallError> {
    body::decode(&Received::Whole(body, None), FriendAdd::INFO.service)
}

impl FriendAdd {
    /// The To_Account of each item, as the request has it.
    pub(crate) fn to_accounts(&self) -> impl Iterator<Item = &str> {
        self.add_friend_item.iter().map(|item| &*item.to_account)
    }
}

/// A validated request. An invalid item is the code that it fails with.
pub(crate) struct Batch {
    pub(crate) from: UserId,
    pub(crate) options: AddOptions,
    pub(crate) items: Vec<Result<NewFriend, Code>>,
}

impl Batch {
    pub(crate) async fn parse(
        context: &CallContext<'_>,
        request: &FriendAdd,
    ) -> Result<Self, CallError> {
        let items = &request.add_friend_item;
        context.check_length("AddFriendItem", items.len(), context.policy.max_items)?;
        let (add_type, default) = (request.add_type.as_deref(), AddType::default());
        let options = AddOptions {
            add_type: context.choice("AddType", add_type, Some(default), AddType::WIRE)?,
            force: match request.force_add_flags {
                None | Some(0) => ForceAddFlags::Normal,
                Some(1) => ForceAddFlags::Forced,
                Some(_) => return Err(context.bad("ForceAddFlags is neither 0 nor 1")),
            },
            now: context.unix_time(),
        };
        let from = context.user_id(&request.from_account)?;
        let items = items.iter().map(|item| NewFriend::parse(from, item));
        let items = context.items(from, items).await?;
        Ok(Self {
            from,
            options,
            items,
        })
    }
}
