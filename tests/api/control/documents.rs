//! The document of an account: what is shown can be given back, and friends are mutual or not.

use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// The other accounts that a document names.
const OTHERS: [&str; 5] = ["u0", "u1", "u2", "u3", "u4"];

/// An object with some of these fields.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let field = |(name, value): (&'static str, BoxedStrategy<Value>)| {
        prop::option::of(value).prop_map(move |value| Some((name.to_owned(), value?)))
    };
    let fields: Vec<_> = fields.into_iter().map(field).collect();
    let some = |fields: Vec<Option<(String, Value)>>| fields.into_iter().flatten().collect();
    fields
        .prop_map(move |fields| Value::Object(some(fields)))
        .boxed()
}

fn text(pattern: &'static str) -> BoxedStrategy<Value> {
    pattern.prop_map(Value::from).boxed()
}

fn list(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    vec(of, 0..4).prop_map(Value::from).boxed()
}

fn time() -> BoxedStrategy<Value> {
    prop_oneof![Just(0), 1_700_000_000_i64..1_700_000_009, any::<i64>()]
        .prop_map(Value::from)
        .boxed()
}

/// Custom fields, by Tags with this prefix.
fn custom(prefix: &'static str) -> BoxedStrategy<Value> {
    let name = select(vec!["A", "Ab", "B", "a"]).prop_map(move |name| format!("{prefix}{name}"));
    let value = prop_oneof![text(".{0,9}"), any::<u64>().prop_map(Value::from)];
    let fields = btree_map(name, value, 0..4);
    fields
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
        .boxed()
}

/// A list of entries, each a UserID or an object with this key and some of these fields.
fn entries(
    key: &'static str,
    fields: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let names = subsequence(OTHERS.to_vec(), 0..=OTHERS.len()).prop_shuffle();
    let fields = vec(prop::option::of(object(fields)), OTHERS.len());
    let entry = move |(name, fields): (&str, Option<Value>)| match fields {
        Some(mut entry) => {
            entry[key] = name.into();
            entry
        }
        None => name.into(),
    };
    let entries = (names, fields).prop_map(move |(names, fields)| {
        names.into_iter().zip(fields).map(entry).collect::<Value>()
    });
    entries.boxed()
}

/// Documents of the account "me", with any field that a document can have.
fn documents() -> BoxedStrategy<Value> {
    let group = || text(".{1,7}");
    let source = || text("AddSource_Type_[A-Za-z]{1,8}");
    let number = || (0..=i32::MAX).prop_map(Value::from).boxed();
    let request = || {
        vec![
            ("add_time", time()),
            ("add_source", source()),
            ("add_wording", text(".{0,20}")),
            ("remark", text(".{0,20}")),
            ("groups", list(group())),
        ]
    };
    let profile = (custom("Tag_Profile_Custom_"), text(".{0,20}"), any::<u32>());
    let profile = profile.prop_map(|(mut profile, nick, level)| {
        profile["Tag_Profile_IM_Nick"] = nick;
        profile["Tag_Profile_IM_Level"] = level.into();
        profile
    });
    let mut friend = request();
    friend.extend([
        ("mutual", any::<bool>().prop_map(Value::from).boxed()),
        ("remark_time", time()),
        ("custom", custom("Tag_SNS_Custom_")),
    ]);
    let numbers = ["standard", "custom", "groups", "blocklist"];
    let sequences = vec(number(), 4).prop_map(move |values| {
        let numbers = numbers.map(str::to_owned).into_iter();
        Value::Object(numbers.zip(values).collect())
    });
    let minute = (time(), any::<u32>());
    let minute = minute.prop_map(|(since, requests)| json!({"since": since, "requests": requests}));
    object(vec![
        (
            "allow_type",
            text("AllowType_Type_(AllowAny|NeedConfirm|DenyAny)"),
        ),
        ("admin_forbid_type", text("AdminForbid_Type_(None|SendOut)")),
        ("profile", profile.boxed()),
        ("friends", entries("to", friend)),
        ("groups", list(group())),
        ("blocklist", entries("to", vec![("add_time", time())])),
        ("sent", entries("with", request())),
        ("received", entries("with", request())),
        ("sequences", sequences.boxed()),
        ("request_minute", minute.boxed()),
    ])
}

