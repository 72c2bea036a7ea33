//! README's parity table is the code table, to the letter.

use std::path::Path;
use tencent_chat_emulator::protocol::code::{Basis, Code};

const BEGIN: &str = "<!-- parity: made by tests/api/parity.rs -->\n";
const END: &str = "<!-- end of parity -->";

fn table() -> String {
    let mut table =
        String::from("| code | text | met when | number is | text is |\n|---|---|---|---|---|\n");
    for code in Code::ALL {
        let text = match code.info() {
            "" => "(empty)".to_owned(),
            info if info.len() > 60 => format!("`{}…`", &info[..60]),
            info => format!("`{info}`"),
        };
        let word = |basis: Basis| basis.word();
        table += &format!(
            "| {} | {text} | {} | {} | {} |\n",
            code.number(),
            code.meaning(),
            word(code.number_basis()),
            word(code.info_basis()),
        );
    }
    table
}

/// `EMULATOR_WRITE_README=1` writes the table instead of comparing it.
#[test]
fn the_readmes_parity_table_is_the_code_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let begin = readme
        .find(BEGIN)
        .expect("the README has the table's beginning")
        + BEGIN.len();
    let end = readme.find(END).expect("the README has the table's end");

    if std::env::var_os("EMULATOR_WRITE_README").is_some() {
        let written = format!("{}{}{}", &readme[..begin], table(), &readme[end..]);
        std::fs::write(&path, written).expect("the README can be written");
        return;
    }

    assert_eq!(
        &readme[begin..end],
        table(),
        "EMULATOR_WRITE_README=1 cargo test parity writes it"
    );
}
