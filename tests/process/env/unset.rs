//! What `eval` does when `env` fails, `env --unset`, and the files that are left.

use super::{State, evaluated};
use crate::fixture::{program, text};
use crate::tools::run;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

#[test]
fn evaluating_what_a_failed_env_prints_fails_and_ends_a_script() {
    let state = State::new();
    let script = |options: &str| {
        let script = format!("set -e; eval \"$(\"$0\" env {options})\"; echo continued");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .arg(state.program(&[]).get_program());
        let output = shell.env("XDG_STATE_HOME", state.0.path()).output();
        let output = output.expect("a shell is there");
        (output.status.code(), text(&output.stdout))
    };
    let server = state.server("", &[]);
    let addr = server.addr.to_string();

    assert_eq!(
        script(&format!("--listen {addr}")),
        (Some(0), "continued\n".to_owned())
    );
    server.stop();
    let failed = (Some(1), String::new());
    let closed = format!("--listen {addr}");
    for options in [&closed, "--listen nowhere", "--no-such-option", "--config"] {
        assert_eq!(script(options), failed, "{options}");
    }
    let printed =
        |arguments: &[&str]| text(&program(arguments).output().expect("it starts").stdout);
    // Nobody evaluates what these print.
    for arguments in [&["exec", "--nope", "--", "env"][..], &["wait", "--nope"]] {
        assert_eq!(printed(arguments), "", "{arguments:?}");
    }
    assert!(!printed(&["env", "--help"]).contains("\nfalse"));
}

/// The names after `export` and `unset`.
fn names(commands: &str) -> BTreeSet<&str> {
    let commands = commands.lines().filter_map(|line| {
        let name = line
            .strip_prefix("export ")
            .or(line.strip_prefix("unset "))?;
        name.split('=').next()
    });
    commands.collect()
}

#[test]
fn unset_names_exactly_the_variables_that_env_has_set_without_an_emulator() {
    let state = State::new();
    let server = state.server(
        "[proxy]\nothers = \"tunnel\"\n",
        &["--tls-listen", "127.0.0.1:0"],
    );
    let addr = server.addr.to_string();
    let set = [
        state.printed(&["env", "--listen", &addr]),
        state.printed(&["env", "--listen", &addr, "--intercept"]),
    ];
    server.stop();

    let unset = [
        state.printed(&["env", "--unset"]),
        state.printed(&["env", "--unset", "--intercept"]),
    ];

    for (set, unset) in set.iter().zip(&unset) {
        assert_eq!(names(set), names(unset));
        assert!(
            unset.lines().all(|line| line.starts_with("unset ")),
            "{unset}"
        );
        // Neither the shell nor its children have them any longer.
        let all = names(unset).into_iter().collect::<Vec<_>>().join(" ");
        let script =
            format!("for name in {all}; do printenv $name; eval echo \\$$name; done | tr -d '\\n'");
        assert_ne!(evaluated(set, &script), "");
        assert_eq!(evaluated(&format!("{set}\n{unset}"), &script), "");
    }
    assert!(unset[1].contains("unset JAVA_TOOL_OPTIONS\n"));
    let output = state.run(&["env", "--unset", "--listen", &addr]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn unset_includes_the_variables_of_intercept_while_the_proxy_is_the_emulator() {
    let state = State::new();
    let unset = |variables: &[(&str, &str)]| {
        let mut command = state.program(&["env", "--unset"]);
        let output = command.envs(variables.iter().copied()).output();
        text(&output.expect("it starts").stdout)
    };
    let url = ("TENCENT_CHAT_EMULATOR_URL", "http://127.0.0.1:9");
    for (variables, expected) in [
        (&[url, ("HTTPS_PROXY", "http://127.0.0.1:9")][..], true),
        (
            &[url, ("HTTPS_PROXY", "http://emulator:a%40b@127.0.0.1:9")],
            true,
        ),
        (&[url, ("HTTPS_PROXY", "http://127.0.0.1:99")], false),
        (&[("HTTPS_PROXY", "http://127.0.0.1:9")], false),
        (&[url], false),
    ] {
        let printed = unset(variables);
        assert_eq!(
            printed.contains("unset HTTPS_PROXY\n"),
            expected,
            "{variables:?}"
        );
        assert_eq!(
            printed.contains("unset NO_PROXY\n"),
            expected,
            "{variables:?}"
        );
        assert!(printed.contains("unset TENCENT_CHAT_EMULATOR_URL\n"));
    }
}

#[test]
fn the_directories_of_emulators_that_were_not_used_for_30_days_are_removed() {
    let state = State::new();
    let server = state.server("", &[]);
    let all = state.0.path().join("tencent-chat-emulator/env");
    let make = |name: &str, changed: &str| {
        let directory = all.join(name);
        fs::create_dir_all(&directory).expect("a new directory");
        fs::write(directory.join("ca.pem"), "").expect("a new file");
        run(Command::new("touch").args(["-d", changed]).arg(&directory));
    };
    make("127.0.0.1_1", "31 days ago");
    make("127.0.0.1_2", "29 days ago");
    // That of the emulator itself is in use again.
    let own = server.addr.to_string().replace(':', "_");
    make(&own, "31 days ago");

    state.printed(&["env", "--listen", &server.addr.to_string()]);

    let left = fs::read_dir(&all).expect("it is there");
    let left = left.map(|entry| entry.expect("an entry").file_name().into_string());
    let left: BTreeSet<_> = left.map(|name| name.expect("UTF-8")).collect();
    assert_eq!(
        left,
        BTreeSet::from(["127.0.0.1_2".to_owned(), own.clone()])
    );
    let ca = fs::read_to_string(all.join(own).join("ca.pem")).expect("it is there");
    assert!(ca.contains("BEGIN CERTIFICATE"));
}
