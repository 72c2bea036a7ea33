//! What is wrong with a configuration.

/// The faults of all sources, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, origin: &str, what: &str) {
        self.0.push(format!("{origin}: {what}"));
    }

    pub(super) fn into_list(self) -> Vec<String> {
        self.0
    }
}
