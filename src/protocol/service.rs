//! Services and commands, as the URL `/v4/<service>/<command>` names them.

use super::code::Code;

/// A family of commands that share conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `sns`: the relationship chain.
    Sns,
    /// `profile`: the accounts' profiles.
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

    /// The code for a caller that is not an app admin.
    pub const fn not_admin(self) -> Code {
        match self {
            Self::Sns => Code::NotAdmin,
            Self::Profile => Code::ProfileNotAdmin,
            Self::ImOpenLogin => Code::AccountNotAdmin,
        }
    }

    /// The code for a body with a missing or invalid field.
    pub const fn bad_body(self) -> Code {
        match self {
            Self::Sns => Code::SnsDecode,
            Self::Profile => Code::ProfileDecode,
            Self::ImOpenLogin => Code::AccountParameter,
        }
    }

    /// Whether the answers of this service have ErrorDisplay.
    pub const fn has_error_display(self) -> bool {
        !matches!(self, Self::ImOpenLogin)
    }

    /// A command of this service.
    pub const fn command(
        self,
        name: &'static str,
        calls_per_second: u32,
        subject: Subject,
    ) -> CommandInfo {
        CommandInfo {
            service: self,
            name,
            calls_per_second,
            subject,
            keys: match self {
                Self::Sns | Self::Profile => KeyOrder::FieldsFirst,
                Self::ImOpenLogin => KeyOrder::EnvelopeFirst,
            },
            success_info: "",
        }
    }
}

/// The accounts that a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// From_Account and each item's To_Account, with a result for each item.
    FromAndItems,
    /// From_Account alone.
    From,
    /// The account of each item, with a result for each item and no From_Account; at most this many.
    Items(u32),
    /// Accounts without a result for each, or with results that cannot fail; at most this many.
    Accounts(u32),
}

/// The facts about a command that other modules need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// The service of the command.
    pub service: Service,
    /// The command's name in the path.
    pub name: &'static str,
    /// The documented rate limit of each app, in calls per second.
    pub calls_per_second: u32,
    /// The accounts that it is about.
    pub subject: Subject,
    /// The position of the envelope's keys in a successful answer.
    pub keys: KeyOrder,
    /// The ErrorInfo of a success.
    pub success_info: &'static str,
}

/// The position of the envelope's keys in a successful answer. The order does not matter to clients; it
/// is the order of the samples in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// After the command's fields.
    FieldsFirst,
    /// Before the command's fields.
    EnvelopeFirst,
    /// Before the command's fields, with ErrorInfo before ErrorCode.
    InfoFirst,
}

impl CommandInfo {
    /// The maximum number of items of a call. `of_sns` is the configured maximum of sns commands.
    pub fn max_items(&self, of_sns: u32) -> u32 {
        match self.subject {
            Subject::FromAndItems | Subject::From => of_sns,
            Subject::Items(most) | Subject::Accounts(most) => most,
        }
    }

    /// The path: `/v4/<service>/<command>`.
    pub fn path(&self) -> String {
        format!("/v4/{}/{}", self.service.name(), self.name)
    }
}
