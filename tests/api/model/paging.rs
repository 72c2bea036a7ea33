//! Pages of lists that change between two pages: each page is a slice of the current list, in the
//! order in which its entries were added.

use super::steps::Dice;
use crate::harness::{APP, TestApp};
use serde_json::{Map, Value, json};

/// The expected page of a list, and the start of the next page.
fn slice(list: &[String], start: usize, count: usize) -> (Vec<String>, usize) {
    let page: Vec<_> = list.iter().skip(start).take(count).cloned().collect();
    let next = if start + count < list.len() {
        start + count
    } else {
        0
    };
    (page, next)
}

fn accounts(list: &Value) -> Vec<String> {
    let name = |item: &Value| item["To_Account"].as_str().expect("a name").to_owned();
    list.as_array().into_iter().flatten().map(name).collect()
}

/// One to twenty names. Some can be on the list already.
fn some(names: &[String], dice: &mut Dice) -> Vec<String> {
    let count = 1 + dice.next() % 20;
    let mut some: Vec<String> = Vec::new();
    for _ in 0..count {
        let at = usize::try_from(dice.next()).unwrap_or_default() % names.len();
        if !some.contains(&names[at]) {
            some.push(names[at].clone());
        }
    }
    some
}

#[tokio::test]
async fn a_page_of_friends_is_a_slice_of_the_list_as_it_is_now() {
    let app = TestApp::start_held().await;
    let names: Vec<_> = (0..400).map(|number| format!("u{number}")).collect();
    app.import(&names);
    let mut dice = Dice(11);
    let mut list: Vec<String> = names[..350].to_vec();
    let import = |tos: &[String]| {
        let item = |to: &String| json!({"To_Account": to, "AddSource": "AddSource_Type_Web"});
        json!({"From_Account": "id", "AddFriendItem": tos.iter().map(item).collect::<Vec<_>>()})
    };
    app.call("sns/friend_import", import(&list)).await;
    let mut changes = list.len();
    let mut start = 0;
    for _ in 0..120 {
        let tos = some(&names, &mut dice);
        match dice.next() % 3 {
            0 => {
                let new = tos.iter().filter(|to| !list.contains(to)).cloned();
                list.extend(new.collect::<Vec<_>>());
                changes += tos.len();
                app.call("sns/friend_import", import(&tos)).await;
            }
            1 => {
                let before = list.len();
                list.retain(|name| !tos.contains(name));
                changes += before - list.len();
                let body = json!({"From_Account": "id", "To_Account": tos});
                app.call("sns/friend_delete", body).await;
            }
            _ => {}
        }
        let body = json!({"From_Account": "id", "StartIndex": start});

        let answer = app.call("sns/friend_get", body).await.json;

        let (page, next) = slice(&list, start, 100);
        assert_eq!(accounts(&answer["UserDataItem"]), page, "from {start}");
        assert_eq!(answer["NextStartIndex"], next);
        assert_eq!(answer["CompleteFlag"], i32::from(next == 0));
        assert_eq!(answer["FriendNum"], list.len());
        assert_eq!(answer["StandardSequence"], changes);
        start = next;
    }
}

/// Puts an app's 250 friends of "id" in place, in one of three ways, and returns their names.
async fn befriend_250(app: &TestApp, way: &str) -> Vec<String> {
    let names: Vec<_> = (0..250).map(|number| format!("u{number}")).collect();
    app.import(&names);
    let control = app.control();
    let app_path = format!("/apps/{APP}");
    match way {
        "import" => {
            let item = |to: &String| json!({"To_Account": to, "AddSource": "AddSource_Type_Web"});
            let items: Vec<_> = names.iter().map(item).collect();
            let body = json!({"From_Account": "id", "AddFriendItem": items});
            app.arrange("sns/friend_import", body).await;
        }
        "account" => {
            let body = json!({ "friends": names });
            let path = format!("{app_path}/accounts/id");
            control.put(&path, body).await.ok();
        }
        _ => {
            let mut accounts: Map<String, Value> = Map::new();
            accounts.extend(names.iter().map(|name| (name.clone(), json!({}))));
            accounts.insert("id".to_owned(), json!({ "friends": names }));
            let state = json!({"version": 1, "accounts": accounts});
            control.put(&format!("{app_path}/state"), state).await.ok();
        }
    }
    names
}

#[tokio::test]
async fn every_way_to_page_gets_all_friends_however_they_were_added() {
    for way in ["import", "account", "state"] {
        let app = TestApp::start_held().await;
        let names = befriend_250(&app, way).await;
        // The sequences of the first call, and whether later calls send those of the first answer.
        for (first, sends_answered) in [
            (json!({}), false),
            (json!({}), true),
            (json!({"StandardSequence": 0, "CustomSequence": 0}), false),
            (json!({"StandardSequence": 0, "CustomSequence": 0}), true),
            (
                json!({"StandardSequence": null, "CustomSequence": ""}),
                true,
            ),
            (json!({"StandardSequence": 0}), true),
        ] {
            let (mut got, mut start, mut sequences) = (Vec::new(), 0, first.clone());
            loop {
                let mut body = sequences.clone();
                body["From_Account"] = "id".into();
                body["StartIndex"] = start.into();
                let answer = app.call("sns/friend_get", body).await.json;
                let page = accounts(&answer["UserDataItem"]);
                let tags = answer["UserDataItem"][0]["ValueItem"].as_array();
                assert!(tags.is_some_and(|tags| !tags.is_empty()), "{way} {first}");
                got.extend(page);
                if sends_answered {
                    sequences = json!({
                        "StandardSequence": answer["StandardSequence"],
                        "CustomSequence": answer["CustomSequence"],
                    });
                }
                start = answer["NextStartIndex"].as_u64().expect("a number");
                if answer["CompleteFlag"] != 0 {
                    break;
                }
            }
            assert_eq!(got, names, "{way} {first} {sends_answered}");
        }
    }
}

