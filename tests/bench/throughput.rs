//! The throughput of friend_add: calls of one item on many connections, batches of a thousand
//! items.

use crate::baseline::{BORROW, FIXED, PARSE};
use crate::process::{KEY, Server};
use crate::{Table, load, median};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const ROUNDS: usize = 9;

/// Enough accounts for two million new pairs.
pub(crate) const ACCOUNTS: usize = 2000;

pub(crate) fn config(accounts: usize) -> String {
    let accounts: String = (0..accounts)
        .map(|number| format!("{} = {{}}\n", load::user(number)))
        .collect();
    format!(
        "[sns]\nmax_friends = 1000000\n[apps.1]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n[apps.1.accounts]\n{accounts}"
    )
}

/// Calls that add one mutual friend, on 32 connections, against the route with a fixed answer.
pub(crate) fn one_item(table: &mut Table) {
    const CONNECTIONS: usize = 32;
    const ROUND: Duration = Duration::from_millis(1500);
    let (emulator, baseline) = (Server::emulator(&config(ACCOUNTS)), Server::baseline());
    let path = load::friend_add(1);
    let query = path.split_once('?').expect("a query").1;
    let fixed = format!("{FIXED}?{query}");
    let (mine, theirs) = (AtomicU64::new(0), AtomicU64::new(0));
    let body = |number: u64| {
        let (from, to) = pair(usize::try_from(number).expect("small"));
        load::body(from, std::iter::once(to))
    };
    let emulated = || {
        load::calls_per_second(emulator.addr, CONNECTIONS, ROUND, &mine, |n| {
            load::request(&path, &body(n))
        })
    };
    let bare = || {
        load::calls_per_second(baseline.addr, CONNECTIONS, ROUND, &theirs, |n| {
            load::request(&fixed, &body(n))
        })
    };
    emulated();
    bare();
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (bare, emulated) = (bare(), emulated());
            println!(
                "  {emulated:.0} calls/s, bare {bare:.0} calls/s, ratio {:.3}",
                emulated / bare
            );
            emulated / bare
        })
        .collect();
    let each = |server: &Server, calls: &AtomicU64| {
        let calls = calls.load(Ordering::Relaxed);
        server.processor_time().as_secs_f64() * 1e6 / calls as f64
    };
    let (mine, theirs) = (each(&emulator, &mine), each(&baseline, &theirs));
    println!("  processor time for each call: {mine:.1} us, bare {theirs:.1} us");
    let ratio = median(&mut ratios);
    table.row(
        "one-item friend_add, calls/s against a bare axum route",
        format!("{ratio:.2}"),
        ">= 0.75",
    );
}

/// The n-th pair of accounts; all pairs are different.
pub(crate) fn pair(number: usize) -> (usize, usize) {
    let (from, distance) = (number % ACCOUNTS, 1 + number / ACCOUNTS);
    assert!(distance < ACCOUNTS / 2, "the benchmark is out of pairs");
    (from, (from + distance) % ACCOUNTS)
}

/// Calls that add a thousand mutual friends, against only parsing and serialising.
pub(crate) fn batch(table: &mut Table) {
    const BATCH: usize = 1000;
    let emulator = Server::emulator(&config(BATCH + CALLS * (ROUNDS + 1)));
    let baseline = Server::baseline();
    let path = load::friend_add(1);
    let requests = |number| {
        let body = load::body(BATCH + number, 0..BATCH);
        (load::request(&path, &body), load::request(PARSE, &body))
    };
    let all_went_well = r#""ResultInfo":""}],"ActionStatus":"OK""#;
    let ratio = ratio_of_rounds(&emulator, &baseline, requests, all_went_well);
    table.row(
        "batch of 1000 new mutual friends, time against parse and serialise",
        format!("{ratio:.2}"),
        "<= 3.0",
    );
}

/// Batches of a thousand mutual friends at saturation: 4 connections, and 60,000 accounts, each in
/// many batches. Compares processor time with a route that parses the same body, borrowing from it,
/// and serialises the answer.
pub(crate) fn saturation(table: &mut Table) {
    const ACCOUNTS: usize = 60_000;
    const CONNECTIONS: usize = 4;
    const BATCH: usize = 1000;
    const CALLS: usize = 200;
    let emulator = Server::emulator(&config(ACCOUNTS));
    let baseline = Server::baseline();
    let path = load::friend_add(1);
    let (mut spent, mut bare_spent) = (Duration::ZERO, Duration::ZERO);
    for round in 0..=ROUNDS {
        let bodies: Vec<_> = (round * CALLS..(round + 1) * CALLS)
            .map(|from| {
                let tos = from + 1..=from + BATCH;
                load::body(from, tos)
            })
            .collect();
        let requests = |path: &str| -> Vec<_> {
            let requests = bodies.iter().map(|body| load::request(path, body));
            requests.collect()
        };
        let measure = |server: &Server, path: &str, expected: &str| {
            let before = server.processor_time();
            load::all(server.addr, CONNECTIONS, &requests(path), expected);
            server.processor_time() - before
        };
        let bare = measure(&baseline, BORROW, r#""ErrorCode":0"#);
        let mine = measure(&emulator, &path, r#""ResultInfo":""}],"ActionStatus":"OK""#);
        let each = |spent: Duration| spent.as_micros() / CALLS as u128;
        println!("  {} us, bare {} us", each(mine), each(bare));
        if round > 0 {
            (spent, bare_spent) = (spent + mine, bare_spent + bare);
        }
    }
    let ratio = spent.as_secs_f64() / bare_spent.as_secs_f64();
    table.row(
        "batch of 1000 at saturation, processor time against parse (borrowing) and serialise",
        format!("{ratio:.2}"),
        "<= 3.0",
    );
}

/// Calls in a round.
const CALLS: usize = 40;

/// The ratio of the time of the emulator's calls to the time of the baseline's: the median of
/// alternating rounds, after a warm-up round. `requests` makes the n-th request to each. Every
/// answer of the emulator has to contain `expected`.
pub(crate) fn ratio_of_rounds(
    emulator: &Server,
    baseline: &Server,
    requests: impl Fn(usize) -> (Vec<u8>, Vec<u8>),
    expected: &str,
) -> f64 {
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let numbers = round * CALLS..(round + 1) * CALLS;
        let (mine, theirs): (Vec<_>, Vec<_>) = numbers.map(&requests).unzip();
        let bare = load::one_by_one(baseline.addr, &theirs, r#""ErrorCode":0"#);
        let emulated = load::one_by_one(emulator.addr, &mine, expected);
        let per_call = |spent: Duration| spent.as_secs_f64() * 1e6 / CALLS as f64;
        let ratio = emulated.as_secs_f64() / bare.as_secs_f64();
        println!(
            "  {:.0} us, bare {:.0} us, ratio {ratio:.3}",
            per_call(emulated),
            per_call(bare)
        );
        if round > 0 {
            ratios.push(ratio);
        }
    }
    median(&mut ratios)
}
