//! Pages of lists that change between two pages: each page is a slice of the current list, in the
//! order in which its entries were added.

use super::steps::Dice;
use crate::harness::TestApp;
use serde_json::{Value, json};

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
    list.as_array().expect("a list").iter().map(name).collect()
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
    let app = TestApp::start().await;
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

#[tokio::test]
async fn a_page_of_the_blocklist_is_a_slice_of_the_list_as_it_is_now() {
    let app = TestApp::start().await;
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
