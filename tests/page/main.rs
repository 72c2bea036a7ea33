//! The debugging page in a real browser, Debian's Chromium, against the real server.

mod browser;
mod call;
mod checks;
mod codes;
mod doctor;
mod driver;
mod form;
mod harness;
mod relationships;
mod shell;
#[path = "../process/tools.rs"]
mod tools;
mod traffic;
mod trouble;

/// For [`tools`].
mod fixture {
    pub(crate) fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }
}
