//! A service and its commands, as the URL names them: `/v4/<service>/<command>`.

use super::code::Code;

/// A family of commands that share conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `sns`: the relationship chain.
    Sns,
}

impl Service {
    /// The service's name in the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sns => "sns",
        }
    }

    /// What a caller who is no app admin is told.
    pub const fn not_admin(self) -> Code {
        match self {
            Self::Sns => Code::NotAdmin,
        }
    }

    /// What a body with a missing or wrong field is told.
    pub const fn bad_body(self) -> Code {
        match self {
            Self::Sns => Code::SnsDecode,
        }
    }

    /// Whether this service's own answers carry ErrorDisplay.
    pub const fn has_error_display(self) -> bool {
        match self {
            Self::Sns => true,
        }
    }
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
}
