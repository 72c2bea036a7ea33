//! A service and its commands, as the URL names them: `/v4/<service>/<command>`.

use super::code::Code;
use std::fmt::{self, Write};

/// A family of commands that share conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `sns`: the relationship chain.
    Sns,
    /// `profile`: what accounts say of themselves.
    Profile,
    /// `im_open_login_svc`: the accounts themselves.
    ImOpenLogin,
}

impl Service {
    /// The service's name in the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sns => "sns",
            Self::Profile => "profile",
            Self::ImOpenLogin => "im_open_login_svc",
        }
    }

    /// What a caller who is no app admin is told.
    pub const fn not_admin(self) -> Code {
        match self {
            Self::Sns => Code::NotAdmin,
            Self::Profile => Code::ProfileNotAdmin,
            Self::ImOpenLogin => Code::AccountNotAdmin,
        }
    }

    /// What a body with a missing or wrong field is told.
    pub const fn bad_body(self) -> Code {
        match self {
            Self::Sns => Code::SnsDecode,
            Self::Profile => Code::ProfileDecode,
            Self::ImOpenLogin => Code::AccountParameter,
        }
    }

    /// Whether this service's own answers carry ErrorDisplay.
    pub const fn has_error_display(self) -> bool {
        match self {
            Self::Sns | Self::Profile => true,
            Self::ImOpenLogin => false,
        }
    }
}

/// Whom a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// From_Account, and each item's To_Account: there is a result for each.
    FromAndItems,
    /// From_Account alone.
    From,
    /// Each item's account, with a result for each, and no From_Account; so many at most.
    Items(u32),
    /// Accounts that have no result of their own, or none that can fail; so many at most.
    Accounts(u32),
}

/// What everybody may know of a command without knowing the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// The family it belongs to.
    pub service: Service,
    /// The command's name in the path.
    pub name: &'static str,
    /// The documented call frequency, for each app.
    pub calls_per_second: u32,
    /// Whom it is about.
    pub subject: Subject,
}

impl CommandInfo {
    /// How many items a call has at most, where `sns` commands take so many.
    pub fn max_items(&self, of_sns: u32) -> u32 {
        match self.subject {
            Subject::FromAndItems | Subject::From => of_sns,
            Subject::Items(most) | Subject::Accounts(most) => most,
        }
    }

    /// Where it is: `/v4/<service>/<command>`.
    pub fn path(&self) -> String {
        format!("/v4/{}/{}", self.service.name(), self.name)
    }

    /// The command as texts name it: `FriendAdd` for friend_add.
    pub fn api(&self) -> impl fmt::Display + use<> {
        Api(self.name)
    }
}

struct Api(&'static str);

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in self.0.split('_') {
            let mut letters = word.chars();
            if let Some(first) = letters.next() {
                f.write_char(first.to_ascii_uppercase())?;
            }
            f.write_str(letters.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_a_command_by_its_words_in_capitals() {
        for (name, api) in [
            ("friend_add", "FriendAdd"),
            ("black_list_check", "BlackListCheck"),
            ("friend_get_list", "FriendGetList"),
        ] {
            let command = CommandInfo {
                service: Service::Sns,
                name,
                calls_per_second: 200,
                subject: Subject::From,
            };
            assert_eq!(command.api().to_string(), api);
        }
    }
}
