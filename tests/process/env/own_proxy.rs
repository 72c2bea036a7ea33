//! `env` and `exec` beside a proxy of the user's own.

use super::{State, evaluated};
use crate::fixture::{Server, text};

/// Without an entry for the emulator, clients would send the calls to it through the user's proxy.
#[test]
fn a_proxy_of_the_users_own_is_not_used_for_the_emulator() {
    let state = State::new();
    let mut server = state.program(&["--listen", "127.0.0.2:0"]);
    server.env("EMULATOR__CONTROL__TOKEN", "none");
    let server = Server::spawn(server);
    let local = "localhost,127.0.0.1,::1,127.0.0.2";
    for (proxy, no_proxy, expected) in [
        (
            "HTTP_PROXY",
            "a.example.net",
            format!("a.example.net,{local}"),
        ),
        ("http_proxy", "qq.com", format!("qq.com,{local}")),
        ("https_proxy", "", local.to_owned()),
        (
            "ALL_PROXY",
            "127.0.0.2",
            "127.0.0.2,localhost,127.0.0.1,::1".to_owned(),
        ),
        ("HTTPS_PROXY", "*", "*".to_owned()),
        ("FTP_PROXY", "a.example.net", "a.example.net".to_owned()),
    ] {
        let mut command = state.program(&["env", "--listen", &server.addr.to_string()]);
        // Nothing listens there.
        command
            .env(proxy, "http://127.0.0.1:1")
            .env("NO_PROXY", no_proxy);
        let output = command.output().expect("it starts");
        assert_eq!(text(&output.stderr), "");

        let exports = format!(
            "export {proxy}=http://127.0.0.1:1 NO_PROXY='{no_proxy}'\n{}",
            text(&output.stdout)
        );
        let script = r#"echo "$NO_PROXY|${no_proxy-$NO_PROXY}"; curl -sS "$TENCENT_CHAT_EMULATOR_URL/healthz""#;
        let answer = format!("{expected}|{expected}\nok\n");
        assert_eq!(evaluated(&exports, script), answer, "{proxy}");
    }
}

#[test]
fn a_proxy_of_the_users_own_that_is_replaced_is_one_warning() {
    let state = State::new();
    let server = state.server("[proxy]\nothers = \"tunnel\"\n", &[]);
    let addr = server.addr.to_string();
    let stderr = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = state.program(arguments);
        let output = command.envs(variables.iter().copied()).output();
        text(&output.expect("it starts").stderr)
    };
    let env = ["env", "--intercept", "--listen", &addr];
    let exec = ["exec", "--intercept", "--", "true"];
    let own = "http://user:secret@proxy.example.net:3128";
    for arguments in [&env, &exec] {
        for (variables, name) in [
            (&[("HTTPS_PROXY", own)][..], "HTTPS_PROXY"),
            (&[("https_proxy", own)], "https_proxy"),
            (&[("https_proxy", own), ("HTTPS_PROXY", own)], "HTTPS_PROXY"),
        ] {
            let warning = format!(
                "--intercept replaces your {name}: calls to other hosts will not use that proxy.\n"
            );
            assert_eq!(stderr(arguments, variables), warning);
        }
        // That of an earlier emulator is not the user's.
        for variables in [
            &[("HTTP_PROXY", own)][..],
            &[("HTTPS_PROXY", "")],
            &[
                ("TENCENT_CHAT_EMULATOR_URL", "http://127.0.0.1:9"),
                ("HTTPS_PROXY", "http://emulator:token@127.0.0.1:9"),
            ],
        ] {
            assert_eq!(stderr(arguments, variables), "");
        }
    }
    let without = ["env", "--listen", &addr];
    assert_eq!(stderr(&without, &[("HTTPS_PROXY", own)]), "");
}
