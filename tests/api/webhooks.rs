//! Webhooks: the events that an app's own server receives, their signature, and that a bad receiver
//! does no harm.

mod deliveries;
pub(crate) mod receiver;

use crate::harness::{ADMIN, APP, ConfigExt, TestApp, app_id};
use receiver::{Mood, Receiver};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tencent_chat_emulator::config::{Config, WebhookConfig};
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::protocol::user_sig::SecretKey;
use tencent_chat_emulator::sns::black_list::Friendship;
use tencent_chat_emulator::{AccountSeed, AllowType};
use tokio::task::JoinSet;

const PAGES: &str = include_str!("../vectors/family/webhooks.json");

fn webhook(url: &str) -> WebhookConfig {
    WebhookConfig {
        url: url.to_owned(),
        token: None,
        retries: 0,
    }
}

/// An emulator that sends webhooks to this receiver.
async fn start(receiver: &Receiver) -> TestApp {
    start_with(receiver, |_| ()).await
}

async fn start_with(receiver: &Receiver, change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start_with(|config| {
        config.app().webhook = Some(webhook(&receiver.url));
        change(config);
    })
    .await
}

fn tos(from: &str, to: &[&str]) -> Value {
    json!({"From_Account": from, "To_Account": to})
}

fn add(tos: &[&str], forced: u8) -> Value {
    let items: Vec<_> = tos.iter().map(|to| json!({"To_Account": to})).collect();
    json!({"From_Account": "id", "AddFriendItem": items, "AddType": "Add_Type_Single", "ForceAddFlags": forced})
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(from, to)| ((*from).into(), (*to).into()))
        .collect()
}

/// The body of a page's sample.
fn sample(name: &str) -> String {
    let pages: Value = serde_json::from_str(PAGES).expect("the samples are JSON");
    let mut samples = pages["samples"].as_array().expect("a list").iter();
    let sample = samples.find(|sample| sample["name"] == name);
    let text = &sample.unwrap_or_else(|| panic!("no sample {name}"))["request_text"];
    text.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn each_event_is_told_as_its_page_shows() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start_with(&receiver, |config| {
        let data = tencent_chat_emulator::sns::texts::Keyword::parse("Data");
        config.app().custom_fields.profile = data.into_iter().collect();
    })
    .await;
    let all = ["id1", "id2", "id3"];
    for (command, body, name) in [
        ("friend_add", add(&all, 1), "Sns.CallbackFriendAdd"),
        ("friend_delete", tos("id", &all), "Sns.CallbackFriendDelete"),
        (
            "black_list_add",
            tos("id", &all),
            "Sns.CallbackBlackListAdd",
        ),
        (
            "black_list_delete",
            tos("id", &all),
            "Sns.CallbackBlackListDelete",
        ),
    ] {
        assert_eq!(
            app.call(&format!("sns/{command}"), body).await.codes(),
            [0; 3]
        );
        // The page's text: it is the calling admin. The sample has an empty value.
        let admin = format!("\"Admin_Account\":\"{ADMIN}\"");
        let expected = sample(name).replace("\"Admin_Account\":\"\"", &admin);
        assert_eq!(receiver.next().await.text, expected);
    }

    app.emulator.clock().hold(Some(UnixTime(1_656_921_052)));
    let expected = sample("Profile.CallbackPortraitSet");
    let body: Value = serde_json::from_str(&expected).expect("JSON");
    let request = json!({"From_Account": "id1", "ProfileItem": body["ProfileItem"]});
    assert_eq!(
        app.call("profile/portrait_set", request).await.error_code(),
        0
    );
    // The clock is held at a whole second, and the operator is an admin.
    let expected = expected.replace("1656921052497", "1656921052000").replace(
        "\"Operator_Account\":\"id1\"",
        &format!("\"Operator_Account\":\"{ADMIN}\""),
    );
    assert_eq!(receiver.next().await.text, expected);
}

