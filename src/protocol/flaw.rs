//! UserSigs that are wrong on purpose, so that a program's handling of each refusal can be tested.

use super::code::Code;
use super::ids::{SdkAppId, UnixTime};
use super::user_sig::{SecretKey, sign};
use schemars::JsonSchema;
use serde::Deserialize;
use std::str::FromStr;

/// What is wrong with a UserSig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It expired one second ago: 70001.
    Expired,
    /// It is signed with a random key: 70009.
    OtherKey,
    /// It belongs to another app: 70014.
    OtherApp,
    /// It belongs to another identifier: 70013.
    OtherIdentifier,
    /// Only its first half is left: 70003.
    Truncated,
}

impl Flaw {
    /// All flaws, with their names in the control API and on the command line.
    pub const ALL: [(&str, Self); 5] = [
        ("expired", Self::Expired),
        ("other_key", Self::OtherKey),
        ("other_app", Self::OtherApp),
        ("other_identifier", Self::OtherIdentifier),
        ("truncated", Self::Truncated),
    ];

    /// The ErrorCode of a call with such a UserSig.
    pub fn code(self) -> Code {
        match self {
            Self::Expired => Code::SigExpired,
            Self::OtherKey => Code::SigKey,
            Self::OtherApp => Code::SigSdkAppId,
            Self::OtherIdentifier => Code::SigIdentifier,
            Self::Truncated => Code::SigIllegal,
        }
    }

    /// Makes a UserSig for this app and identifier that has the flaw and is right otherwise.
    pub fn sign(
        self,
        key: &SecretKey,
        sdkappid: SdkAppId,
        identifier: &str,
        time: UnixTime,
        expire: i64,
    ) -> String {
        match self {
            Self::Expired => {
                let expired = time.0.saturating_sub(expire).saturating_sub(1);
                sign(key, sdkappid, identifier, UnixTime(expired), expire)
            }
            Self::OtherKey => sign(&SecretKey::random(), sdkappid, identifier, time, expire),
            Self::OtherApp => {
                let next = SdkAppId::new(sdkappid.get().wrapping_add(1));
                let other = next.or(SdkAppId::new(1)).expect("1 is not 0");
                sign(key, other, identifier, time, expire)
            }
            Self::OtherIdentifier => {
                let other = format!("not-{identifier}");
                sign(key, sdkappid, &other, time, expire)
            }
            Self::Truncated => {
                let mut usersig = sign(key, sdkappid, identifier, time, expire);
                usersig.truncate(usersig.len() / 2);
                usersig
            }
        }
    }
}

impl FromStr for Flaw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|(name, _)| *name == text);
        named.map(|(_, flaw)| flaw).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name);
            format!("should be one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::user_sig::verify;

    #[test]
    fn each_flaw_gets_its_code_whatever_the_app_the_identifier_and_the_time() {
        let key = SecretKey::new("a key").expect("not empty");
        for (_, flaw) in Flaw::ALL {
            for app in [1, 88_888_888, u32::MAX] {
                for (identifier, time, expire) in [
                    ("a", 1_700_000_000, 1),
                    ("x".repeat(32).as_str(), 0, 86_400),
                ] {
                    let (app, now) = (SdkAppId::new(app).expect("not 0"), UnixTime(time));
                    let usersig = flaw.sign(&key, app, identifier, now, expire);
                    let checked = verify(&usersig, &key, app, identifier);
                    let error = checked.and_then(|verified| verified.check_expiry(now));
                    assert_eq!(error.expect_err("flawed").code, flaw.code());
                }
            }
        }
    }
}
