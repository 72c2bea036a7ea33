//! `v4/sns/friend_add`: adds one or more friends.
//! <https://www.tencentcloud.com/document/product/1047/34902>

use super::body::{bad_field, integer, objects, text};
use super::{CallContext, Command};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service};
use crate::sns::friend_add::{How, NewFriend, RawItem, judge};
use crate::sns::model::{AddType, ForceAddFlags, SnsPolicy};
use crate::store::StoreError;
use serde::Deserialize;

pub(crate) struct FriendAdd;

/// The body. Optional fields may be absent, `null` or `""`: published clients send all three.
#[derive(Debug, Deserialize)]
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
#[derive(Debug, Deserialize)]
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
    };

    type Request = FriendAddRequest;
    type Response = FriendAddResponse;

    async fn handle(
        context: CallContext<'_>,
        request: FriendAddRequest,
    ) -> Result<FriendAddResponse, CallError> {
        let CallContext {
            app,
            store,
            policy,
            now,
        } = context;
        let Batch {
            from,
            add_type,
            force,
            items,
        } = Batch::parse(&request, policy)?;
        let how = How {
            add_type,
            force,
            now,
        };
        let codes = store
            .judge_each(app, from, &items, |pair, item| {
                judge(from, pair, item, how, policy)
            })
            .await?;
        let to_accounts = request
            .add_friend_item
            .into_iter()
            .map(|item| item.to_account);
        Ok(to_accounts.zip(codes).collect())
    }
}

/// A request without a fault of the whole call; an item's own fault stands in the item's place.
struct Batch {
    from: UserId,
    add_type: AddType,
    force: ForceAddFlags,
    items: Vec<Result<NewFriend, Code>>,
}

impl Batch {
    fn parse(request: &FriendAddRequest, policy: &SnsPolicy) -> Result<Self, CallError> {
        let bad = |what: &str| bad_field(Service::Sns, what);
        let FriendAddRequest {
            from_account,
            add_friend_item,
            add_type,
            force_add_flags,
        } = request;
        if from_account.is_empty() {
            return Err(bad("From_Account is empty"));
        }
        if add_friend_item.is_empty() {
            return Err(bad("AddFriendItem is empty"));
        }
        if add_friend_item.len() > policy.max_items as usize {
            return Err(bad(&format!(
                "AddFriendItem has over {} items",
                policy.max_items
            )));
        }
        let add_type = add_type
            .as_deref()
            .map_or(Some(AddType::default()), AddType::parse);
        let force = match force_add_flags {
            None | Some(0) => Some(ForceAddFlags::Normal),
            Some(1) => Some(ForceAddFlags::Forced),
            Some(_) => None,
        };
        let add_type =
            add_type.ok_or_else(|| bad("AddType is neither Add_Type_Single nor Add_Type_Both"))?;
        let force = force.ok_or_else(|| bad("ForceAddFlags is neither 0 nor 1"))?;
        let from = UserId::parse(from_account).ok_or(Code::FromAccountNotExist)?;
        let items = add_friend_item
            .iter()
            .map(|item| NewFriend::parse(from, item.raw()))
            .collect();
        Ok(Self {
            from,
            add_type,
            force,
            items,
        })
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

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoFromAccount => Code::FromAccountNotExist.into(),
        }
    }
}