#[tokio::test]
async fn blocking_tells_only_friendships_that_have_ended() {
    for (kept, one_way) in [(false, false), (false, true), (true, false)] {
        let mut receiver = Receiver::start(Mood::Good).await;
        let app = start_with(&receiver, |config| {
            config.app().friendship_when_blocked = Friendship::from(kept);
        })
        .await;
        let mut body = add(&["id1"], 0);
        if !one_way {
            body["AddType"] = "Add_Type_Both".into();
        }
        app.call("sns/friend_add", body).await;
        receiver.next().await;

        // id2 is not a friend, and "nobody" is not imported.
        let body = tos("id", &["id1", "id2", "nobody"]);
        app.call("sns/black_list_add", body).await;
        app.call("sns/black_list_delete", tos("id", &["id2"])).await;

        let blocked = receiver.next().await;
        assert_eq!(blocked.command(), "Sns.CallbackBlackListAdd");
        assert_eq!(blocked.pairs(), owned(&[("id", "id1"), ("id", "id2")]));
        let mut next = receiver.next().await;
        if !kept {
            assert_eq!(next.command(), "Sns.CallbackFriendDelete");
            let ended = [("id", "id1"), ("id1", "id")];
            assert_eq!(next.pairs(), owned(&ended[..2 - usize::from(one_way)]));
            next = receiver.next().await;
        }
        assert_eq!(next.command(), "Sns.CallbackBlackListDelete");
    }
}

#[tokio::test]
async fn a_two_way_operation_tells_both_directions_and_only_those_that_changed() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;

    app.add("id", &["id1"]).await;
    assert_eq!(
        receiver.next().await.pairs(),
        owned(&[("id", "id1"), ("id1", "id")])
    );
    app.call("sns/friend_add", add(&["id2"], 0)).await;
    let one_way = receiver.next().await;
    assert_eq!(one_way.pairs(), owned(&[("id", "id2")]));
    assert_eq!(one_way.json()["ForceFlag"], 0);
    assert_eq!(one_way.json()["PairList"][0]["Initiator_Account"], "id");
    // id2's list does not have "id", so only one direction changes.
    let mut both = tos("id", &["id2", "id1", "id3"]);
    both["DeleteType"] = "Delete_Type_Both".into();
    app.call("sns/friend_delete", both).await;
    let lost = owned(&[("id", "id2"), ("id", "id1"), ("id1", "id")]);
    assert_eq!(receiver.next().await.pairs(), lost);
    // A friendship that ends by blocking sends FriendDelete as well.
    app.add("id", &["id3"]).await;
    receiver.next().await;
    app.call("sns/black_list_add", tos("id", &["id3"])).await;
    let blocked = receiver.next().await;
    assert_eq!(blocked.command(), "Sns.CallbackBlackListAdd");
    assert_eq!(blocked.pairs(), owned(&[("id", "id3")]));
    let ended = receiver.next().await;
    assert_eq!(ended.command(), "Sns.CallbackFriendDelete");
    assert_eq!(ended.pairs(), owned(&[("id", "id3"), ("id3", "id")]));
    app.call("sns/black_list_delete", tos("id", &["id3", "id1"]))
        .await;
    assert_eq!(receiver.next().await.pairs(), owned(&[("id", "id3")]));
    // All friends at once.
    app.add("id", &["id1"]).await;
    receiver.next().await;
    let all = json!({"From_Account": "id", "DeleteType": "Delete_Type_Both"});
    app.call("sns/friend_delete_all", all).await;
    let deleted = receiver.next().await;
    assert_eq!(deleted.command(), "Sns.CallbackFriendDelete");
    assert_eq!(deleted.pairs(), owned(&[("id", "id1"), ("id1", "id")]));
    assert!(receiver.so_far().is_empty());
}

