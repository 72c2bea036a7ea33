//! `v4/sns/friend_get_list`: some friends, and those of their fields that are asked for.
//! <https://www.tencentcloud.com/document/product/1047/34910>

use super::Command;
use super::context::{CallContext, distinct_tags};
use crate::config::CustomFields;
use crate::faults::Targets;
use crate::profile::{Profile, ProfileTag};
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::Friend;
use crate::store::FriendView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct FriendGetList;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendGetListRequest {
    /// Required. Whose friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 accounts (at most 100 are advised).
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
    /// Required: the fields, of the friend or of its profile, that are asked for.
    #[serde(rename = "TagList")]
    tag_list: Vec<String>,
}

/// What is said of each To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FriendFields {
    /// Those of the fields that have a value; absent of an account that is no friend.
    #[serde(rename = "SnsProfileItem", skip_serializing_if = "Option::is_none")]
    items: Option<Vec<TagItem>>,
}

impl ItemFields for FriendFields {
    const LIST: &'static str = "InfoItem";
}

/// A field of the friend, or of its profile.
#[derive(Clone, Copy, PartialEq)]
enum Tag {
    Friend(FriendTag),
    Profile(ProfileTag),
}

impl Tag {
    fn parse(text: &str, declared: &CustomFields) -> Option<Self> {
        let friend = FriendTag::parse(text, &declared.friend).map(Self::Friend);
        friend.or_else(|| ProfileTag::parse(text, &declared.profile).map(Self::Profile))
    }

    /// The page's samples have friends' fields first, and custom ones behind standard ones.
    fn rank(&self) -> u8 {
        match self {
            Self::Friend(FriendTag::Custom(_)) => 2,
            Self::Friend(_) => 0,
            Self::Profile(ProfileTag::Custom(_)) => 3,
            Self::Profile(_) => 1,
        }
    }

    fn item(self, friend: &Friend, profile: &Profile) -> Option<TagItem> {
        match self {
            Self::Friend(tag) => friend.item(tag),
            Self::Profile(tag) => profile.item(tag),
        }
    }
}

impl Command for FriendGetList {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_get_list",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = FriendGetListRequest;
    type Response = ItemResults<FriendFields>;

    fn targets(request: &FriendGetListRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendGetListRequest,
    ) -> Result<ItemResults<FriendFields>, CallError> {
        let declared = &context.app.config.custom_fields;
        // GUESS: a Tag that there is not is a fault of the whole call.
        let mut tags = distinct_tags(&request.tag_list, |text| Tag::parse(text, declared))
            .map_err(|text| context.bad(&format!("TagList: {text} is no Tag")))?;
        tags.sort_by_key(Tag::rank);
        let (from, tos) = context
            .accounts(&request.from_account, &request.to_account)
            .await?;
        let views = context.app.store.friends_each(from, &tos).await?;
        let items = |FriendView {
                         facts,
                         friend,
                         profile,
                     }: FriendView| {
            facts.readable()?;
            let friend = friend.ok_or(Code::FriendNotExist)?;
            Ok(tags
                .iter()
                .filter_map(|tag| tag.item(&friend, &profile))
                .collect())
        };
        let outcome = |(to, view): (String, Result<FriendView, Code>)| {
            let (code, items) = match view.and_then(items) {
                Ok(items) => (Code::Ok, Some(items)),
                Err(code) => (code, None),
            };
            (to, code, FriendFields { items })
        };
        let outcomes = request.to_account.into_iter().zip(views).map(outcome);
        Ok(ItemResults::new(context.command, outcomes))
    }
}
