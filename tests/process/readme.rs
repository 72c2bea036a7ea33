//! The README's commands do what their comments say: they are pasted into one shell, in order.

use crate::fixture::{Server, program, text};
use std::path::Path;
use std::process::Command;

/// The lines that no test can paste: they build or start a server. The server that they would start is running.
const LEFT_OUT: [&str; 3] = ["cargo run --release  ", "./tests/run", "docker "];

/// Separates the outputs of two commands.
const END: &str = "@@end@@";

/// A command of the README, with the comment at its end.
struct Pasted {
    command: String,
    comment: String,
}

/// The commands in the README's `sh` blocks, in order.
fn commands(readme: &str) -> Vec<Pasted> {
    let blocks = readme.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    let text: String = blocks.map(|block| block.replace("\\\n", " ")).collect();
    let lines = text.lines().filter(|line| !line.is_empty());
    let command = |line: &str| {
        let (command, comment) = line.rsplit_once(" # ").unwrap_or((line, ""));
        Pasted {
            command: command.to_owned(),
            comment: comment.to_owned(),
        }
    };
    let pasted = lines.filter(|line| !LEFT_OUT.iter().any(|left_out| line.starts_with(left_out)));
    pasted.map(command).collect()
}

/// What a comment promises: the texts in backticks, which the output has.
fn promises(comment: &str) -> impl Iterator<Item = &str> {
    comment.split('`').skip(1).step_by(2)
}

#[test]
fn every_command_of_the_readme_does_what_its_comment_says() {
    let server = Server::start();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    let program = program(&[]).get_program().to_string_lossy().into_owned();
    let commands = commands(&readme);
    assert!(commands.len() > 20, "{}", commands.len());
    let script: String = commands
        .iter()
        .map(|pasted| format!("{}\necho \"{END}$?\"\n", pasted.command))
        .collect();
    let script = script
        .replace("cargo run --release --quiet --", &program)
        .replace("\ntencent-chat-emulator ", &format!("\n{program} "))
        .replace("http://127.0.0.1:8080", &server.url);

    let output = Command::new("bash").arg("-c").arg(&script).output();

    let output = output.expect("bash is there");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let outputs: Vec<_> = stdout.split(END).collect();
    assert_eq!(outputs.len(), commands.len() + 1, "{stdout}\n{stderr}");
    for answer in readme.split("```json\n").skip(1) {
        let answer = answer.split("```").next().unwrap_or_default().trim();
        assert!(stdout.contains(answer), "{answer} is not in {stdout}");
    }
    for (at, Pasted { command, comment }) in commands.iter().enumerate() {
        let printed = outputs[at].trim_start_matches("0\n");
        assert!(
            outputs[at + 1].starts_with("0\n"),
            "{command}: {printed}\n{stderr}"
        );
        for promise in promises(comment) {
            assert!(
                printed.contains(promise),
                "{command} # {comment}\n{printed}"
            );
        }
        let is_problem = printed.contains(r#"{"title":"#) && !comment.contains("409");
        assert!(!is_problem, "{command}: {printed}");
    }
}
