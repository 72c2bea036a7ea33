//! The growth of memory over many calls with the journal on: none once the journal is full.

use crate::process::{KEY, Server};
use crate::{Table, load};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Calls before the measurement. They fill the journal several times.
const WARM_UP: u64 = 100_000;

const CALLS: u64 = 1_000_000;

pub(crate) fn measure(table: &mut Table) {
    const ROUND: Duration = Duration::from_secs(1);
    let server = Server::emulator(&format!(
        "[apps.1]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n[apps.1.accounts]\nid = {{}}\nid1 = {{}}\n"
    ));
    let path = load::signed_path(1, "friend_check");
    let body = r#"{"From_Account":"id","To_Account":["id1"],"CheckType":"CheckResult_Type_Both"}"#;
    let request = load::request(&path, body);
    let made = AtomicU64::new(0);
    let make = |calls: u64| {
        while made.load(Ordering::Relaxed) < calls {
            load::calls_per_second(server.addr, 32, ROUND, &made, |_| request.clone());
        }
        server.resident_bytes()
    };
    let before = make(WARM_UP);
    let after = make(WARM_UP + CALLS);
    let grown = after.saturating_sub(before) as f64 / f64::from(1 << 20);
    table.row(
        "growth of resident memory over a million calls, with the journal on",
        format!("{grown:.2} MiB"),
        "<= 1 MiB",
    );
}