#[tokio::test]
async fn what_did_not_happen_and_what_is_not_told_stays_untold() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;
    app.put("id3", AccountSeed::new().allow_type(AllowType::NeedConfirm));
    let import = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id2", "AddSource": "AddSource_Type_Web"}]});
    let remark = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "pal"}]);
    let bad_tag = json!([{"Tag": "Tag_Profile_IM_Nope", "Value": "x"}]);
    for (command, body) in [
        ("sns/friend_add", add(&["id3", "nobody", "id"], 0)),
        ("sns/friend_import", import),
        (
            "sns/friend_update",
            json!({"From_Account": "id", "UpdateItem": [{"To_Account": "id2", "SnsItem": remark}]}),
        ),
        ("sns/friend_delete", tos("id", &["id1"])),
        ("sns/friend_delete_all", json!({"From_Account": "id1"})),
        ("sns/black_list_add", tos("id", &["id"])),
        ("sns/black_list_delete", tos("id", &["id1"])),
        (
            "sns/group_add",
            json!({"From_Account": "id", "GroupName": ["g"], "To_Account": ["id2"]}),
        ),
        (
            "sns/group_delete",
            json!({"From_Account": "id", "GroupName": ["g"]}),
        ),
        (
            "im_open_login_svc/account_import",
            json!({"UserID": "new", "Nick": "n"}),
        ),
        (
            "im_open_login_svc/account_delete",
            json!({"DeleteItem": [{"UserID": "id2"}]}),
        ),
        (
            "profile/portrait_set",
            json!({"From_Account": "id", "ProfileItem": bad_tag}),
        ),
    ] {
        app.call(command, body).await;
    }

    // Events are sent in order, so an event of these calls would come before this one.
    app.add("id", &["id1"]).await;
    assert_eq!(
        receiver.next().await.pairs(),
        owned(&[("id", "id1"), ("id1", "id")])
    );
    assert!(receiver.so_far().is_empty());
}

#[tokio::test]
async fn the_url_says_who_what_and_from_where_and_is_signed_where_there_is_a_token() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start_with(&receiver, |config| {
        let webhook = config.app().webhook.as_mut().expect("it was set");
        webhook.url += "?mine=1";
        webhook.token = SecretKey::new("xxxxyyyy");
    })
    .await;
    app.emulator.clock().hold(Some(UnixTime(1_669_872_112)));

    app.add("id", &["id1"]).await;

    let told = receiver.next().await;
    let sign: String = Sha256::digest(b"xxxxyyyy1669872112")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!((&*told.method, &*told.path), ("POST", "/callback"));
    assert_eq!(told.content_type, "application/json");
    assert_eq!(
        told.query,
        format!(
            "mine=1&SdkAppid={APP}&CallbackCommand=Sns.CallbackFriendAdd&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI&Sign={sign}&RequestTime=1669872112"
        )
    );

    let mut plain = Receiver::start(Mood::Good).await;
    let app = start(&plain).await;
    app.add("id", &["id1"]).await;
    let query = plain.next().await.query;
    assert!(
        query.starts_with("SdkAppid=") && query.ends_with("OptPlatform=RESTAPI"),
        "{query}"
    );
}

