//! What Tencent tells an app's own server: the bodies of webhooks, and how they are signed
//! (webhook overview, doc 1047/34354).

use super::ids::{UnixTime, UserId};
use super::tag::TagItem;
use super::user_sig::SecretKey;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What has happened, as it is told. The keys are in the order of the pages' samples.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "CallbackCommand")]
pub enum Event {
    /// Friends were added: `Sns.CallbackFriendAdd`.
    #[serde(rename = "Sns.CallbackFriendAdd")]
    FriendAdd {
        /// Whose list gained whom.
        #[serde(rename = "PairList")]
        pairs: Vec<AddedPair>,
        /// The command that did it.
        #[serde(rename = "ClientCmd")]
        client_cmd: &'static str,
        /// The admin who called.
        #[serde(rename = "Admin_Account")]
        admin_account: String,
        /// 1 when the friendship was forced.
        #[serde(rename = "ForceFlag")]
        force_flag: u8,
    },
    /// Friends were deleted: `Sns.CallbackFriendDelete`.
    #[serde(rename = "Sns.CallbackFriendDelete")]
    FriendDelete {
        /// Whose list lost whom.
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    /// Accounts were blocked: `Sns.CallbackBlackListAdd`.
    #[serde(rename = "Sns.CallbackBlackListAdd")]
    BlackListAdd {
        /// Whose blocklist gained whom.
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    /// Accounts are blocked no longer: `Sns.CallbackBlackListDelete`.
    #[serde(rename = "Sns.CallbackBlackListDelete")]
    BlackListDelete {
        /// Whose blocklist lost whom.
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    /// A profile changed: `Profile.CallbackPortraitSet`.
    #[serde(rename = "Profile.CallbackPortraitSet")]
    PortraitSet {
        /// Who changed it.
        #[serde(rename = "Operator_Account")]
        operator_account: String,
        /// Whose profile.
        #[serde(rename = "From_Account")]
        from_account: UserId,
        /// When, in milliseconds since 1970.
        #[serde(rename = "EventTime")]
        event_time: u64,
        /// The fields, as they were sent.
        #[serde(rename = "ProfileItem")]
        profile_item: Vec<TagItem>,
    },
}

/// To_Account was added to From_Account's list, or removed from it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// Whose list.
    #[serde(rename = "From_Account")]
    pub from: UserId,
    /// Who was added or removed.
    #[serde(rename = "To_Account")]
    pub to: UserId,
}

/// A [`Pair`], and who asked for it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AddedPair {
    /// Who was added to whose list.
    #[serde(flatten)]
    pub pair: Pair,
    /// Who asked: the call's From_Account.
    #[serde(rename = "Initiator_Account")]
    pub initiator: UserId,
}

impl Event {
    /// CallbackCommand, which the URL says as well.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FriendAdd { .. } => "Sns.CallbackFriendAdd",
            Self::FriendDelete { .. } => "Sns.CallbackFriendDelete",
            Self::BlackListAdd { .. } => "Sns.CallbackBlackListAdd",
            Self::BlackListDelete { .. } => "Sns.CallbackBlackListDelete",
            Self::PortraitSet { .. } => "Profile.CallbackPortraitSet",
        }
    }

    /// Whether anything has happened at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::FriendAdd { pairs, .. } => pairs.is_empty(),
            Self::FriendDelete { pairs }
            | Self::BlackListAdd { pairs }
            | Self::BlackListDelete { pairs } => pairs.is_empty(),
            Self::PortraitSet { profile_item, .. } => profile_item.is_empty(),
        }
    }
}

/// The URL parameter Sign: SHA-256 of the token and RequestTime, in hex.
pub fn sign(token: &SecretKey, request_time: UnixTime) -> String {
    let signed = format!("{}{}", token.as_str(), request_time.0);
    let digest = Sha256::digest(signed.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the webhook page (its English copy of 2023 misprints the token).
    #[test]
    fn a_signature_is_the_pages() {
        let token = SecretKey::new("xxxxyyyy").expect("not empty");
        assert_eq!(
            sign(&token, UnixTime(1_669_872_112)),
            "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"
        );
    }
}