async fn app_with_custom_fields(control: &Control) -> MadeApp {
    let fields = ["B", "a", "Ab", "A"];
    let app = json!({"custom_friend_fields": fields, "custom_profile_fields": fields});
    control.create(app).await
}

/// Two documents after each other, so that the second one meets an account with any lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_account_that_is_put_is_what_is_got_and_changes_nothing_when_it_is_put_back() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    let run = async |wishes: Vec<Value>| {
        let made = app_with_custom_fields(&control).await;
        let (me, state) = (made.path("/accounts/me"), made.path("/state"));
        for wish in wishes {
            let put = control.put(&me, wish.clone()).await.ok();
            let got = control.get(&me).await.ok();
            assert_eq!(put, got, "{wish}");

            let before = control.get(&state).await.ok();
            assert_eq!(control.put(&me, got.clone()).await.ok(), got, "{wish}");
            assert_eq!(control.get(&state).await.ok(), before, "{wish}");
            control.put(&state, before.clone()).await.ok();
            assert_eq!(control.get(&state).await.ok(), before, "{wish}");

            let other = app_with_custom_fields(&control).await;
            control
                .put(&other.path("/state"), before.clone())
                .await
                .ok();
            let copied = control.get(&other.path("/state")).await.ok();
            assert_eq!(copied, before, "{wish}");
            control.delete(&other.path("")).await.ok();
        }
        control.delete(&made.path("")).await.ok();
    };

    let result = runner.run(&vec(documents(), 2), |wishes| {
        block_in_place(|| Handle::current().block_on(run(wishes)));
        Ok(())
    });

    result.expect("every document comes back");
}

/// Custom fields come in any order from Tencent's calls, and sorted from a document.
#[tokio::test]
async fn an_account_with_fields_that_tencents_calls_have_set_changes_nothing_when_it_is_put_back() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = app_with_custom_fields(&control).await;
    control
        .put(&made.path("/accounts/me"), json!({"friends": ["u0"]}))
        .await
        .ok();
    for name in ["a", "B", "A", "Ab", "B"] {
        let tag = format!("Tag_SNS_Custom_{name}");
        let body = json!({"From_Account": "me", "UpdateItem": [
            {"To_Account": "u0", "SnsItem": [{"Tag": tag, "Value": name}]},
        ]});
        assert_eq!(made.call("sns/friend_update", &body).await.codes(), [0]);
        let tag = format!("Tag_Profile_Custom_{name}");
        let body = json!({"From_Account": "me", "ProfileItem": [{"Tag": tag, "Value": name}]});
        let set = made.call("profile/portrait_set", &body).await;
        assert_eq!(set.error_code(), 0, "{}", set.text);
    }
    control
        .post(&made.path("/snapshots/s"), json!({}))
        .await
        .ok();
    let get = json!({"From_Account": "me", "StartIndex": 0});
    let before = made.call("sns/friend_get", &get).await.json;
    let state = control.get(&made.path("/state")).await.ok();

    let me = made.account("me").await;
    control.put(&made.path("/accounts/me"), me).await.ok();

    assert_eq!(control.get(&made.path("/state")).await.ok(), state);
    assert_eq!(made.call("sns/friend_get", &get).await.json, before);
    let diff = control.get(&made.path("/snapshots/s/diff")).await.ok();
    assert_eq!(diff["changed"], json!([]));
}

/// The friends of an account, each with the name and `mutual`.
async fn friends(made: &MadeApp, user: &str) -> Vec<(String, bool)> {
    let account = made.account(user).await;
    let friends = account["friends"].as_array().expect("a list").iter();
    let friend = |friend: &Value| {
        let to = friend["to"].as_str().expect("a UserID").to_owned();
        (to, friend["mutual"].as_bool().expect("always there"))
    };
    friends.map(friend).collect()
}

fn named(friends: &[(&str, bool)]) -> Vec<(String, bool)> {
    let named = friends.iter();
    named
        .map(|(to, mutual)| ((*to).to_owned(), *mutual))
        .collect()
}

