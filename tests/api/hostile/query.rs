//! Hostile queries: damaged UserSigs, a zlib bomb, bad escapes, and queries that are too long.

use super::{GOOD_BODY, Target, head, value_of};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;
use std::io::Read;
use std::time::Duration;

/// The limit of hyper, which answers a longer URL with 414.
const LONGEST_URL: usize = 65_534;

const PARAMETERS: [&str; 5] = ["sdkappid", "identifier", "usersig", "random", "contenttype"];

/// The alphabet of UserSigs.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-";

/// The decoded JSON of a UserSig; `None` if it cannot be decoded.
fn ticket(user_sig: &str) -> Option<Value> {
    let standard = user_sig
        .replace('*', "+")
        .replace('-', "/")
        .replace('_', "=");
    let packed = BASE64_STANDARD.decode(standard).ok()?;
    let mut json = String::new();
    flate2::read::ZlibDecoder::new(&*packed)
        .read_to_string(&mut json)
        .ok()?;
    serde_json::from_str(&json).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_sig_with_any_one_character_changed_is_refused() {
    let target = Target::start().await;
    let good = target.user_sig();

    for position in 0..good.len() {
        let old = good.as_bytes()[position];
        let at = ALPHABET.iter().position(|byte| *byte == old);
        // Replaces the character by the next one, and by one with another highest bit.
        for step in [1, 32] {
            let new = at.map_or(b'A', |at| ALPHABET[(at + step) % ALPHABET.len()]);
            let mut changed = good.clone().into_bytes();
            changed[position] = new;
            let changed = String::from_utf8(changed).expect("ASCII");

            let reply = target
                .call(&target.query_with(&good, &changed), GOOD_BODY)
                .await;

            let code = reply.error_code();
            let unchanged = ticket(&changed) == ticket(&good);
            assert!(
                [70003, 70009, 70013, 70014].contains(&code) || (code == 0 && unchanged),
                "{position}: {old} became {new}: {}",
                reply.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_sig_cut_short_anywhere_is_refused() {
    let target = Target::start().await;
    let good = target.user_sig();

    for length in 0..good.len() {
        let query = target.query_with(&good, &good[..length]);

        let reply = target.call(&query, GOOD_BODY).await;

        let expected = if length == 0 { 60025 } else { 70003 };
        let cut = &good[..length];
        let only_padding_is_cut = cut.trim_end_matches('_') == good.trim_end_matches('_');
        assert!(
            reply.error_code() == expected || only_padding_is_cut,
            "{length}: {}",
            reply.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_sig_that_unpacks_to_tens_of_megabytes_is_refused_at_once() {
    let target = Target::start().await;
    let megabyte = vec![b' '; 1 << 20];
    let mut zlib = Compress::new(Compression::best(), true);
    // After a full flush, a block is independent, so the second block can be repeated.
    let mut block = || {
        let mut block = Vec::with_capacity(1 << 16);
        zlib.compress_vec(&megabyte, &mut block, FlushCompress::Full)
            .expect("it can be packed");
        block
    };
    let (mut bomb, again) = (block(), block());
    for _ in 0..34 {
        bomb.extend_from_slice(&again);
    }
    let user_sig = BASE64_STANDARD
        .encode(&bomb)
        .replace('+', "*")
        .replace('/', "-")
        .replace('=', "_");
    assert!((40_000..60_000).contains(&user_sig.len()));
    let query = target.query_with(&target.user_sig(), &user_sig);

    let reply = tokio::time::timeout(Duration::from_secs(2), target.call(&query, GOOD_BODY)).await;

    let reply = reply.expect("it is not unpacked whole");
    assert_eq!(reply.error_code(), 70003, "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bad_percent_escapes_are_answered_as_bad_values_of_their_parameter() {
    let target = Target::start().await;

    for name in PARAMETERS {
        for escape in ["%", "%z", "%zz", "%2", "%ff", "%00", "%ed%a0%80", "%0a"] {
            let good = format!("{name}={}", value_of(&target.query, name));
            let alone = target.query_with(&good, &format!("{name}={escape}"));
            let after = target.query_with(&good, &format!("{good}{escape}"));
            let before = target.query_with(&good, &good.replacen('=', &format!("={escape}"), 1));
            for query in [alone, after, before] {
                let reply = target.call(&query, GOOD_BODY).await;

                let expected: &[u64] = match name {
                    "sdkappid" | "contenttype" => &[60025],
                    "identifier" => &[60025, 70013],
                    "usersig" => &[60025, 70003],
                    // Another test covers this parameter.
                    _ => &[0, 60025],
                };
                assert!(
                    expected.contains(&reply.error_code()),
                    "{name} {escape}: {}",
                    reply.text
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_odd_random_is_let_pass_even_if_it_is_no_text() {
    let target = Target::start().await;

    for random in ["%", "%z", "%00", "%0a", "%e7%94%a8", "%ff", "%99999999"] {
        let query = target.query_with("random=99999999", &format!("random={random}"));
        let reply = target.call(&query, GOOD_BODY).await;
        assert_eq!(reply.error_code(), 0, "{random}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bad_percent_escapes_in_names_make_the_parameter_another_one() {
    let target = Target::start().await;

    for name in PARAMETERS {
        for escape in ["%", "%z", "%ff", "%00"] {
            let query = target.query_with(&format!("{name}="), &format!("{name}{escape}="));

            let reply = target.call(&query, GOOD_BODY).await;

            let expected = match name {
                "sdkappid" => 60012,
                "random" => 0,
                _ => 60025,
            };
            assert_eq!(
                reply.error_code(),
                expected,
                "{name} {escape}: {}",
                reply.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn of_a_repeated_parameter_the_first_counts() {
    let target = Target::start().await;

    for name in PARAMETERS {
        let good_first = format!("{}&{name}=x", target.query);
        let bad_first = format!("{name}=x&{}", target.query);

        assert_eq!(
            target.call(&good_first, GOOD_BODY).await.error_code(),
            0,
            "{name}"
        );
        let code = target.call(&bad_first, GOOD_BODY).await.error_code();
        assert_eq!(code == 0, name == "random", "{name}: {code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ten_thousand_parameters_are_read() {
    let target = Target::start().await;
    let before = format!("{}{}", "a=1&".repeat(10_000), target.query);
    let after = format!("{}{}", target.query, "&a=1".repeat(10_000));
    let empty = format!("{}{}", target.query, "&".repeat(10_000));
    let none_of_ours = "a=1&".repeat(10_000);

    for (query, expected) in [(before, 0), (after, 0), (empty, 0), (none_of_ours, 60012)] {
        let reply = target.call(&query, GOOD_BODY).await;
        assert_eq!(reply.error_code(), expected, "{}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_parameter_of_fifty_kilobytes_is_answered_in_the_envelope() {
    let target = Target::start().await;

    for name in PARAMETERS {
        for letter in ["A", "9", "%41", "%"] {
            let long = letter.repeat(50_000 / letter.len());
            let good = format!("{name}={}", value_of(&target.query, name));
            let query = target.query_with(&good, &format!("{name}={long}"));

            let reply = target.call(&query, GOOD_BODY).await;

            let expected = match name {
                "sdkappid" | "contenttype" => 60025,
                "identifier" => 70013,
                "usersig" => 70003,
                _ => 0,
            };
            assert_eq!(reply.error_code(), expected, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_url_is_answered_up_to_hypers_limit_and_refused_above_it() {
    let target = Target::start().await;
    let fixed = format!("/v4/sns/friend_add?{}&x=", target.query).len();
    let query_of = |url: usize| format!("{}&x={}", target.query, "y".repeat(url - fixed));

    let longest = target.call(&query_of(LONGEST_URL), GOOD_BODY).await;

    assert_eq!(longest.error_code(), 0, "{}", longest.text);
    // If the URL exceeds the read buffer of a connection, the head is too large (431).
    for (too_long, status) in [(LONGEST_URL + 1, 414), (100_000, 414), (300_000, 431)] {
        let mut socket = target.open();
        // The server can close the connection before it has received everything.
        let _ = socket.try_send(&head(&query_of(too_long), "Content-Length: 0\r\n"));
        if let Some(answer) = socket.answer() {
            assert_eq!(answer.status, status);
        }
        socket.expect_end();
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bytes_that_are_no_url_are_refused_and_the_server_lives_on() {
    let target = Target::start().await;

    for bytes in [
        &b"\xff\xfe"[..],
        b"\0",
        b"\x7f",
        b"<>\"{}|\\^`",
        "用户".as_bytes(),
    ] {
        let [before, after]: [&[u8]; 2] = [
            b"POST /v4/sns/friend_add?x=",
            b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        ];
        let mut socket = target.open();
        socket.send(&[before, bytes, after].concat());

        match socket.answer().expect("an answer") {
            answer if answer.status == 200 => {
                assert_eq!(answer.reply().await.error_code(), 60012);
            }
            answer => assert_eq!(answer.status, 400),
        }

        target.still_serves().await;
    }
}
