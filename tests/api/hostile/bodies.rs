//! Bodies that are not JSON, too long, or cut off.

use super::{GOOD_BODY, Target, head, post};
use serde_json::json;

/// A small limit, so that tests can exceed it many times.
const CAP: usize = 4096;

/// `GOOD_BODY`, padded with spaces to `length` bytes.
fn padded(length: usize) -> String {
    GOOD_BODY.to_owned() + &" ".repeat(length - GOOD_BODY.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_json_gets_60003() {
    let target = Target::start().await;
    let good = GOOD_BODY.as_bytes();
    let bom = [b"\xef\xbb\xbf", good].concat();
    let in_utf_16: Vec<u8> = GOOD_BODY
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [&[u8]; 25] = [
        b"",
        b" ",
        b"\0",
        b"{",
        b"}",
        b"[",
        b"\"",
        b"nul",
        b"NaN",
        b"-",
        b"01",
        b"1.",
        b"'x'",
        b"{'a':1}",
        b"{a:1}",
        b"{\"a\":1,}",
        b"1e400",
        b"{} {}",
        b"{}x",
        b"\xff\xfe",
        b"{\"From_Account\":\"\xff\"}",
        b"{\"From_Account\":\"a\nb\"}",
        b"From_Account=id&AddFriendItem=id1",
        &bom,
        &in_utf_16,
    ];

    for body in cases {
        let reply = target.body(body).await;
        assert_eq!(reply.error_code(), 60003, "{body:?}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn json_that_is_no_object_gets_30001() {
    let target = Target::start().await;
    let as_list = r#"["id",[{"To_Account":"id1"}]]"#;

    for body in [
        "[]", "null", "3", "-0", "\"x\"", "true", "{}", "[{}]", as_list,
    ] {
        let reply = target.body(body).await;
        assert_eq!(reply.error_code(), 30001, "{body}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_cut_short_at_any_byte_gets_60003() {
    let target = Target::start().await;
    let whole = json!({
        "From_Account": "id",
        "AddFriendItem": [{
            "To_Account": "id1", "Remark": "备注\n\u{1f642}", "GroupName": "Classmates",
            "AddSource": "AddSource_Type_XXXXXXXX", "AddWording": "I'm Test1",
        }],
        "AddType": "Add_Type_Both",
        "ForceAddFlags": 1,
    })
    .to_string();
    assert_eq!(target.body(&whole).await.error_code(), 0);

    for length in 0..whole.len() {
        let reply = target.body(&whole.as_bytes()[..length]).await;
        assert_eq!(reply.error_code(), 60003, "{length}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ten_thousand_levels_of_nesting_are_no_danger() {
    let target = Target::start().await;
    let lists = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let field = |name: &str, value: &str| format!("{{\"{name}\":{value},{}", &GOOD_BODY[1..]);

    for deep in [&lists, &objects] {
        let open = &deep[..10_000];
        for (body, expected) in [
            (field("Unknown", deep), 0),
            (deep.clone(), 30001),
            (format!("{{\"From_Account\":{deep}}}"), 60015),
            (format!("{{\"AddFriendItem\":{deep}}}"), 30001),
            (format!("{{\"AddFriendItem\":[{deep}]}}"), 30001),
            (
                format!("{{\"AddFriendItem\":[{{\"To_Account\":{deep}}}]}}"),
                60015,
            ),
            (field("AddType", deep), 30001),
            (field("ForceAddFlags", deep), 30001),
            (open.to_owned(), 60003),
            (format!("{{\"Unknown\":{open}"), 60003),
        ] {
            let reply = target.body(&body).await;
            assert_eq!(reply.error_code(), expected, "{:.60}: {}", body, reply.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_is_read_up_to_the_cap_and_refused_above_it() {
    let target = Target::start_with(|config| config.max_body_bytes = CAP).await;

    for (length, expected) in [
        (CAP - 1, 0),
        (CAP, 0),
        (CAP + 1, 60003),
        (3 * CAP, 60003),
        (8 * CAP, 60003),
    ] {
        let reply = target.body(padded(length)).await;
        assert_eq!(reply.error_code(), expected, "{length}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_many_times_over_the_cap_is_refused_or_cut_off() {
    let target = Target::start_with(|config| config.max_body_bytes = CAP).await;

    for times in [9, 20, 1_000] {
        let mut socket = target.open();
        // The server can close the connection before it has received everything.
        let _ = socket.try_send(&post(&target.query, padded(times * CAP)));
        if let Some(answer) = socket.answer() {
            assert_eq!(answer.reply().await.error_code(), 60003);
        }
        // The server discards the rest of the body or closes the connection. It never takes the
        // rest for the next call.
        let _ = socket.try_send(&target.good());
        if let Some(answer) = socket.answer() {
            assert_eq!(answer.reply().await.error_code(), 0);
        }
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_endless_chunked_body_is_refused_or_cut_off() {
    let target = Target::start_with(|config| config.max_body_bytes = CAP).await;
    let chunk = format!("{CAP:x}\r\n{}\r\n", " ".repeat(CAP));
    let mut socket = target.open();
    socket.send(&head(&target.query, "Transfer-Encoding: chunked\r\n"));

    let sent = (0..10_000)
        .take_while(|_| socket.try_send(chunk.as_bytes()).is_ok())
        .count();

    assert!(sent < 10_000, "40 MB were read of a body of 4 KB at most");
    if let Some(answer) = socket.answer() {
        assert_eq!(answer.reply().await.error_code(), 60003);
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_chunked_body_gets_the_answer_of_the_same_body_in_one_piece() {
    let target = Target::start_with(|config| config.max_body_bytes = CAP).await;

    for (body, expected) in [
        (GOOD_BODY.to_owned(), 0),
        (padded(CAP), 0),
        (padded(CAP + 1), 60003),
        (padded(3 * CAP), 60003),
        (String::new(), 60003),
    ] {
        for size in [1, 7, 1000, CAP * 4] {
            let mut request = head(&target.query, "Transfer-Encoding: chunked\r\n");
            for chunk in body.as_bytes().chunks(size) {
                request.extend_from_slice(format!("{:X};x=y\r\n", chunk.len()).as_bytes());
                request.extend_from_slice(chunk);
                request.extend_from_slice(b"\r\n");
            }
            request.extend_from_slice(b"0\r\nX-Trailer: t\r\n\r\n");
            let mut socket = target.open();

            // hyper can take this many chunk heads for an attack and close the connection.
            let sent = socket.try_send(&request);
            let answer = socket.answer();

            let many_tiny_chunks = size == 1 && body.len() >= CAP;
            let Some(answer) = answer else {
                assert!(
                    many_tiny_chunks,
                    "{} in chunks of {size}: {sent:?}",
                    body.len()
                );
                continue;
            };
            let reply = answer.reply().await;
            assert!(
                reply.error_code() == expected || many_tiny_chunks,
                "{} in chunks of {size}: {}",
                body.len(),
                reply.text
            );
            target.still_serves().await;
        }
    }
}
