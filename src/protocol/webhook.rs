//! The bodies of webhooks, which Tencent sends to an app's server, and their signature (webhook
//! overview, doc 1047/34354).

use super::ids::{UnixTime, UserId};
use super::tag::TagItem;
use super::user_sig::SecretKey;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The body of a webhook. The keys are in the order of the samples in the documentation.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "CallbackCommand")]
pub(crate) enum Event {
    #[serde(rename = "Sns.CallbackFriendAdd")]
    FriendAdd {
        #[serde(rename = "PairList")]
        pairs: Vec<AddedPair>,
        /// The command that added the friends.
        #[serde(rename = "ClientCmd")]
        client_cmd: &'static str,
        /// The app admin that called.
        #[serde(rename = "Admin_Account")]
        admin_account: String,
        /// 1 if ForceAddFlags was 1.
        #[serde(rename = "ForceFlag")]
        force_flag: u8,
    },
    #[serde(rename = "Sns.CallbackFriendDelete")]
    FriendDelete {
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    #[serde(rename = "Sns.CallbackBlackListAdd")]
    BlackListAdd {
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    #[serde(rename = "Sns.CallbackBlackListDelete")]
    BlackListDelete {
        #[serde(rename = "PairList")]
        pairs: Vec<Pair>,
    },
    #[serde(rename = "Profile.CallbackPortraitSet")]
    PortraitSet {
        /// The app admin that called.
        #[serde(rename = "Operator_Account")]
        operator_account: String,
        #[serde(rename = "From_Account")]
        from_account: UserId,
        /// The time in milliseconds since 1970-01-01 UTC.
        #[serde(rename = "EventTime")]
        event_time: u64,
        /// The fields as the call sent them.
        #[serde(rename = "ProfileItem")]
        profile_item: Vec<TagItem>,
    },
}

/// An account that was added to a list or removed from it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pair {
    /// The owner of the list.
    #[serde(rename = "From_Account")]
    pub(crate) from: UserId,
    /// The account that was added or removed.
    #[serde(rename = "To_Account")]
    pub(crate) to: UserId,
}

/// A [`Pair`] and the From_Account of the call that added it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct AddedPair {
    #[serde(flatten)]
    pub(crate) pair: Pair,
    #[serde(rename = "Initiator_Account")]
    pub(crate) initiator: UserId,
}

impl Event {
    /// The names of all events.
    pub(crate) const NAMES: [&str; 5] = [
        "Sns.CallbackFriendAdd",
        "Sns.CallbackFriendDelete",
        "Sns.CallbackBlackListAdd",
        "Sns.CallbackBlackListDelete",
        "Profile.CallbackPortraitSet",
    ];

    /// CallbackCommand, which is also a parameter of the URL.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::FriendAdd { .. } => "Sns.CallbackFriendAdd",
            Self::FriendDelete { .. } => "Sns.CallbackFriendDelete",
            Self::BlackListAdd { .. } => "Sns.CallbackBlackListAdd",
            Self::BlackListDelete { .. } => "Sns.CallbackBlackListDelete",
            Self::PortraitSet { .. } => "Profile.CallbackPortraitSet",
        }
    }

    /// Whether the webhook reports no change.
    pub(crate) fn is_empty(&self) -> bool {
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
pub(crate) fn sign(token: &SecretKey, request_time: UnixTime) -> String {
    let signed = format!("{}{}", token.as_str(), request_time.0);
    let digest = Sha256::digest(signed.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the webhook page (its English version of 2023 misprints the token).
    #[test]
    fn the_signature_is_the_samples() {
        let token = SecretKey::new("xxxxyyyy").expect("not empty");
        assert_eq!(
            sign(&token, UnixTime(1_669_872_112)),
            "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"
        );
    }
}
