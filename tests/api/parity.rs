//! README's parity table is equal to the code table.

use crate::readme::hold;
use tencent_chat_emulator::protocol::code::Code;

fn table() -> String {
    let mut table =
        String::from("| code | text | met when | number is | text is |\n|---|---|---|---|---|\n");
    for code in Code::ALL {
        let text = match code.info() {
            "" => "(empty)".to_owned(),
            info if info.len() > 60 => format!("`{}…`", &info[..60]),
            info => format!("`{info}`"),
        };
        table += &format!(
            "| {} | {text} | {} | {} | {} |\n",
            code.number(),
            code.meaning(),
            code.number_basis(),
            code.info_basis(),
        );
    }
    table
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
fn the_readmes_parity_table_is_the_code_table() {
    hold("parity", &table());
}
