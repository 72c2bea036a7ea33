//! The names of the accepted stubs of all apps.

use crate::protocol::service::{CommandInfo, Service, Subject};
use std::sync::{Mutex, PoisonError};

/// The maximum number of different names in a process.
const MAX_INFOS: usize = 1000;

/// The rate limit of a stub, unless its definition or its app has another one: the limit of most pages.
pub(super) const CALLS_PER_SECOND: u32 = 200;

static INFOS: Infos = Infos::new();

/// All infos, in the order in which they were made.
pub(crate) fn all() -> Vec<&'static CommandInfo> {
    INFOS.lock(|infos| infos.clone())
}

/// The info of a stub; makes it, if there is none yet. `None` if there are too many infos.
pub(super) fn info(service: &str, name: &str) -> Option<&'static CommandInfo> {
    INFOS.find_or_leak(service, name)
}

/// Infos that live as long as the process. They are leaked, because the metrics keep a counter for
/// each command as long as the process lives, so a stub's name could never be freed.
struct Infos(Mutex<Vec<&'static CommandInfo>>);

impl Infos {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn find_or_leak(&self, service: &str, name: &str) -> Option<&'static CommandInfo> {
        self.lock(|infos| {
            let is_same =
                |info: &&&CommandInfo| info.service.name() == service && info.name == name;
            if let Some(info) = infos.iter().find(is_same) {
                return Some(*info);
            }
            if infos.len() >= MAX_INFOS {
                return None;
            }
            let service = Service::named(service).unwrap_or_else(|| Service::Other(leak(service)));
            let info = service.command(leak(name), CALLS_PER_SECOND, Subject::Stub);
            let info: &'static CommandInfo = Box::leak(Box::new(info));
            infos.push(info);
            Some(info)
        })
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Vec<&'static CommandInfo>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(Box::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_stub_takes_no_second_place_and_the_places_are_limited() {
        let infos = Infos::new();
        for _ in 0..2 {
            for number in 0..MAX_INFOS {
                let info = infos.find_or_leak("openim", &format!("x{number}"));
                assert_eq!(
                    info.map(CommandInfo::path),
                    Some(format!("/v4/openim/x{number}"))
                );
            }
        }

        assert_eq!(infos.find_or_leak("other", "x0"), None);
        assert!(infos.find_or_leak("openim", "x0").is_some());
    }
}
