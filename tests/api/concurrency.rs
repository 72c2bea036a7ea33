//! Many concurrent callers: no deadlock, nothing is done twice, no limit is exceeded, and apps stay
//! isolated.

use crate::harness::{ADMIN, APP, ConfigExt, Reply, TestApp, app_id};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Write, stderr};
use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use tencent_chat_emulator::protocol::user_sig::SecretKey;
use tencent_chat_emulator::{AccountSeed, AllowType};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// A second app, with its own key.
const OTHER_APP: &str = "1400000000";

/// Much longer than any of these races takes. A longer race is a deadlock.
const DEADLOCK: Duration = Duration::from_secs(30);

/// The results of a caller: each To_Account and its ResultCode.
type Outcomes = Vec<(String, u64)>;

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{prefix}{number:02}"))
        .collect()
}

fn body(from: &str, tos: &[String], add_type: &str) -> Value {
    let items: Vec<_> = tos.iter().map(|to| json!({"To_Account": to})).collect();
    json!({"From_Account": from, "AddFriendItem": items, "AddType": add_type})
}

/// Starts all calls at once, each in its own task. Returns their ResultCodes, in the order of the
/// calls.
async fn race<F>(calls: Vec<F>) -> Vec<Vec<u64>>
where
    F: Future<Output = Reply> + Send + 'static,
{
    let watchdog = watchdog();
    let start = Arc::new(Barrier::new(calls.len()));
    let mut tasks = JoinSet::new();
    for (number, call) in calls.into_iter().enumerate() {
        let start = Arc::clone(&start);
        tasks.spawn(async move {
            start.wait().await;
            (number, call.await.codes())
        });
    }
    let all: BTreeMap<_, _> = tasks.join_all().await.into_iter().collect();
    drop(watchdog);
    all.into_values().collect()
}

