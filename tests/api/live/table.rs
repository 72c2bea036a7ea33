//! The guesses that a run has settled.

use super::server::Answer;
use super::session::Session;
use crate::harness::{row_answers, row_text};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};
use tencent_chat_emulator::protocol::code::{Basis, Code};

/// A guess, and what the server answered.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) verdict: Verdict,
    /// The row of the code table; `None` for a rule.
    pub(super) row: Option<Code>,
    guess: String,
    assumed: String,
    answered: String,
    /// The line to change if the guess is wrong.
    line: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    AsGuessed,
    /// The number is as guessed.
    TextDiffers,
    Differs,
    NotSettled,
    /// The guess names a line that the source does not have.
    NoSuchLine,
}

/// The place of a rule: a file, and a text that only its line has.
pub(super) type Place = (&'static str, &'static str);

/// Whether no source shows the number or the text of a row.
pub(super) fn is_guess(row: Code) -> bool {
    let unknown = |basis| matches!(basis, Basis::Inferred | Basis::Guess);
    unknown(row.number_basis()) || unknown(row.info_basis())
}

impl Session {
    /// Settles a row: `command`, such as `sns/friend_add`, should have answered it. A row without a
    /// guess is settled only if a record contradicts it.
    pub(super) fn row(&self, row: Code, command: &str, answer: &Answer) {
        if !is_guess(row) && row.recorded().is_none() {
            return;
        }
        let command = command.rsplit('/').next().unwrap_or_default();
        let (code, info) = answer.outcome();
        let verdict = match code {
            Some(code) if row_answers(row, command, code, info) => Verdict::AsGuessed,
            Some(code) if code == u64::from(row.number()) => Verdict::TextDiffers,
            Some(_) | None => Verdict::Differs,
        };
        let line = format!("    {} = ", row.name());
        let settled = Settled {
            verdict,
            row: Some(row),
            guess: format!("{} of {command}: {}", row.name(), row.meaning()),
            assumed: format!("{} {}", row.number(), row_text(row, command)),
            answered: answer.text(),
            line: String::new(),
        };
        self.settle(settled, ("src/protocol/code.rs", &line));
    }

    /// Settles a rule.
    pub(super) fn rule(&self, guess: &str, at: Place, assumed: &str, answered: &str) {
        let verdict = match assumed == answered {
            true => Verdict::AsGuessed,
            false => Verdict::Differs,
        };
        let settled = Settled {
            verdict,
            row: None,
            guess: guess.to_owned(),
            assumed: assumed.to_owned(),
            answered: answered.to_owned(),
            line: String::new(),
        };
        self.settle(settled, at);
    }

    /// Notes that a row or the rest of a group of cases could not be settled.
    pub(super) fn not_settled(&self, guess: &str, why: &str) {
        self.table().push(Settled {
            verdict: Verdict::NotSettled,
            row: None,
            guess: guess.to_owned(),
            assumed: String::new(),
            answered: why.to_owned(),
            line: String::new(),
        });
    }

    pub(super) fn settled(&self) -> Vec<Settled> {
        self.table().clone()
    }

    fn settle(&self, settled: Settled, at: (&str, &str)) {
        let settled = match find(at) {
            Ok(line) => Settled { line, ..settled },
            Err(line) => Settled {
                line,
                verdict: Verdict::NoSuchLine,
                ..settled
            },
        };
        self.table().push(settled);
    }

    /// The table, also after a panic.
    fn table(&self) -> MutexGuard<'_, Vec<Settled>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `file:line` of the only line that has the text.
fn find((file, text): (&str, &str)) -> Result<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = std::fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
    let lines = source.lines().zip(1..);
    let mut found = lines.filter(|(line, _)| line.contains(text));
    match (found.next(), found.next()) {
        (Some((_, number)), None) => Ok(format!("{file}:{number}")),
        (None, _) => Err(format!("{file} has no line with {text:?}")),
        (Some(_), Some(_)) => Err(format!("{file} has several lines with {text:?}")),
    }
}

/// Prints the guesses as a table in Markdown, and the number of each verdict.
pub(super) fn print(settled: &[Settled]) {
    println!("| verdict | guess | assumed | answered | line |\n|---|---|---|---|---|");
    let mut counts = BTreeMap::new();
    for settled in settled {
        *counts.entry(settled.verdict).or_insert(0) += 1;
        println!("{settled}");
    }
    let counts = counts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"));
    println!("{}", counts.collect::<Vec<_>>().join(", "));
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            guess,
            assumed,
            answered,
            line,
            ..
        } = self;
        // An answer that is not Tencent's can be a whole page.
        let answered: String = answered.chars().take(300).collect();
        let answered = answered.replace(['|', '\n'], " ");
        write!(
            f,
            "| {verdict} | {guess} | {assumed} | {answered} | {line} |"
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsGuessed => "as guessed",
            Self::TextDiffers => "text differs",
            Self::Differs => "differs",
            Self::NotSettled => "not settled",
            Self::NoSuchLine => "no such line",
        })
    }
}
