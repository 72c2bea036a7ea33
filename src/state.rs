//! What every call shares, put together in one place.

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::Faults;
use std::sync::Arc;

/// A handle on what every call shares; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct AppState(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) apps: Apps,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
}

impl AppState {
    /// Makes the configured apps. Needs a Tokio runtime, where an app has a webhook.
    pub(crate) fn new(config: Config) -> Self {
        let clock = Arc::<Clock>::default();
        Self(Arc::new(Shared {
            apps: Apps::new(&config, &clock),
            config,
            faults: Faults::default(),
            clock,
        }))
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