/// Ends the process unless the returned sender is dropped in time. Accounts have blocking locks: a
/// deadlock would also stop the threads, timers and shutdown of this runtime.
fn watchdog() -> Sender<()> {
    let (alive, watch) = channel();
    thread::spawn(move || {
        if watch.recv_timeout(DEADLOCK) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`: its output is shown when the test ends, and this test does not end.
            let _ = writeln!(
                stderr(),
                "a deadlock: a race was not over after {DEADLOCK:?}"
            );
            exit(101);
        }
    });
    alive
}

/// Races friend_adds of the built-in app.
async fn race_to_add(app: &Arc<TestApp>, bodies: &[Value]) -> Vec<Outcomes> {
    let call = |body: &Value| {
        let (app, body) = (Arc::clone(app), body.clone());
        async move { app.friend_add(body).await }
    };
    let codes = race(bodies.iter().map(call).collect()).await;
    let pairs = bodies.iter().zip(codes);
    pairs
        .map(|(body, codes)| {
            let items = body["AddFriendItem"].as_array().expect("a list").iter();
            let tos = items.map(|item| item["To_Account"].as_str().expect("a name").to_owned());
            tos.zip(codes).collect()
        })
        .collect()
}

fn how_often(outcomes: &[Outcomes], code: u64) -> usize {
    let all = outcomes.iter().flatten();
    all.filter(|(_, other)| *other == code).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_adds_everybody_in_opposite_orders_and_each_friendship_is_made_once() {
    const ROUNDS: usize = 16;
    const CALLERS: usize = 16;
    let app = Arc::new(TestApp::start().await);
    for round in 0..ROUNDS {
        let everybody = names(&format!("r{round}-"), CALLERS);
        app.import(&everybody);
        let request = |(number, from): (usize, &String)| {
            let others = everybody.iter().filter(|other| *other != from);
            let mut others: Vec<_> = others.cloned().collect();
            if number % 2 == 1 {
                others.reverse();
            }
            body(from, &others, "Add_Type_Both")
        };
        let requests: Vec<_> = everybody.iter().enumerate().map(request).collect();

        let outcomes = race_to_add(&app, &requests).await;

        let mut made = BTreeMap::new();
        for (from, outcomes) in everybody.iter().zip(&outcomes) {
            for (to, code) in outcomes {
                assert!([0, 30001].contains(code), "{from} to {to}: {code}");
                let pair = (from.min(to).clone(), from.max(to).clone());
                *made.entry(pair).or_insert(0) += usize::from(*code == 0);
            }
        }
        assert_eq!(made.len(), CALLERS * (CALLERS - 1) / 2);
        made.retain(|_, times| *times != 1);
        assert!(made.is_empty(), "not made once: {made:?}");
        for name in &everybody {
            let mut expected = everybody.clone();
            expected.retain(|other| other != name);
            let mut friends = app.friends(name);
            friends.sort();
            assert_eq!(friends, expected, "each of the others once");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_calls_about_one_pair_in_both_directions_one_makes_the_friendship() {
    // Full batches about one account, so that the calls contend for the same two locks.
    const CALLS: usize = 32;
    const ITEMS: usize = 1000;
    // Both: one item of all calls succeeds. Single: one item of each direction succeeds.
    for (add_type, made) in [("Add_Type_Both", 1), ("Add_Type_Single", 2)] {
        let app = Arc::new(TestApp::start().await);
        let there = body("id1", &vec!["id2".into(); ITEMS], add_type);
        let back = body("id2", &vec!["id1".into(); ITEMS], add_type);
        let requests: Vec<_> = [there, back].into_iter().cycle().take(CALLS).collect();

        let outcomes = race_to_add(&app, &requests).await;

        let exist = CALLS * ITEMS - made;
        assert_eq!(how_often(&outcomes, 0), made, "{add_type}");
        assert_eq!(how_often(&outcomes, 30001), exist, "{add_type}");
        assert_eq!(app.friends("id1"), ["id2"]);
        assert_eq!(app.friends("id2"), ["id1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_the_same_full_batch_sent_many_times_at_once_each_item_is_done_once() {
    const CALLS: usize = 8;
    let app = Arc::new(TestApp::start().await);
    let others: Vec<_> = (0..1000).map(|number| format!("other{number}")).collect();
    app.import(&others);
    let requests = vec![body("id", &others, "Add_Type_Both"); CALLS];

    let outcomes = race_to_add(&app, &requests).await;

    let exist = (CALLS - 1) * others.len();
    assert_eq!(how_often(&outcomes, 0), others.len());
    assert_eq!(how_often(&outcomes, 30001), exist);
    let mut friends = app.friends("id");
    friends.sort();
    let mut expected = others;
    expected.sort();
    assert_eq!(friends, expected);
}

/// An app whose account `id` has five friends and can have ten more.
async fn app_with_ten_places_left() -> Arc<TestApp> {
    let app = TestApp::start_with(|config| config.sns.max_friends = 15).await;
    let first = names("first", 5);
    app.import(&first);
    let first: Vec<_> = first.iter().map(String::as_str).collect();
    assert_eq!(app.add("id", &first).await, [0; 5]);
    Arc::new(app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_accounts_that_race_for_the_last_10_places_of_one_exactly_10_get_in() {
    let app = app_with_ten_places_left().await;
    let racers = names("racer", 64);
    app.import(&racers);
    let request = |racer: &String| body(racer, &["id".into()], "Add_Type_Both");
    let requests: Vec<_> = racers.iter().map(request).collect();

    let outcomes = race_to_add(&app, &requests).await;

    assert_eq!(
        (how_often(&outcomes, 0), how_often(&outcomes, 30014)),
        (10, 54)
    );
    assert_eq!(app.friends("id").len(), 15);
    for (racer, outcome) in racers.iter().zip(&outcomes) {
        let (_, code) = &outcome[0];
        let has_it = usize::from(*code == 0);
        assert_eq!(
            app.friends(racer).len(),
            has_it,
            "{racer}: nothing is half done"
        );
        assert_eq!(app.friends("id").contains(racer), *code == 0, "{racer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_calls_that_race_for_the_last_10_places_of_their_own_list_exactly_10_get_in() {
    let app = app_with_ten_places_left().await;
    let others = names("other", 64);
    app.import(&others);
    let request = |other: &String| body("id", std::slice::from_ref(other), "Add_Type_Both");
    let requests: Vec<_> = others.iter().map(request).collect();

    let outcomes = race_to_add(&app, &requests).await;

    assert_eq!(
        (how_often(&outcomes, 0), how_often(&outcomes, 30010)),
        (10, 54)
    );
    assert_eq!(app.friends("id").len(), 15);
    let reached = others.iter().filter(|other| app.friends(other) == ["id"]);
    assert_eq!(reached.count(), 10, "nothing is half done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_requests_that_race_for_10_pending_places_exactly_10_wait() {
    let app = TestApp::start_with(|config| config.sns.max_pending = 10).await;
    let app = Arc::new(app);
    let askers = names("asker", 64);
    app.import(&askers);
    let shy = AccountSeed::new().allow_type(AllowType::NeedConfirm);
    app.put("id", shy);
    let request = |asker: &String| body(asker, &["id".into()], "Add_Type_Both");
    let requests: Vec<_> = askers.iter().map(request).collect();

    let outcomes = race_to_add(&app, &requests).await;

    assert_eq!(
        (how_often(&outcomes, 30539), how_often(&outcomes, 30012)),
        (10, 54)
    );
    assert_eq!(app.account("id").received.len(), 10);
    let waiting = askers
        .iter()
        .filter(|asker| app.account(asker).sent.len() == 1);
    assert_eq!(waiting.count(), 10, "nothing is half done");
}

/// Calls friend_add in an app as its admin.
async fn friend_add_in(app: Arc<TestApp>, sdkappid: &'static str, body: Value) -> Reply {
    let usersig = app.emulator.user_sig(app_id(sdkappid), ADMIN, 86_400);
    let usersig = usersig.expect("the app exists");
    let query = format!(
        "sdkappid={sdkappid}&identifier={ADMIN}&usersig={usersig}&random=1&contenttype=json"
    );
    app.post("/v4/sns/friend_add", &query, body.to_string())
        .await
}

/// Two apps with the same admins and accounts, but with different SDKAppIDs and keys.
async fn twins() -> Arc<TestApp> {
    let app = TestApp::start_with(|config| {
        let mut twin = config.app().clone();
        twin.secret_key = SecretKey::new("the other app's key").expect("a key");
        config.apps.insert(app_id(OTHER_APP), twin);
    });
    Arc::new(app.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_apps_with_the_same_accounts_are_called_at_once_and_never_mix() {
    let app = twins().await;
    let tos = ["id1".to_owned(), "id2".to_owned(), "id3".to_owned()];
    let calls = (0..32).map(|number| {
        // In one app, `id` adds friends; in the other app, `id1` adds `id2`.
        let (sdkappid, body) = if number % 2 == 0 {
            (APP, body("id", &tos, "Add_Type_Single"))
        } else {
            (OTHER_APP, body("id1", &tos[1..2], "Add_Type_Single"))
        };
        friend_add_in(Arc::clone(&app), sdkappid, body)
    });

    let codes = race(calls.collect()).await;

    let zeros = |place: usize| {
        let of_app = codes.iter().skip(place).step_by(2).flatten();
        of_app.filter(|code| **code == 0).count()
    };
    assert_eq!(
        (zeros(0), zeros(1)),
        (3, 1),
        "each friendship once in its app"
    );
    let friends = |sdkappid, name| -> Vec<_> {
        let account = app.account_of(sdkappid, name).expect("imported");
        let friends = account.friends.iter();
        friends.map(|friend| friend.to.to_string()).collect()
    };
    assert_eq!(friends(APP, "id"), tos);
    assert!(friends(APP, "id1").is_empty());
    assert!(friends(OTHER_APP, "id").is_empty());
    assert_eq!(friends(OTHER_APP, "id1"), ["id2"]);
}

#[tokio::test]
async fn an_account_that_only_one_app_has_does_not_exist_in_the_other() {
    let app = twins().await;
    app.import(["only-here"]);
    let to_it = body("id", &["only-here".into()], "Add_Type_Both");
    let from_it = body("only-here", &["id".into()], "Add_Type_Both");

    let here = friend_add_in(Arc::clone(&app), APP, to_it.clone()).await;
    let there = friend_add_in(Arc::clone(&app), OTHER_APP, to_it).await;
    let by_it = friend_add_in(Arc::clone(&app), OTHER_APP, from_it).await;

    assert_eq!(here.codes(), [0]);
    assert_eq!(
        there.only(),
        (30003, "Err_SNS_FriendAdd_To_Account_Not_Exist")
    );
    assert_eq!(by_it.error_code(), 30003);
}

#[tokio::test]
async fn the_ticket_of_one_app_opens_no_other() {
    let app = twins().await;
    let query = app.query().replace(APP, OTHER_APP);
    let request = body("id", &["id1".into()], "Add_Type_Both");

    let reply = app
        .post("/v4/sns/friend_add", &query, request.to_string())
        .await;

    assert_eq!(reply.error_code(), 70014);
    assert!(app.friends("id").is_empty());
}