#[tokio::test]
async fn only_a_client_with_the_current_sequences_is_told_nothing_new() {
    for way in ["import", "account", "state"] {
        let app = TestApp::start_held().await;
        befriend_250(&app, way).await;
        let ask = async |standard: &Value, custom: &Value, start: u32| {
            let body = json!({"From_Account": "id", "StartIndex": start, "StandardSequence": standard, "CustomSequence": custom});
            app.call("sns/friend_get", body).await.json
        };
        let first = ask(&json!(0), &json!(0), 0).await;
        let (standard, custom) = (&first["StandardSequence"], &first["CustomSequence"]);
        assert!(standard.as_u64() > Some(0), "{way}: {standard}");

        // No friend has a custom field, so an import leaves CustomSequence at 0, which never matches.
        let again = ask(standard, custom, 0).await;
        if custom.as_u64() > Some(0) {
            assert_eq!(again["UserDataItem"], json!([]), "{way}");
        } else {
            assert_eq!(again["UserDataItem"][0]["ValueItem"], json!([]), "{way}");
        }
        assert_eq!(again["FriendNum"], 250);

        // A change is told, also a change by the control API.
        let account = format!("/apps/{APP}/accounts/id");
        let control = app.control();
        let put = json!({"friends": ["u1"], "blocklist": ["u2"], "groups": ["g"]});
        control.put(&account, put.clone()).await.ok();
        let changed = ask(standard, custom, 0).await;
        assert_eq!(accounts(&changed["UserDataItem"]), ["u1"], "{way}");
        // The same again is no change.
        let before = control.get(&account).await.ok();
        control.put(&account, put).await.ok();
        let after = control.get(&account).await.ok();
        assert_eq!(after["sequences"], before["sequences"], "{way}");
        let of_lists = ["groups", "blocklist"].map(|list| after["sequences"][list].as_u64());
        assert!(
            of_lists.iter().all(|sequence| *sequence > Some(0)),
            "{after}"
        );
    }
}

/// A client that knows the sequences of one state learns of the next one. No friend has a custom field,
/// so CustomSequence stays.
#[tokio::test]
async fn each_state_that_is_put_moves_the_sequences_on() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let mut known = json!({"StandardSequence": 0, "CustomSequence": 0});
    for friend in ["u1", "u2", "u1", "u3"] {
        let graph = json!({"id": {"friends": [friend]}, "u1": {}, "u2": {}, "u3": {}});
        let state = json!({"version": 1, "accounts": graph});
        let path = format!("/apps/{APP}/state");
        control.put(&path, state).await.ok();
        let mut body = known.clone();
        body["From_Account"] = "id".into();
        body["StartIndex"] = 0.into();

        let answer = app.call("sns/friend_get", body).await.json;

        assert_eq!(accounts(&answer["UserDataItem"]), [friend]);
        let (is, was) = (&answer["StandardSequence"], &known["StandardSequence"]);
        assert_eq!(is.as_u64(), was.as_u64().map(|was| was + 1));
        assert_eq!(answer["CustomSequence"], 0);
        known["StandardSequence"] = is.clone();
    }
}

#[tokio::test]
async fn a_page_of_the_blocklist_is_a_slice_of_the_list_as_it_is_now() {
    let app = TestApp::start_held().await;
    let names: Vec<_> = (0..80).map(|number| format!("u{number}")).collect();
    app.import(&names);
    let mut dice = Dice(12);
    let mut list: Vec<String> = Vec::new();
    let (mut changes, mut start) = (0, 0);
    for _ in 0..150 {
        let tos = some(&names, &mut dice);
        let body = json!({"From_Account": "id", "To_Account": tos});
        let before = list.len();
        if dice.one_in(3) {
            list.retain(|name| !tos.contains(name));
            app.call("sns/black_list_delete", body).await;
        } else {
            let new = tos.iter().filter(|to| !list.contains(to)).cloned();
            list.extend(new.collect::<Vec<_>>());
            app.call("sns/black_list_add", body).await;
        }
        changes += before.abs_diff(list.len());
        let count = usize::try_from(1 + dice.next() % 30).expect("small");
        let body = json!({"From_Account": "id", "StartIndex": start, "MaxLimited": count, "LastSequence": 0});

        let answer = app.call("sns/black_list_get", body).await.json;

        let (page, next) = slice(&list, start, count);
        assert_eq!(
            accounts(&answer["BlackListItem"]),
            page,
            "{count} from {start}"
        );
        assert_eq!(answer["StartIndex"], next);
        assert_eq!(answer["CurrentSequence"], changes);
        start = next;
    }
}
