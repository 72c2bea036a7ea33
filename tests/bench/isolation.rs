//! The time of friend_add in one app while the whole state of another app is read in a loop.

use crate::load::{self, Connection};
use crate::process::{KEY, Server};
use crate::{Table, median};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Each of the first accounts is a mutual friend of each of the others: 300,000 one-way relations.
const FROMS: usize = 150;
const TOS: usize = 1000;

const ROUNDS: usize = 9;

/// Calls in a round, one after the other.
const CALLS: usize = 1000;

pub(crate) fn measure(table: &mut Table) {
    let server = Server::emulator(&config());
    for from in 0..FROMS {
        let body = load::body(from, FROMS..FROMS + TOS);
        let request = load::request(&load::friend_add(2), &body);
        load::call_once(server.addr, &request);
    }
    let body = load::body(0, std::iter::once(1));
    let call = load::request(&load::friend_add(1), &body);
    load::call_once(server.addr, &call);

    let (mut ratios, mut slowest) = (Vec::new(), Duration::ZERO);
    let reads = AtomicU64::new(0);
    for _ in 0..ROUNDS {
        let mut alone = latencies(&server, &call);
        let mut beside = beside_reader(&server, &reads, || latencies(&server, &call));
        slowest = slowest.max(Duration::from_secs_f64(
            beside.iter().fold(0.0, |a, b| a.max(*b)),
        ));
        let (alone, beside) = (median(&mut alone), median(&mut beside));
        println!(
            "  {:.0} us, beside GET state {:.0} us",
            alone * 1e6,
            beside * 1e6
        );
        ratios.push(beside / alone);
    }
    println!("  {} states read", reads.into_inner());
    let figure = format!("{:.2} (slowest {:.0?})", median(&mut ratios), slowest);
    table.row(
        "friend_add while another app's 300,000 one-way relations are read, time against alone",
        figure,
        "<= 2.0",
    );
}

fn config() -> String {
    let mut config = String::new();
    for (app, accounts) in [(1, 2), (2, FROMS + TOS)] {
        let head = format!(
            "[apps.{app}]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n[apps.{app}.accounts]\n"
        );
        config.push_str(&head);
        for number in 0..accounts {
            writeln!(config, "{} = {{}}", load::user(number)).expect("a String takes all");
        }
    }
    config
}

/// The time of each call, in seconds.
fn latencies(server: &Server, call: &[u8]) -> Vec<f64> {
    load::block_on(async {
        let mut connection = Connection::open(server.addr).await;
        let mut latencies = Vec::new();
        for _ in 0..CALLS {
            let started = load::now();
            connection.call(call).await;
            latencies.push(started.elapsed().as_secs_f64());
        }
        latencies
    })
}

/// Runs `work` while another thread reads the state of app 2 in a loop.
fn beside_reader<T>(server: &Server, reads: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    let request =
        b"GET /_emulator/v1/apps/2/state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            load::block_on(async {
                while !is_over.load(Ordering::Relaxed) {
                    load::call_to_end(server.addr, request).await;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}
