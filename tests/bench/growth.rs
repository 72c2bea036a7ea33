//! The time and memory for each added friend, as the store grows to ten million relations.

use crate::process::{KEY, Server};
use crate::{Table, load};
use std::fmt::Write;

/// A prime, so that every stride below visits every account.
const ACCOUNTS: usize = 10_007;

/// Mutual friends that each account adds. In the end each account has twice this number.
const ADDED: usize = 500;

/// Large, so that accounts that are used one after the other are far apart in memory.
const STRIDE: usize = 3343;

/// Small apps, in which the cost of the first thousand relations is measured.
const SMALL_APPS: u32 = 20;

/// The number of relations over which the cost at a size is measured.
const WINDOW: usize = 50_000;

pub(crate) fn measure(table: &mut Table) {
    let server = Server::emulator(&config());
    let before = server.resident_bytes();

    let mut costs = vec![(1000, first_thousand(&server))];
    let path = load::friend_add(1);
    let mut froms = (0..ACCOUNTS).map(|number| number * STRIDE % ACCOUNTS);
    let mut relations = 0;
    let mut add = |count: usize| {
        let calls = count.div_ceil(2 * ADDED);
        let requests: Vec<_> = froms
            .by_ref()
            .take(calls)
            .map(|from| load::request(&path, &load::body(from, tos(from))))
            .collect();
        relations += requests.len() * 2 * ADDED;
        (
            relations,
            load::one_by_one(server.addr, &requests, "\"ActionStatus\":\"OK\"").as_nanos() as f64,
        )
    };
    for size in [10_000, 100_000, 1_000_000, 10_000_000] {
        loop {
            let (now, spent) = add(WINDOW.min(size / 2));
            if now >= size {
                costs.push((now, spent / (WINDOW.min(size / 2) / 2) as f64));
                break;
            }
        }
    }
    for (relations, cost) in &costs {
        println!("  {relations} relations: {cost:.0} ns for each added friend");
    }
    let each = costs.iter().map(|(_, cost)| *cost);
    let flatness = costs[costs.len() - 1].1 / costs[0].1;
    let widest = each.clone().fold(0.0, f64::max) / each.fold(f64::INFINITY, f64::min);
    let figure = format!("{widest:.2} ({flatness:.2})");
    table.row(
        "time for each added friend from 10^3 to 10^7 relations, slowest against fastest (last against first)",
        figure,
        "<= 1.5",
    );

    let relations = costs[costs.len() - 1].0 as u64;
    let bytes = (server.resident_bytes() - before) as f64 / relations as f64;
    table.row(
        "memory for each one-way relation at 10^7",
        format!("{bytes:.1} bytes"),
        "<= 75 bytes",
    );
}

/// Creates the first thousand relations in each small app. Returns the average time for each added
/// friend, in nanoseconds.
fn first_thousand(server: &Server) -> f64 {
    let mut total = 0.0;
    for app in 2..2 + SMALL_APPS {
        let request = load::request(&load::friend_add(app), &load::body(0, tos(0)));
        total +=
            load::one_by_one(server.addr, &[request], "\"ActionStatus\":\"OK\"").as_nanos() as f64;
    }
    total / (f64::from(SMALL_APPS) * ADDED as f64)
}

/// The accounts that an account adds. No two accounts add each other.
fn tos(from: usize) -> impl Iterator<Item = usize> {
    (1..=ADDED).map(move |step| (from + step * STRIDE) % ACCOUNTS)
}

fn config() -> String {
    let mut config = String::new();
    for app in 1..2 + SMALL_APPS {
        let head = format!(
            "[apps.{app}]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n"
        );
        config.push_str(&head);
        writeln!(config, "[apps.{app}.accounts]").expect("a String takes all");
        let all: Vec<usize> = if app == 1 {
            (0..ACCOUNTS).collect()
        } else {
            tos(0).chain([0]).collect()
        };
        for number in all {
            writeln!(config, "{} = {{}}", load::user(number)).expect("a String takes all");
        }
    }
    config
}
