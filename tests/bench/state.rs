//! The time of calls beside the saves of a large state file.

use crate::Table;
use crate::load::{self, Connection};
use crate::process::{KEY, Server};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const ACCOUNTS: usize = 2000;

/// The friends of each account: those with the nearest numbers, half of them on each side. 1,000,000 one-way
/// relations in all.
const FRIENDS: usize = 500;

/// The saves beside which calls are measured.
const SAVES: usize = 10;

/// The distance of the two accounts of a call. They are no friends at first.
const FAR: usize = ACCOUNTS / 2;

/// A prime, so that calls one after the other change accounts that are far apart in memory.
const STRIDE: usize = 337;

/// The calls between two looks at the file.
const CALLS_PER_LOOK: usize = 50;

pub(crate) fn measure(table: &mut Table) {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("state.json");
    write_state(&file).expect("the folder is ours");
    let calls = calls();

    // A saved state is read, but no save comes.
    let server = Server::emulator(&config(&file, 3_600_000));
    // The first calls are slow, because they copy what was read.
    latencies(&server, &calls, |calls| calls < 2 * ACCOUNTS);
    let quiet = Figures::of(latencies(&server, &calls, |calls| calls < 20 * ACCOUNTS));
    let quiet_memory = server.resident_bytes();
    drop(server);

    let server = Server::emulator(&config(&file, 1));
    let (mut saves, mut last, started) = (0, saved_at(&file), load::now());
    let beside = latencies(&server, &calls, |_| {
        let now = saved_at(&file);
        saves += usize::from(now != last);
        last = now;
        saves < SAVES
    });
    let memory = server.resident_bytes();
    println!(
        "  {} calls beside {SAVES} saves, {:.0?} each",
        beside.len(),
        started.elapsed() / SAVES as u32
    );
    let beside = Figures::of(beside);
    table.row(
        "slowest call beside saves of 1,000,000 relations (99.9 % of the calls; the same without saves)",
        format!("{} ({}; {} ({}))", beside.slowest(), beside.most(), quiet.slowest(), quiet.most()),
        "<= 50 ms",
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    table.row(
        "resident memory beside saves of 1,000,000 relations (without saves)",
        format!("{:.0} MiB ({:.0} MiB)", mib(memory), mib(quiet_memory)),
        "-",
    );
}

/// What is said of the times of calls.
struct Figures {
    slowest: Duration,
    /// 99.9 % of the calls take at most this time.
    most: Duration,
}

impl Figures {
    fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let last = latencies.len() - 1;
        Self {
            slowest: latencies[last],
            most: latencies[last - latencies.len() / 1000],
        }
    }

    fn slowest(&self) -> String {
        milliseconds(self.slowest)
    }

    fn most(&self) -> String {
        milliseconds(self.most)
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Makes calls one after the other, as long as `goes_on` says so, which gets their number. Returns their times.
fn latencies(
    server: &Server,
    calls: &[Vec<u8>],
    mut goes_on: impl FnMut(usize) -> bool,
) -> Vec<Duration> {
    load::block_on(async {
        let mut connection = Connection::open(server.addr).await;
        let mut latencies = Vec::new();
        // All friendships that were made are ended again.
        for calls in calls.chunks(CALLS_PER_LOOK).cycle() {
            for call in calls {
                let started = load::now();
                let answer = connection.call(call).await;
                latencies.push(started.elapsed());
                let text = String::from_utf8_lossy(answer);
                assert!(text.contains("\"ResultCode\":0"), "{text}");
            }
            if !goes_on(latencies.len()) {
                break;
            }
        }
        latencies
    })
}

/// Calls that make friends, each followed by one that ends the friendship, so that the state keeps its size.
fn calls() -> Vec<Vec<u8>> {
    let (add, delete) = (load::friend_add(1), load::signed_path(1, "friend_delete"));
    let pair = |number: usize| {
        let from = number * STRIDE % ACCOUNTS;
        let to = (from + FAR) % ACCOUNTS;
        let delete_body = format!(
            r#"{{"From_Account":"{}","To_Account":["{}"],"DeleteType":"Delete_Type_Both"}}"#,
            load::user(from),
            load::user(to)
        );
        [
            load::request(&add, &load::body(from, std::iter::once(to))),
            load::request(&delete, &delete_body),
        ]
    };
    (0..ACCOUNTS).flat_map(pair).collect()
}

fn config(file: &Path, interval_ms: u32) -> String {
    format!(
        "state_file = {file:?}\nstate_interval_ms = {interval_ms}\n[apps.1]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n"
    )
}

/// Writes a state in which each account has its friends.
fn write_state(file: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    write!(out, r#"{{"version":1,"apps":{{"1":{{"accounts":{{"#)?;
    for account in 0..ACCOUNTS {
        let comma = if account == 0 { "" } else { "," };
        write!(out, r#"{comma}"{}":{{"friends":["#, load::user(account))?;
        for step in (1..=FRIENDS / 2).chain(ACCOUNTS - FRIENDS / 2..ACCOUNTS) {
            let comma = if step == 1 { "" } else { "," };
            let friend = load::user((account + step) % ACCOUNTS);
            write!(
                out,
                r#"{comma}{{"to":"{friend}","add_time":1700000000,"add_source":"AddSource_Type_Web"}}"#
            )?;
        }
        write!(out, "]}}")?;
    }
    write!(out, "}}}}}}}}")?;
    out.flush()
}

fn saved_at(file: &Path) -> SystemTime {
    let metadata = std::fs::metadata(file).expect("it is replaced, not removed");
    metadata.modified().expect("the system knows")
}
