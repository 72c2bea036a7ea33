//! Bytes that are not HTTP, and unusual HTTP. The server answers if it can, and still works
//! afterwards.

use super::{GOOD_BODY, PREFLIGHT, Target, head, post};

/// The statuses of hyper for requests that do not become calls.
const REFUSED: [u16; 5] = [400, 413, 414, 431, 505];

/// `target` with `method`, and a good query and body.
fn with_method(method: &str, target: &str) -> Vec<u8> {
    let length = GOOD_BODY.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{GOOD_BODY}"
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_http_is_refused_and_hung_up_on() {
    let target = Target::start().await;
    let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20);
    let bad_header = head(&target.query, "Bad Header: x\r\n");
    let bad_length = head(&target.query, "Content-Length: x\r\n");
    let negative_length = head(&target.query, "Content-Length: -1\r\n");
    let lengths = head(&target.query, "Content-Length: 5\r\nContent-Length: 6\r\n");
    let huge_length = head(&target.query, "Content-Length: 99999999999999999999999\r\n");
    let nul = head(&target.query, "X: \0\r\n");
    let cases: [&[u8]; 12] = [
        b"\0\0\0\0\r\n\r\n",
        b"garbage\r\n\r\n",
        b"\xff\xff\xff\xff\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        &tls_hello,
        &bad_header,
        &bad_length,
        &negative_length,
        &lengths,
        &huge_length,
        &nul,
    ];

    for bytes in cases {
        let mut socket = target.open();
        socket.send(bytes);
        let shown = String::from_utf8_lossy(bytes);

        if let Some(answer) = socket.answer() {
            assert!(REFUSED.contains(&answer.status), "{shown:?}: {answer:?}");
        }

        socket.expect_end();
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http_2_without_negotiation_is_hung_up_on() {
    let target = Target::start().await;
    let mut socket = target.open();

    socket.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");

    socket.expect_end_at_last();
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn too_large_and_too_many_headers_are_refused() {
    let target = Target::start().await;
    let large = head(&target.query, &format!("X: {}\r\n", "x".repeat(1 << 20)));
    let many: String = (0..5_000).map(|n| format!("X-{n}: y\r\n")).collect();

    for request in [large, head(&target.query, &many)] {
        let mut socket = target.open();
        // The server can close the connection before it has received everything.
        let _ = socket.try_send(&request);
        if let Some(answer) = socket.answer() {
            assert_eq!(answer.status, 431);
        }
        socket.expect_end();
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sixty_headers_of_a_kilobyte_are_no_trouble() {
    let target = Target::start().await;
    let value = "x".repeat(1000);
    let headers: String = (0..60).map(|n| format!("X-{n}: {value}\r\n")).collect();
    let length = GOOD_BODY.len();
    let mut request = head(
        &target.query,
        &format!("{headers}Content-Length: {length}\r\n"),
    );
    request.extend_from_slice(GOOD_BODY.as_bytes());

    let reply = target.open().call(&request).await;

    assert_eq!(reply.error_code(), 0, "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_breaks_off_or_is_badly_chunked_is_answered_and_hung_up_on() {
    let target = Target::start().await;
    let chunked = head(&target.query, "Transfer-Encoding: chunked\r\n");
    let cases = [
        [&*chunked, b"xyz\r\n"].concat(),
        [&*chunked, b"-1\r\n"].concat(),
        [&*chunked, b"fffffffffffffffff\r\n"].concat(),
        [&*chunked, b"2\r\n{}{}\r\n0\r\n\r\n"].concat(),
        [&*chunked, b"5\r\n{}"].concat(),
        chunked.clone(),
        head(&target.query, "Content-Length: 100\r\n"),
        [&head(&target.query, "Content-Length: 100\r\n")[..], b"{"].concat(),
    ];

    for request in cases {
        let shown = String::from_utf8_lossy(&request[head(&target.query, "").len() - 2..]);
        let mut socket = target.open();
        socket.send(&request);
        socket.finish_sending();

        if let Some(answer) = socket.answer() {
            let reply = answer.reply().await;
            assert_eq!(reply.error_code(), 60008, "{shown:?}: {}", reply.text);
        }

        socket.expect_end();
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_equal_content_lengths_are_one_or_none() {
    let target = Target::start().await;
    let length = format!("Content-Length: {}\r\n", GOOD_BODY.len()).repeat(2);
    let mut request = head(&target.query, &length);
    request.extend_from_slice(GOOD_BODY.as_bytes());
    let mut socket = target.open();

    socket.send(&request);

    match socket.answer().expect("an answer") {
        answer if answer.status == 200 => assert_eq!(answer.reply().await.error_code(), 0),
        answer => assert_eq!(answer.status, 400),
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_length_and_chunks_together_smuggle_no_second_call() {
    let target = Target::start().await;
    let smuggled = post(
        &target.query,
        r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id3"}]}"#,
    );
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    let mut socket = target.open();

    socket.send(&[&head(&target.query, both)[..], b"0\r\n\r\n", &smuggled].concat());

    match socket.answer().expect("an answer") {
        answer if answer.status == 200 => {
            assert_eq!(
                answer.reply().await.error_code(),
                60003,
                "its body is empty"
            );
        }
        answer => {
            assert_eq!(answer.status, 400);
            socket.expect_end();
        }
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http_1_0_is_answered_and_closed_unless_it_asks_otherwise() {
    let target = Target::start().await;
    let old = |headers: &str| {
        let request = String::from_utf8(target.good()).expect("ASCII");
        request
            .replace(
                "HTTP/1.1\r\nHost: localhost\r\n",
                &format!("HTTP/1.0\r\n{headers}"),
            )
            .into_bytes()
    };
    let mut closing = target.open();
    let mut staying = target.open();

    let reply = closing.call(&old("")).await;
    closing.expect_end();

    assert_eq!(reply.error_code(), 0, "{}", reply.text);
    for _ in 0..2 {
        let reply = staying.call(&old("Connection: keep-alive\r\n")).await;
        assert_eq!(reply.error_code(), 0, "{}", reply.text);
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connection_close_closes_after_the_answer() {
    let target = Target::start().await;
    let length = GOOD_BODY.len();
    let mut request = head(
        &target.query,
        &format!("Connection: close\r\nContent-Length: {length}\r\n"),
    );
    request.extend_from_slice(GOOD_BODY.as_bytes());
    let mut socket = target.open();

    let reply = socket.call(&request).await;

    assert_eq!(reply.error_code(), 0);
    socket.expect_end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pipelined_calls_are_answered_in_their_order() {
    let target = Target::start().await;
    let mut socket = target.open();
    let mut requests = Vec::new();
    for number in 0..100 {
        // A good body and a bad body alternate. The answers show which call they belong to.
        let item =
            format!(r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"p{number}"}}]}}"#);
        requests.extend(post(&target.query, item));
        requests.extend(post(&target.query, "{"));
    }

    socket.send(&requests);

    for number in 0..100 {
        let reply = socket.reply().await;
        assert_eq!(
            reply.json["ResultItem"][0]["To_Account"],
            format!("p{number}")
        );
        assert_eq!(socket.reply().await.error_code(), 60003);
    }
    target.good_call(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_expects_100_continue_is_told_to() {
    let target = Target::start().await;
    let length = GOOD_BODY.len();
    let headers = format!("Expect: 100-continue\r\nContent-Length: {length}\r\n");

    for (query, code) in [(target.query.clone(), 0), (target.expired_query(), 70001)] {
        let mut socket = target.open();
        socket.send(&head(&query, &headers));

        let go_on = socket.answer_head().expect("an interim answer");
        socket.send(GOOD_BODY.as_bytes());

        assert_eq!(go_on.status, 100);
        assert_eq!(socket.reply().await.error_code(), code);
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unknown_expectation_is_no_obstacle() {
    let target = Target::start().await;
    let length = GOOD_BODY.len();
    let headers = format!("Expect: a-miracle\r\nUpgrade: h2c\r\nContent-Length: {length}\r\n");
    let mut request = head(&target.query, &headers);
    request.extend_from_slice(GOOD_BODY.as_bytes());

    let reply = target.open().call(&request).await;

    assert_eq!(reply.error_code(), 0, "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_absolute_url_is_its_path_and_a_star_is_no_command() {
    let target = Target::start().await;
    let query = &target.query;

    for (url, code) in [
        (
            format!("http://console.tim.qq.com/v4/sns/friend_add?{query}"),
            0,
        ),
        (format!("HTTPS://x:1/v4/sns/friend_add?{query}"), 0),
        ("http://x".to_owned(), 60002),
        (format!("http://x?{query}"), 60002),
        ("*".to_owned(), 60002),
        (format!("/../v4/sns/friend_add?{query}"), 60002),
        (format!("//v4/sns/friend_add?{query}"), 60002),
        (format!("/v4/sns/friend_add/?{query}"), 60002),
        (format!("/v4/sns/friend%5fadd?{query}"), 60009),
        (format!("/V4/sns/friend_add?{query}"), 60002),
        (format!("/v4/sns/Friend_Add?{query}"), 60009),
        ("/%ff%00/%".to_owned(), 60002),
    ] {
        let mut socket = target.open();

        let reply = socket.call(&with_method("POST", &url)).await;

        assert_eq!(reply.error_code(), code, "{url}: {}", reply.text);
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_method_but_post_and_options_gets_60008() {
    let target = Target::start().await;
    let url = format!("/v4/sns/friend_add?{}", target.query);

    for method in [
        "GET", "PUT", "DELETE", "PATCH", "TRACE", "post", "Post", "options", "PROPFIND", "X",
    ] {
        let mut socket = target.open();

        let reply = socket.call(&with_method(method, &url)).await;

        assert_eq!(reply.error_code(), 60008, "{method}: {}", reply.text);
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn head_gets_the_head_of_an_answer_and_no_body() {
    let target = Target::start().await;

    for url in [
        format!("/v4/sns/friend_add?{}", target.query),
        "/".to_owned(),
    ] {
        let mut socket = target.open();
        socket.send(format!("HEAD {url} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());

        let answer = socket.answer_head().expect("an answer");

        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn options_gets_the_documented_cors_headers_with_or_without_a_user_sig() {
    let target = Target::start().await;

    for query in ["", &target.query, &target.expired_query()] {
        let url = format!("/v4/sns/friend_add?{query}");
        let mut socket = target.open();
        socket.send(&with_method("OPTIONS", &url));

        let answer = socket.answer().expect("an answer");

        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "X-Requested-With"),
            ("access-control-allow-methods", "POST"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert_eq!(answer.body, PREFLIGHT);
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_the_proxy_connect_opens_no_tunnel() {
    let target = Target::start_with(|config| config.proxy.enabled = false).await;

    let command = format!("/v4/sns/friend_add?{}", target.query);
    let tencents = "console.tim.qq.com:443";
    for place in [tencents, "example.org:443", "localhost:80", "/", &command] {
        let mut socket = target.open();
        socket.send(format!("CONNECT {place} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());

        let answer = socket.answer().expect("an answer");
        assert_eq!(answer.status, 400, "to a client, 200 is an open tunnel");
        target.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refusal_reaches_a_client_that_sends_its_large_body_in_one_go() {
    let target = Target::start().await;
    let bodies = [vec![b' '; 1_500_000], vec![b' '; 3_000_000]];

    for body in bodies {
        let mut socket = target.open();

        let reply = socket.call(&post(&target.expired_query(), body)).await;

        assert_eq!(reply.error_code(), 70001, "{}", reply.text);
        target.good_call(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refusal_reaches_a_client_that_sends_its_large_body_piece_by_piece() {
    let target = Target::start().await;
    let request = post(&target.expired_query(), vec![b' '; 1_500_000]);
    let mut socket = target.open();

    for piece in request.chunks(50_000) {
        socket.send(piece);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    assert_eq!(socket.reply().await.error_code(), 70001);
    target.good_call(&mut socket).await;
}
