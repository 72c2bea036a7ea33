//! `v4/sns/friend_get_list`: requested fields of some friends.
//! <https://www.tencentcloud.com/document/product/1047/34910>

use super::Command;
use super::context::{CallContext, distinct_tags};
use super::recipe::{Names, Needs, Recipe};
use crate::accounts::CustomFields;
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
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendGetList {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 friends (the page recommends at most 100).
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
    /// Required: the requested fields of the friend or of its profile.
    #[serde(rename = "TagList")]
    tag_list: Vec<SmolStr>,
}

/// The fields of a To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FriendFields {
    /// The requested fields that have a value; absent if the account is not a friend.
    #[serde(rename = "SnsProfileItem", skip_serializing_if = "Option::is_none")]
    items: Option<Vec<TagItem>>,
}

impl ItemFields for FriendFields {
    const LIST: &'static str = "InfoItem";
}

/// A field of the friend or of its profile.
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

    /// The order of the page's samples: fields of the friend come before fields of the profile, and
    /// custom fields after all standard fields.
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
    const INFO: CommandInfo = Service::Sns.command("friend_get_list", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        ..Recipe::of(|Names { from, to, .. }| {
            let tags = ["Tag_SNS_IM_AddTime"];
            json!({ "From_Account": from, "To_Account": [to], "TagList": tags })
        })
    };

    type Response = ItemResults<FriendFields>;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<Self::Response, CallError> {
        let declared = &context.app.config.custom_fields;
        // GUESS: an unknown Tag makes the whole call fail.
        let mut tags = distinct_tags(&self.tag_list, |text| Tag::parse(text, declared))
            .map_err(|text| context.bad(&format!("TagList: {text} is not a Tag")))?;
        tags.sort_by_key(Tag::rank);
        let (from, tos) = context.batch(&self.from_account, &self.to_account).await?;
        let views = context.app.store.friends_each(from, &tos).await?;
        let items = |view: FriendView| {
            view.facts.readable()?;
            let friend = view.friend.ok_or(Code::FriendNotExist)?;
            let items = tags
                .iter()
                .filter_map(|tag| tag.item(&friend, &view.profile));
            Ok(items.collect())
        };
        let outcome = |(to, view): (SmolStr, Result<FriendView, Code>)| {
            let (code, items) = match view.and_then(items) {
                Ok(items) => (Code::Ok, Some(items)),
                Err(code) => (code, None),
            };
            (to, code, FriendFields { items })
        };
        let outcomes = self.to_account.into_iter().zip(views).map(outcome);
        Ok(context.item_results(outcomes))
    }
}
