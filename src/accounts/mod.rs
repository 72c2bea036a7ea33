//! The form in which accounts are given and shown: in the configuration, in `POST apps`, and by all
//! routes of the control API that read or write accounts.

mod document;
mod graph;
mod reader;

pub(crate) use document::MAX_ACCOUNTS_BYTES;
pub use document::{AccountDocument, BlockedDocument, Entry, FriendDocument, RequestDocument};
pub(crate) use graph::{mirrored, peers, reversed};
pub(crate) use reader::AccountReader;

use crate::sns::texts::Keyword;
use schemars::JsonSchema;
use serde::Deserialize;

/// The keywords of the custom fields that an app declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct CustomFields {
    /// Custom fields of friends: the part of the Tag after `Tag_SNS_Custom_`.
    #[serde(default, rename = "custom_friend_fields")]
    #[schemars(length(max = 20))]
    pub friend: Vec<Keyword>,
    /// Custom fields of profiles: the part of the Tag after `Tag_Profile_Custom_`.
    #[serde(default, rename = "custom_profile_fields")]
    #[schemars(length(max = 20))]
    pub profile: Vec<Keyword>,
}
