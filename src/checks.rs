//! The checks that the schemas of the configuration and of the control API's requests name with `x-check`.

use crate::commands::stubs;
use crate::strict::Check;
use crate::{config, stub};

/// All checks.
pub(crate) const CHECKS: &[Check] = &[
    config::ADDRESS,
    config::HOST_NAMES,
    config::HTTP_URL,
    stub::TEMPLATES,
    stubs::NAMES,
];