#[tokio::test]
async fn an_apps_events_are_told_in_the_order_of_its_calls() {
    const CALLS: usize = 150;
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;
    let names: Vec<_> = (0..CALLS).map(|number| format!("u{number}")).collect();
    app.import(&names);

    for name in &names {
        app.call("sns/friend_add", add(&[name], 0)).await;
        app.call("sns/friend_delete", tos("id", &[name])).await;
    }

    for name in &names {
        for command in ["Sns.CallbackFriendAdd", "Sns.CallbackFriendDelete"] {
            let told = receiver.next().await;
            assert_eq!(
                (told.command(), told.pairs()),
                (command.into(), owned(&[("id", name)]))
            );
        }
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_once_or_as_often_as_it_is_configured() {
    for mood in [Mood::Broken, Mood::Created, Mood::Nonsense] {
        for retries in [0, 2] {
            let mut receiver = Receiver::start(mood).await;
            let app = start_with(&receiver, |config| {
                config.app().webhook.as_mut().expect("it was set").retries = retries;
            })
            .await;

            assert_eq!(app.add("id", &["id1"]).await, [0]);

            for _ in 0..=retries {
                assert_eq!(receiver.next().await.pairs()[0].1, "id1");
            }
            receiver.set(Mood::Good);
            app.add("id", &["id2"]).await;
            assert_eq!(
                receiver.next().await.pairs()[0].1,
                "id2",
                "{mood:?} {retries}"
            );
        }
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_no_call_and_no_other_app_and_is_given_2_seconds() {
    let mut silent = Receiver::start(Mood::Silent).await;
    let mut other = Receiver::start(Mood::Good).await;
    let app = start_with(&silent, |config| {
        let mut second = config.app().clone();
        second.webhook = Some(webhook(&other.url));
        config.apps.insert(app_id("2"), second);
    })
    .await;
    let started = tokio::time::Instant::now();

    assert_eq!(app.add("id", &["id1", "id2"]).await, [0, 0]);
    assert_eq!(app.add("id", &["id3"]).await, [0]);
    silent.next().await;
    let body = add(&["id1"], 0).to_string();
    app.post("/v4/sns/friend_add", &app.query_of("2", ADMIN), body)
        .await;
    other.next().await;

    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
    silent.set(Mood::Good);
    assert_eq!(silent.next().await.pairs()[0].1, "id3");
    let waited = started.elapsed();
    assert!((1900..4000).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test]
async fn calls_are_served_where_nobody_listens() {
    let app = TestApp::start_with(|config| {
        config.app().webhook = Some(webhook("http://127.0.0.1:1/callback"));
    })
    .await;
    assert_eq!(app.add("id", &["id1", "id2"]).await, [0, 0]);
    assert_eq!(app.friends("id"), ["id1", "id2"]);
    app.emulator.stop().await;
}

#[tokio::test]
async fn what_waits_at_the_end_is_still_told_and_a_silent_receiver_does_not_hold_it_up() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;
    for to in ["id1", "id2", "id3"] {
        app.add("id", &[to]).await;
    }
    app.emulator.stop().await;
    assert_eq!(receiver.so_far().len(), 3);

    let silent = Receiver::start(Mood::Silent).await;
    let app = start(&silent).await;
    for to in ["id1", "id2", "id3"] {
        app.add("id", &[to]).await;
    }
    let started = tokio::time::Instant::now();
    app.emulator.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

/// The queue holds 16 MiB, and each of these events has about 200 kB.
#[tokio::test]
async fn what_would_make_the_queue_too_long_is_dropped_and_no_call_fails() {
    let mut receiver = Receiver::start(Mood::Silent).await;
    let app = start(&receiver).await;
    let names: Vec<_> = (0..1000).map(|number| format!("{number:032}")).collect();
    app.import(&names);
    let items: Vec<_> = names.iter().map(|to| json!({"To_Account": to})).collect();
    let add = json!({"From_Account": "id", "AddFriendItem": items});
    let delete = json!({"From_Account": "id", "DeleteType": "Delete_Type_Both"});
    for _ in 0..60 {
        assert_eq!(
            app.call("sns/friend_add", add.clone()).await.codes(),
            [0; 1000]
        );
        assert_eq!(
            app.call("sns/friend_delete_all", delete.clone())
                .await
                .error_code(),
            0
        );
    }

    receiver.set(Mood::Good);
    let mut bytes = 0;
    let mut events = 0;
    while let Ok(told) = tokio::time::timeout(Duration::from_secs(3), receiver.next()).await {
        bytes += told.text.len();
        events += 1;
    }
    // The event that was being sent was no longer in the queue, so another one fit.
    assert!(
        (8 << 20..17 << 20).contains(&bytes),
        "{events} events, {bytes} bytes"
    );
}

/// Eight clients add and delete the same pair. Adds and deletes alternate in the store, and so must
/// the events.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_about_one_pair_come_in_the_order_in_which_the_store_changed() {
    const CLIENTS: usize = 8;
    const CALLS: usize = 150;
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = Arc::new(start(&receiver).await);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let app = Arc::clone(&app);
        clients.spawn(async move {
            let mut changes = 0;
            for _ in 0..CALLS {
                let reply = match client % 2 {
                    0 => app.friend_add(add(&["id1"], 0)).await,
                    _ => app.call("sns/friend_delete", tos("id", &["id1"])).await,
                };
                changes += usize::from(reply.codes() == [0]);
            }
            changes
        });
    }
    let changes: usize = clients.join_all().await.into_iter().sum();

    assert!(
        changes > CALLS / 10,
        "the clients met too seldom: {changes}"
    );
    for number in 0..changes {
        let expected = match number % 2 {
            0 => "Sns.CallbackFriendAdd",
            _ => "Sns.CallbackFriendDelete",
        };
        assert_eq!(receiver.next().await.command(), expected, "event {number}");
    }
}
