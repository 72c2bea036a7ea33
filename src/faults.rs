//! Outcomes that a test has asked for, where no state gives them: of whole calls, and of items.

use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::sns::pair::Asks;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The scripted outcomes of all apps.
#[derive(Debug, Default)]
pub(crate) struct Faults(RwLock<Scripts>);

#[derive(Debug, Default)]
struct Scripts {
    /// By app and command.
    calls: HashMap<(SdkAppId, Box<str>), Code>,
    /// By app, From_Account and To_Account.
    items: HashMap<(SdkAppId, UserId, UserId), Code>,
}

impl Faults {
    /// Makes every call of an app's command fail with `code`, or lifts that.
    pub(crate) fn script_call(&self, app: SdkAppId, command: &str, code: Option<Code>) {
        let mut scripts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        set(&mut scripts.calls, (app, command.into()), code);
    }

    /// Makes every item by which `from` asks about `to` end in `code`, or lifts that.
    pub(crate) fn script_item(&self, app: SdkAppId, from: UserId, to: UserId, code: Option<Code>) {
        let mut scripts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        set(&mut scripts.items, (app, from, to), code);
    }

    /// What a call was scripted to fail with.
    pub(crate) fn of_call(&self, app: SdkAppId, command: &str) -> Option<Code> {
        let scripts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if scripts.calls.is_empty() {
            return None;
        }
        scripts.calls.get(&(app, command.into())).copied()
    }

    /// Ends items as they were scripted, before anything is done for them. Commands without a
    /// From_Account ask each account about itself.
    pub(crate) fn overrule<I: Asks>(
        &self,
        app: SdkAppId,
        from: Option<UserId>,
        items: &mut [Result<I, Code>],
    ) {
        let scripts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if scripts.items.is_empty() {
            return;
        }
        for item in items {
            let Ok(to) = item.as_ref().map(Asks::to) else {
                continue;
            };
            if let Some(code) = scripts.items.get(&(app, from.unwrap_or(to), to)) {
                *item = Err(*code);
            }
        }
    }
}

fn set<K: Eq + std::hash::Hash>(scripts: &mut HashMap<K, Code>, key: K, code: Option<Code>) {
    match code {
        Some(code) => scripts.insert(key, code),
        None => scripts.remove(&key),
    };
}
