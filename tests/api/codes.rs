//! Every command can answer each of its documented codes with a text: by a record's state if a record
//! has one, else by a scripted fault.

use crate::commands::COMMANDS;
use crate::harness::{APP, ConfigExt, TestApp};
use crate::records;
use serde_json::Value;
use std::collections::BTreeSet;
use tencent_chat_emulator::Fault;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::sns::texts::Keyword;

/// The codes on each command's page (international pages of 2023 to 2025), and the codes that only
/// the sample answers of friend_update, group_add and account_delete have.
pub(crate) const DOCUMENTED: [(&str, &[u32]); 20] = [
    (
        "sns/friend_import",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 30010, 30011,
        ],
    ),
    (
        "sns/friend_update",
        &[30001, 30002, 30003, 30004, 30006, 30007, 30008, 30011],
    ),
    (
        "sns/friend_delete",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 31704, 31707,
        ],
    ),
    (
        "sns/friend_delete_all",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/friend_check", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/friend_get", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/friend_get_list", &[30001, 30003, 30004, 30006, 30007]),
    (
        "sns/black_list_add",
        &[30001, 30002, 30003, 30004, 30006, 30007, 30008, 30013],
    ),
    (
        "sns/black_list_delete",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/black_list_get", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/black_list_check", &[30001, 30003, 30004, 30006, 30007]),
    (
        "sns/group_add",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 30011, 32216,
        ],
    ),
    (
        "sns/group_delete",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/group_get", &[30001, 30003, 30004, 30006, 30007]),
    (
        "im_open_login_svc/account_import",
        &[
            40005, 40006, 40601, 70169, 70398, 70399, 70402, 70403, 70500,
        ],
    ),
    (
        "im_open_login_svc/multiaccount_import",
        &[70169, 70202, 70398, 70402, 70403, 70500],
    ),
    (
        "im_open_login_svc/account_delete",
        &[
            30006, 30007, 30008, 40006, 70107, 70169, 70202, 70402, 70403, 70500, 71000,
        ],
    ),
    (
        "im_open_login_svc/account_check",
        &[70169, 70202, 70402, 70403, 70500],
    ),
    (
        "profile/portrait_set",
        &[
            40001, 40003, 40004, 40005, 40006, 40008, 40009, 40601, 40605, 40610,
        ],
    ),
    (
        "profile/portrait_get",
        &[40001, 40002, 40003, 40004, 40006, 40007, 40009],
    ),
];

/// A good body of the command, from "id" about "id1".
fn good(command: &str) -> Value {
    let found = COMMANDS.iter().find(|known| known.path() == command);
    (found.expect("a command").request)()
}

/// "id" has the friend "id1" in its only group.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| {
        config.app().custom_fields.friend = vec![Keyword::parse("Test").expect("letters")];
    })
    .await;
    app.arrange("sns/friend_import", good("sns/friend_import"))
        .await;
    app
}

/// The first row of the code table with this number, which every command can give.
fn row(number: u32) -> Code {
    let rows = Code::ALL.iter();
    let row = rows.copied().find(|code| code.number() == number);
    row.unwrap_or_else(|| panic!("{number} is in no row"))
}

#[tokio::test]
async fn every_documented_code_of_every_command_is_met() {
    let app = start().await;
    // The records are replayed by their own test.
    let records = records::all();
    let by_state = records.iter().filter_map(|record| {
        let command = record.met_by_state()?;
        let (command, _) = DOCUMENTED.iter().find(|(other, _)| *other == command)?;
        Some((*command, record.row().number()))
    });
    let mut met: BTreeSet<_> = by_state.collect();
    for (command, _) in DOCUMENTED {
        let (service, name) = command.split_once('/').expect("two parts");
        let (bad_body, not_admin, no_account) = match service {
            "sns" => (30001, 30004, Some(30003)),
            "profile" => (40001, 40004, Some(40003)),
            _ => (70402, 70403, None),
        };
        let reply = app
            .post(&format!("/v4/{command}"), &app.query(), "{}")
            .await;
        assert_eq!(reply.outcome().0, bad_body, "{command}: {}", reply.text);
        met.insert((command, bad_body));

        let stranger = app.query_of(APP, "id");
        let reply = app
            .post(
                &format!("/v4/{command}"),
                &stranger,
                good(command).to_string(),
            )
            .await;
        assert_eq!(reply.outcome().0, not_admin, "{command}: {}", reply.text);
        met.insert((command, not_admin));

        let mut by_nobody = good(command);
        if let (Some(number), Some(from)) = (no_account, by_nobody.get_mut("From_Account")) {
            *from = "nobody".into();
            let reply = app.call(command, by_nobody).await;
            assert_eq!(reply.error_code(), number, "{command}: {}", reply.text);
            met.insert((command, u32::try_from(number).expect("small")));
        }
        // The other codes: scripted faults, of the whole call if it can have the code. They change nothing.
        let before = app.account("id");
        for number in DOCUMENTED
            .iter()
            .find(|(other, _)| *other == command)
            .expect("a row")
            .1
        {
            if met.contains(&(command, *number)) {
                continue;
            }
            let code = row(*number);
            let has_from = good(command).get("From_Account").is_some();
            let from = if has_from { "id" } else { "id1" };
            let fault = match code.is_calls() {
                true => Fault::error_code(code).command(name),
                false => Fault::result_code(code).from(from).to("id1"),
            };
            let fault = app.arm(fault);
            let reply = app.call(command, good(command)).await;
            let (answered, info) = reply.outcome();
            assert_eq!(answered, *number, "{command}: {}", reply.text);
            assert_eq!(reply.error_code() == 0, !code.is_calls(), "{}", reply.text);
            assert!(!info.contains("<Api>"), "{}", reply.text);
            fault.disarm();
            met.insert((command, *number));
        }
        assert_eq!(app.account("id"), before, "{command}");
    }
    for (command, numbers) in DOCUMENTED {
        for number in numbers {
            assert!(met.contains(&(command, *number)), "{command} {number}");
        }
    }
}

#[tokio::test]
async fn an_item_of_every_command_that_has_items_can_be_scripted() {
    let app = start().await;
    for (command, from, codes) in [
        ("sns/friend_import", "id", &[30002, 30006, 30007, 30008][..]),
        ("sns/friend_update", "id", &[30002, 30006, 30007, 30008]),
        (
            "sns/friend_delete",
            "id",
            &[30002, 30006, 30007, 30008, 31707],
        ),
        ("sns/friend_check", "id", &[30006, 30007]),
        ("sns/friend_get_list", "id", &[30006, 30007]),
        ("sns/black_list_add", "id", &[30002, 30006, 30007, 30008]),
        ("sns/black_list_delete", "id", &[30006, 30007, 30008]),
        ("sns/black_list_check", "id", &[30006, 30007]),
        ("sns/group_add", "id", &[30002, 30006, 30007, 30008]),
        (
            "im_open_login_svc/account_delete",
            "id1",
            &[30006, 40006, 70169, 70500],
        ),
        ("profile/portrait_get", "id1", &[40006, 40007]),
    ] {
        let before = (app.account("id"), app.account("id1"));
        for number in codes {
            let fault = app.script(from, "id1", row(*number));
            let reply = app.call(command, good(command)).await;
            fault.disarm();
            assert_eq!(reply.error_code(), 0, "{command}: {}", reply.text);
            assert_eq!(reply.outcome().0, *number, "{command}: {}", reply.text);
        }
        assert_eq!((app.account("id"), app.account("id1")), before, "{command}");
    }
}
