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
    /// `openim`: one-to-one messages and the online status.
    OpenIm,
    /// `group_open_http_svc`: groups and their messages.
    GroupOpenHttp,
    /// `all_member_push`: messages to all accounts.
    AllMemberPush,
    /// Any other service, by its name. Only stubs of a test belong to one.
    Other(&'static str),
}

impl Service {
    /// The service's name in the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sns => "sns",
            Self::Profile => "profile",
            Self::ImOpenLogin => "im_open_login_svc",
            Self::OpenIm => "openim",
            Self::GroupOpenHttp => "group_open_http_svc",
            Self::AllMemberPush => "all_member_push",
            Self::Other(name) => name,
        }
    }

    /// The service with this name; `None` if only [`Self::Other`] can have it.
    pub fn named(name: &str) -> Option<Self> {
        let mut services = [
            Self::Sns,
            Self::Profile,
            Self::ImOpenLogin,
            Self::OpenIm,
            Self::GroupOpenHttp,
            Self::AllMemberPush,
        ]
        .into_iter();
        services.find(|service| service.name() == name)
    }

    /// The code for a caller that is not an app admin.
    pub const fn not_admin(self) -> Code {
        match self {
            Self::Sns => Code::NotAdmin,
            Self::Profile => Code::ProfileNotAdmin,
            Self::ImOpenLogin => Code::AccountNotAdmin,
            Self::OpenIm | Self::AllMemberPush => Code::MessageNotAdmin,
            Self::GroupOpenHttp => Code::GroupNotAllowed,
            Self::Other(_) => Code::NotAdminGateway,
        }
    }

    /// The code for a body with a missing or invalid field.
    pub const fn bad_body(self) -> Code {
        match self {
            Self::Sns => Code::SnsDecode,
            Self::Profile => Code::ProfileDecode,
            Self::ImOpenLogin => Code::AccountParameter,
            Self::OpenIm | Self::AllMemberPush => Code::MessageFormat,
            Self::GroupOpenHttp => Code::GroupParameter,
            Self::Other(_) => Code::RequestFormat,
        }
    }

    /// The code for a body that is not JSON.
    pub const fn not_json(self) -> Code {
        match self {
            Self::OpenIm | Self::AllMemberPush => Code::MessageNotJson,
            Self::Sns
            | Self::Profile
            | Self::ImOpenLogin
            | Self::GroupOpenHttp
            | Self::Other(_) => Code::NotJson,
        }
    }

    /// Whether the answers of this service have ErrorDisplay.
    pub const fn has_error_display(self) -> bool {
        matches!(self, Self::Sns | Self::Profile)
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
                Self::OpenIm | Self::GroupOpenHttp | Self::AllMemberPush | Self::Other(_) => {
                    KeyOrder::InfoFirst
                }
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
    /// The From_Account and the To_Accounts of a stub's body, if it has them; no results.
    Stub,
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
            Subject::FromAndItems | Subject::From | Subject::Stub => of_sns,
            Subject::Items(most) | Subject::Accounts(most) => most,
        }
    }

    /// The path: `/v4/<service>/<command>`.
    pub fn path(&self) -> String {
        format!("/v4/{}/{}", self.service.name(), self.name)
    }
}