#[tokio::test]
async fn a_friendship_is_one_way_and_says_so_unless_mutual_is_asked_for() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = control.create_with(&["bob"]).await;
    let ann = made.path("/accounts/ann");

    let one_way = control.put(&ann, json!({"friends": ["bob"]})).await.ok();
    assert_eq!(one_way["friends"][0]["mutual"], false);
    assert_eq!(friends(&made, "bob").await, []);

    let wish = json!({"friends": [
        {"to": "bob", "mutual": true, "add_time": 7, "remark": "B", "groups": ["g"],
            "add_source": "AddSource_Type_Web", "add_wording": "hi"},
        {"to": "new", "mutual": true},
        {"to": "cyd", "mutual": false},
    ]});
    control.put(&ann, wish).await.ok();

    let of_ann = named(&[("bob", true), ("new", true), ("cyd", false)]);
    assert_eq!(friends(&made, "ann").await, of_ann);
    // The reverse entry is as friend_add makes it: the remark and the groups are ann's own.
    let back = json!([{"to": "ann", "mutual": true, "add_time": 7,
        "add_source": "AddSource_Type_Web", "add_wording": "hi"}]);
    assert_eq!(made.account("bob").await["friends"], back);
    assert_eq!(friends(&made, "new").await, named(&[("ann", true)]));
    assert_eq!(friends(&made, "cyd").await, []);

    // An entry that is there stays, and so does the entry of a friend who is left out.
    let bob = made.path("/accounts/bob");
    let remark = json!({"friends": [{"to": "ann", "remark": "A"}]});
    control.put(&bob, remark).await.ok();
    let again = json!({"friends": [{"to": "bob", "mutual": true}]});
    control.put(&ann, again).await.ok();
    assert_eq!(made.account("bob").await["friends"][0]["remark"], "A");
    assert_eq!(friends(&made, "new").await, named(&[("ann", false)]));
}

#[tokio::test]
async fn mutual_is_the_same_in_a_state_an_answer_to_a_request_and_a_created_app() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let accounts = json!({
        "ann": {"friends": [{"to": "bob", "mutual": true}, "cyd"]},
        "bob": {"friends": ["cyd"]},
        "cyd": {"friends": ["ann"]},
    });
    let state = json!({"version": 1, "accounts": accounts});
    let of_state = control.create_with(&[]).await;
    control.put(&of_state.path("/state"), state).await.ok();
    let created = control.create(json!({ "accounts": accounts })).await;
    for made in [&of_state, &created] {
        let of_ann = named(&[("bob", true), ("cyd", true)]);
        assert_eq!(friends(made, "ann").await, of_ann);
        let of_bob = named(&[("cyd", false), ("ann", true)]);
        assert_eq!(friends(made, "bob").await, of_bob);
        let state = control.get(&made.path("/state")).await.ok();
        let user = |user: &str| state["accounts"][user].clone();
        assert_eq!(user("ann"), made.account("ann").await);
        assert_eq!(user("bob"), made.account("bob").await);
    }

    let deleted = control.delete(&created.path("/accounts/ann")).await.ok();
    let mutual = |friend: usize| &deleted["friends"][friend]["mutual"];
    assert_eq!([mutual(0), mutual(1)], [true, true]);
}

/// In an entry, a misspelt or invalid `mutual` is named.
#[tokio::test]
async fn mutual_is_true_or_false() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    for (entry, pointer) in [
        (json!({"to": "b", "mutual": "yes"}), "/friends/0/mutual"),
        (json!({"to": "b", "mutal": true}), "/friends/0/mutal"),
    ] {
        let put = control
            .put(&made.path("/accounts/a"), json!({"friends": [entry]}))
            .await;
        assert_eq!(put.faults(422)[0].0, pointer);
    }
    let blocked = json!({"blocklist": [{"to": "b", "mutual": true}]});
    let put = control.put(&made.path("/accounts/a"), blocked).await;
    assert_eq!(put.faults(422)[0].0, "/blocklist/0/mutual");
    let accounts = control.get(&made.path("/accounts")).await.ok();
    assert_eq!(accounts["total"], 1);
}
