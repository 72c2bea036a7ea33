//! README's parity table is equal to the code table.

use crate::readme::hold;
use tencent_chat_emulator::protocol::code::{Basis, Code};

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

#[test]
fn the_readmes_parity_table_is_the_code_table() {
    hold("parity", &table());
}
