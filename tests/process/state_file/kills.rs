//! A process that is killed at any moment leaves one of the complete states that were saved.

use super::{EAGER, accounts, add, name, names, place};
use crate::fixture::{Server, wait_for};
use serde_json::Value;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// The chains of kills, which run at the same time, and the kills of each.
const CHAINS: u64 = 2;
const KILLS: u64 = 50;

/// The kills after which a chain begins with a new file, so that the files stay small.
const KILLS_PER_FILE: u64 = 4;

const WRITERS: [&str; 2] = ["w0", "w1"];

/// Makes an account a friend of one account after the other, beginning with this number, until the connection
/// ends. Tells each number of friends that the server has confirmed, and returns the last one.
pub(super) fn add_friends(
    addr: SocketAddr,
    query: &str,
    from: &str,
    start: usize,
    confirm: &dyn Fn(usize),
) -> usize {
    let Ok(mut stream) = TcpStream::connect(addr) else {
        return start;
    };
    let mut confirmed = start;
    loop {
        let call = add(query, from, &format!("{from}-{confirmed}"));
        let Ok(answer) = stream
            .write_all(&call)
            .and_then(|()| read_answer(&mut stream))
        else {
            return confirmed;
        };
        assert!(answer.contains(r#""ResultCode":0"#), "{answer}");
        confirmed += 1;
        confirm(confirmed);
        // The processors are for the saves.
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads a whole answer, or an error if the connection ends before.
fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if length == Some(&body.len().to_string()) {
                return Ok(body.to_owned());
            }
        }
    }
}

/// The number of friends of a writer in a saved state. Asserts that they are the first ones, without a hole,
/// and that each friendship is on both sides.
pub(super) fn saved_friends(accounts: &Value, from: &str) -> usize {
    let friends = accounts[from]["friends"].as_array();
    for (number, friend) in friends.into_iter().flatten().enumerate() {
        let to = format!("{from}-{number}");
        assert_eq!(friend["to"], *to, "a hole");
        assert_eq!(friend["mutual"], true, "half of a friendship");
        assert_eq!(
            accounts[&to]["friends"][0]["to"], *from,
            "half of a friendship"
        );
    }
    friends.map_or(0, Vec::len)
}

fn changed_at(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

/// What a chain of kills has met.
#[derive(Default)]
struct Met {
    /// The kills in the middle of a save.
    in_saves: usize,
    /// The friendships that were confirmed, but not yet saved.
    lost: usize,
}

fn kill_again_and_again(seed: u64, query: &str) -> Met {
    let mut met = Met::default();
    let (mut dir, mut file) = place();
    let (mut saved, mut left_over) = ([0; 2], Vec::new());
    for kill in 0..KILLS {
        if kill % KILLS_PER_FILE == 0 {
            (dir, file) = place();
            saved = [0; 2];
        }
        let env = [&EAGER[..4], &[("EMULATOR__STATE_INTERVAL_MS", "1")]].concat();
        let server = Server::start_with(&["--state", name(&file)], &env);
        let are_removed = left_over.iter().all(|name| !names(&dir).contains(name));
        assert!(are_removed, "{left_over:?}");
        let confirmed = saved.map(AtomicUsize::new);
        let before = std::thread::scope(|scope| {
            for ((from, start), confirmed) in WRITERS.iter().zip(saved).zip(&confirmed) {
                let addr = server.addr;
                scope.spawn(move || {
                    let confirm = |count| confirmed.store(count, Ordering::SeqCst);
                    add_friends(addr, query, from, start, &confirm)
                });
            }
            std::thread::sleep(Duration::from_millis(10));
            let before = [0, 1].map(|writer: usize| confirmed[writer].load(Ordering::SeqCst));
            // The second save from now on has begun after this moment.
            for _ in 0..2 {
                let was = changed_at(&file);
                wait_for("a save", || (changed_at(&file) != was).then_some(()));
            }
            // A random moment of the next saves.
            let moment = (seed * 7919 + kill * 104_729) % 9;
            std::thread::sleep(Duration::from_millis(moment));
            drop(server);
            before
        });

        left_over = names(&dir);
        left_over.retain(|name| name.ends_with(".tmp"));
        met.in_saves += left_over.len();
        let accounts = accounts(&file);
        for (writer, from) in WRITERS.iter().enumerate() {
            let found = saved_friends(&accounts, from);
            let last = confirmed[writer].load(Ordering::SeqCst);
            let least = before[writer].max(saved[writer]);
            // The last call may have been made, but not confirmed.
            assert!(
                (least..=last + 1).contains(&found),
                "{found} saved, {least} at least, {last} confirmed"
            );
            met.lost += last.saturating_sub(found);
            saved[writer] = found;
        }
    }
    met
}

#[test]
fn after_each_of_a_hundred_kills_under_load_the_file_is_a_complete_state() {
    let query = Server::query();

    let met = std::thread::scope(|scope| {
        let chains: Vec<_> = (0..CHAINS)
            .map(|seed| {
                scope.spawn({
                    let query = &query;
                    move || kill_again_and_again(seed, query)
                })
            })
            .collect();
        let met = chains
            .into_iter()
            .map(|chain| chain.join().expect("it holds"));
        met.collect::<Vec<_>>()
    });

    let in_saves: usize = met.iter().map(|met| met.in_saves).sum();
    let lost: usize = met.iter().map(|met| met.lost).sum();
    println!(
        "{in_saves} kills in the middle of a save; {lost} confirmed friendships were not yet saved"
    );
    assert!(in_saves > 0 && lost > 0, "the kills were too late");
}
