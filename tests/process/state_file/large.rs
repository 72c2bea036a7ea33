//! A large state is saved beside the calls, in little memory.

use super::{EAGER, accounts, add, name, place};
use crate::fixture::{APP, Server, wait_for};
use serde_json::Value;
use std::fs;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The accounts, each of which has all the others as friends: 159,600 friendships.
const ACCOUNTS: usize = 400;

/// The state in which every account is a friend of all others.
fn state() -> String {
    let accounts = (0..ACCOUNTS).map(|from| {
        let friends = (0..ACCOUNTS).filter(|to| *to != from);
        let friends: Vec<_> = friends
            .map(|to| format!(r#"{{"to":"u{to}","add_time":1}}"#))
            .collect();
        format!(r#""u{from}":{{"friends":[{}]}}"#, friends.join(","))
    });
    let accounts = accounts.collect::<Vec<_>>().join(",");
    format!(r#"{{"version":1,"apps":{{"{APP}":{{"accounts":{{{accounts}}}}}}}}}"#)
}

/// A save that held the lock of the accounts, or the document as a whole, would exceed the bounds by far. The
/// bound of the time is a part of a save's time, which grows with it on a slow or busy machine. The benchmark
/// measures the time itself.
#[test]
fn the_saves_of_a_large_state_delay_no_call_and_take_little_memory() {
    let (_dir, file) = place();
    fs::write(&file, state()).expect("it can be written");
    let server = Server::start_with(&["--state", name(&file)], &EAGER);
    let clear = format!("/proc/{}/clear_refs", server.pid());
    fs::write(clear, "5").expect("it is our process");
    let before = server.kib("VmRSS");
    let query = Server::query();
    let mut client = server.connect();
    let (mut saves, mut calls, mut slowest) = (0, 0, Duration::ZERO);
    let whole = SystemMoment::now();
    let mut changed = fs::metadata(&file).and_then(|file| file.modified()).ok();

    wait_for("three saves", || {
        // A friend of an account with many friends, which the saved copy shares.
        let call = add(
            &query,
            &format!("u{}", calls % ACCOUNTS),
            &format!("new{calls}"),
        );
        let clock = SystemMoment::now();
        let answer: Value = client.call(&call);
        slowest = slowest.max(clock.elapsed());
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
        calls += 1;
        let now = fs::metadata(&file).and_then(|file| file.modified()).ok();
        saves += usize::from(now != changed);
        changed = now;
        (saves == 3).then_some(())
    });

    let save = whole.elapsed() / 3;
    let highest = server.kib("VmHWM");
    let size = fs::metadata(&file).expect("it is there").len() / 1024;
    println!(
        "{calls} calls, the slowest took {slowest:?}, a save {save:?}; {before} KiB before, {highest} KiB at most; the file has {size} KiB"
    );
    assert!(2 * slowest < save, "{slowest:?}, a save {save:?}");
    assert!(2 * highest < 3 * before, "{highest} KiB, before {before}");
    server.stop();
    assert_eq!(
        accounts(&file).as_object().map(serde_json::Map::len),
        Some(2 + ACCOUNTS + calls)
    );
}
