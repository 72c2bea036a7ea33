//! README's tables of evidence are equal to the code table.

use crate::readme::hold;
use tencent_chat_emulator::protocol::code::{Basis, Code};

/// How many outcomes' numbers and texts are known from each kind of evidence.
fn table() -> String {
    let bases = |base: fn(Code) -> Basis| {
        let words = ["documented", "seen", "inferred", "guess"];
        let count = words.map(|word| {
            let is_word = |code: &&Code| base(**code).to_string().starts_with(word);
            Code::ALL.iter().filter(is_word).count().to_string()
        });
        count.join(" | ")
    };
    format!(
        "| of {} outcomes | documented | seen | inferred | guess |\n|---|---|---|---|---|\n\
         | the number is | {} |\n| the text is | {} |\n",
        Code::ALL.len(),
        bases(Code::number_basis),
        bases(Code::info_basis),
    )
}

fn contradictions() -> String {
    let mut table =
        String::from("| command | the page says | a record shows | of |\n|---|---|---|---|\n");
    let text = |number: u32, info: &str| format!("{number} `{info}`").replace("``", "`\"\"`");
    for code in Code::ALL {
        let Some(recorded) = code.recorded() else {
            continue;
        };
        table += &format!(
            "| {} | {} | {} | {} |\n",
            recorded.commands.join(", "),
            text(code.number(), code.info()),
            text(recorded.number, recorded.info),
            recorded.years,
        );
    }
    table
}

#[test]
fn the_readmes_table_of_contradictions_is_the_code_tables() {
    hold("recorded", &contradictions());
}

#[test]
fn the_readmes_table_of_evidence_is_the_code_tables() {
    hold("evidence", &table());
}
