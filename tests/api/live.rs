//! Settles the guesses against a server that the tests did not start: with `EMULATOR_TEST_URL`,
//! `EMULATOR_TEST_SDKAPPID`, `EMULATOR_TEST_SECRET_KEY` and `EMULATOR_TEST_ADMIN`, against that
//! server; otherwise against an emulator, through `/v4` only.
//!
//! A guess is a row of the code table whose number or text no source shows, or a rule that Tencent
//! does not document. The run prints a table: the guess, the server's answer, and the line to change
//! if they differ. Against another server a difference is a result, not a failure. Against the
//! emulator each guess has to come out as guessed, so that the cases stay true.
//!
//! ```sh
//! EMULATOR_TEST_URL=https://adminapisgp.im.qcloud.com EMULATOR_TEST_SDKAPPID=1400000000 \
//! EMULATOR_TEST_SECRET_KEY=KEY EMULATOR_TEST_ADMIN=administrator cargo test --test api live:: -- --nocapture
//! ```
//!
//! Use an app that is only for tests. The run makes about 500 calls, at most 200 per second, and imports 3,000
//! accounts, whose UserIDs begin with `emu`. It changes only these accounts, and deletes them at the end. On
//! an app with room for only 100 accounts, the limits of the lists stay unsettled.

mod accounts;
mod bulk;
mod friend_add;
mod gateway;
mod items;
mod lists;
mod server;
mod session;
mod table;

use crate::harness::{ADMIN, APP, ConfigExt, TestApp, app_id};
use serde_json::json;
use server::Server;
use session::{Session, Step};
use std::sync::Arc;
use table::{Settled, Verdict, is_guess, print};
use tencent_chat_emulator::config::{Config, Sources};
use tencent_chat_emulator::protocol::code::Code;

/// The rows that the cases leave out, although they are guesses, and the reason. The rows that need a
/// fault say so themselves.
const LEFT_OUT: [(Code, &str); 5] = [
    (Code::TooManyCalls, "needs more than 200 calls per second"),
    (Code::NotAdminGateway, "is a setting of the emulator"),
    (Code::TooManyRequests, "needs a limit that is unknown"),
    (Code::DeletionRefused, "would delete the admin"),
    (Code::BadReply, "needs a stub of the emulator"),
];

/// The guessed rows that the cases have to settle.
fn rows_to_settle() -> impl Iterator<Item = Code> {
    let rows = Code::ALL.iter().copied().filter(|row| is_guess(*row));
    rows.filter(|row| {
        let left_out = LEFT_OUT.iter().any(|(other, _)| other == row);
        !left_out && !row.meaning().contains("Only when scripted")
    })
}

async fn settle(session: &Session) {
    let report = |group: &str, done: Step<()>| {
        if let Err(why) = done {
            session.not_settled(&format!("the rest of {group}"), &why);
        }
    };
    report("the rows of items", items::rows(session).await);
    report("the order of items", items::order(session).await);
    report("the rules of items", items::rules(session).await);
    report("AllowType", friend_add::allow_types(session).await);
    report("AdminForbidType", friend_add::forbidden(session).await);
    report("the blocklists", friend_add::blocklists(session).await);
    report("friend_add's groups", friend_add::groups(session).await);
    report("the directions", lists::directions(session).await);
    report("the recorded answers", lists::recorded(session).await);
    report("the friend list", lists::friends(session).await);
    report("the blocklist", lists::blocklist(session).await);
    report("the sequences", lists::sequences(session).await);
    report("the groups", lists::groups(session).await);
    report("the profiles", accounts::profiles(session).await);
    report("the accounts", accounts::accounts(session).await);
    // From here on the server may run out of accounts, or lock the admin out.
    match bulk::fillers(session).await {
        Ok(names) => {
            report("the pending requests", bulk::pending(session, &names).await);
            report("a full friend list", bulk::friends(session, &names).await);
            report("a full blocklist", bulk::blocklist(session, &names).await);
        }
        Err(why) => report("the limits", Err(why)),
    }
    report("the gateway's rows", gateway::rows(session).await);
    report("the stubs' rows", gateway::stubs(session).await);
    report("the gateway's rules", gateway::rules(session).await);
    report("the UserSigs", gateway::user_sigs(session).await);
}

/// Runs all cases, also deletes the accounts after a panic, and returns what was settled.
async fn run(server: Server) -> Vec<Settled> {
    let session = Arc::new(Session::new(server));
    let cases = tokio::spawn({
        let session = Arc::clone(&session);
        async move { settle(&session).await }
    });
    let cases = cases.await;
    let left = session.delete_accounts().await;
    if !left.is_empty() {
        println!("These accounts could not be deleted: {}", left.join(" "));
    }
    cases.expect("no case panics");
    let settled = session.settled();
    for row in rows_to_settle() {
        if !settled.iter().any(|settled| settled.row == Some(row)) {
            session.not_settled(row.name(), "no case reached it");
        }
    }
    session.settled()
}

#[tokio::test]
async fn every_guess_that_calls_can_settle_is_settled() {
    if let Some(server) = Server::from_environment() {
        let check = "im_open_login_svc/account_check";
        let body = json!({"CheckItem": [{"UserID": server.admin}]});
        let answer = server.call(check, &body).await;
        assert_eq!(answer.codes(), "0", "the admin's call fails: {}", answer.0);
        return print(&run(server).await);
    }

    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    let key = config.app().secret_key.clone();
    let app = TestApp::start_with(|config| config.app().calls_per_second = None).await;
    let server = Server::new(app.emulator.url(), app_id(APP), key, ADMIN.to_owned());

    let settled = run(server).await;

    print(&settled);
    let wrong: Vec<_> = settled
        .iter()
        .filter(|settled| settled.verdict != Verdict::AsGuessed)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
