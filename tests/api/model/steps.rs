//! Random steps: calls of every command with a few accounts. Some accounts and fields are invalid.

use serde_json::{Map, Value, json};

/// The accounts, and one that is imported in only a few steps.
pub(super) const NAMES: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];
const STRANGER: &str = "fay";

const ALLOW_TYPES: [&str; 3] = [
    "AllowType_Type_AllowAny",
    "AllowType_Type_NeedConfirm",
    "AllowType_Type_DenyAny",
];
const FORBID_TYPES: [&str; 2] = ["AdminForbid_Type_None", "AdminForbid_Type_SendOut"];
const GROUPS: [&str; 4] = ["work", "home", "club", "chess"];

/// A random number generator with a seed: splitmix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn one_in(&mut self, sides: u64) -> bool {
        self.next().is_multiple_of(sides)
    }

    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let length = u64::try_from(list.len()).expect("a short list");
        list[usize::try_from(self.next() % length).expect("an index")]
    }
}

/// The steps of a seed: first the accounts are imported and get profiles; then random calls follow.
pub(crate) fn steps(seed: u64, count: usize) -> Vec<Value> {
    let mut dice = Dice(seed);
    let mut steps: Vec<_> = NAMES.iter().map(|name| import(name, &mut dice)).collect();
    for name in NAMES {
        steps.push(step("profile/portrait_set", portrait(name, &mut dice)));
    }
    while steps.len() < count {
        steps.push(any(&mut dice));
    }
    steps
}

fn step(command: &str, body: Value) -> Value {
    json!({"call": command, "body": body})
}

fn any(dice: &mut Dice) -> Value {
    let from = if dice.one_in(40) {
        STRANGER
    } else {
        dice.pick(&NAMES)
    };
    match dice.next() % 40 {
        0..10 => step("sns/friend_add", friend_add(dice)),
        10..14 => step("sns/friend_import", friend_import(from, dice)),
        14..18 => step("sns/friend_update", friend_update(from, dice)),
        18..20 => {
            let mut body = tos(from, dice);
            delete_type(&mut body, dice);
            step("sns/friend_delete", body)
        }
        20 if dice.one_in(2) => {
            let mut body = json!({"From_Account": from});
            delete_type(&mut body, dice);
            step("sns/friend_delete_all", body)
        }
        20..23 => step("sns/black_list_add", tos(from, dice)),
        23..25 => step("sns/black_list_delete", tos(from, dice)),
        25..27 => {
            let mut body = json!({"From_Account": from, "GroupName": groups(dice)});
            if !dice.one_in(3) {
                body["To_Account"] = tos(from, dice)["To_Account"].take();
            }
            step("sns/group_add", body)
        }
        27 => step(
            "sns/group_delete",
            json!({"From_Account": from, "GroupName": groups(dice)}),
        ),
        28 if dice.one_in(2) => {
            let gone = if dice.one_in(3) {
                STRANGER
            } else {
                dice.pick(&NAMES)
            };
            step(
                "im_open_login_svc/account_delete",
                json!({"DeleteItem": [{"UserID": gone}]}),
            )
        }
        28..30 => {
            let name = if dice.one_in(4) {
                STRANGER
            } else {
                dice.pick(&NAMES)
            };
            import(name, dice)
        }
        30..33 => step("profile/portrait_set", portrait(from, dice)),
        _ => look(from, dice),
    }
}

/// A command that only reads.
fn look(from: &str, dice: &mut Dice) -> Value {
    match dice.next() % 8 {
        0 => {
            let sequence = dice.next() % 6;
            let body = json!({"From_Account": from, "StartIndex": dice.next() % 3,
                "StandardSequence": sequence, "CustomSequence": dice.next() % 2});
            step("sns/friend_get", body)
        }
        1 => {
            let mut body = tos(from, dice);
            let tags = [
                "Tag_SNS_Custom_Test",
                "Tag_Profile_IM_Nick",
                "Tag_SNS_IM_Group",
                "Tag_SNS_IM_Remark",
            ];
            body["TagList"] = tags.iter().filter(|_| !dice.one_in(3)).copied().collect();
            step("sns/friend_get_list", body)
        }
        2 => {
            let mut body = tos(from, dice);
            body["CheckType"] = dice
                .pick(&["CheckResult_Type_Single", "CheckResult_Type_Both"])
                .into();
            step("sns/friend_check", body)
        }
        3 => {
            let mut body = tos(from, dice);
            let types = ["BlackCheckResult_Type_Single", "BlackCheckResult_Type_Both"];
            body["CheckType"] = dice.pick(&types).into();
            step("sns/black_list_check", body)
        }
        4 => {
            let body = json!({"From_Account": from, "StartIndex": dice.next() % 3,
                "MaxLimited": 1 + dice.next() % 2, "LastSequence": 0});
            step("sns/black_list_get", body)
        }
        5 => {
            let mut body = json!({"From_Account": from});
            if dice.one_in(2) {
                body["NeedFriend"] = "Need_Friend_Type_Yes".into();
            }
            if dice.one_in(2) {
                body["GroupName"] = groups(dice);
            }
            step("sns/group_get", body)
        }
        6 => {
            let items: Vec<_> = NAMES.iter().map(|name| json!({"UserID": name})).collect();
            step(
                "im_open_login_svc/account_check",
                json!({"CheckItem": items}),
            )
        }
        _ => {
            let tags = [
                "Tag_Profile_IM_Nick",
                "Tag_Profile_IM_AllowType",
                "Tag_Profile_IM_AdminForbidType",
            ];
            step(
                "profile/portrait_get",
                json!({"To_Account": [from, STRANGER], "TagList": tags}),
            )
        }
    }
}

fn import(name: &str, dice: &mut Dice) -> Value {
    let mut body = json!({"UserID": name});
    if dice.one_in(2) {
        body["Nick"] = dice.pick(&["", "N", "Nick"]).into();
    }
    step("im_open_login_svc/account_import", body)
}

fn portrait(name: &str, dice: &mut Dice) -> Value {
    let forbid = if dice.one_in(8) {
        FORBID_TYPES[1]
    } else {
        FORBID_TYPES[0]
    };
    json!({"From_Account": name, "ProfileItem": [
        {"Tag": "Tag_Profile_IM_AllowType", "Value": dice.pick(&ALLOW_TYPES)},
        {"Tag": "Tag_Profile_IM_AdminForbidType", "Value": forbid},
    ]})
}

fn delete_type(body: &mut Value, dice: &mut Dice) {
    match dice.next() % 4 {
        0 => body["DeleteType"] = "Delete_Type_Single".into(),
        1 | 2 => body["DeleteType"] = "Delete_Type_Both".into(),
        _ => {}
    }
}

/// One to three accounts. A few are From_Account itself, not imported, or not UserIDs.
fn tos(from: &str, dice: &mut Dice) -> Value {
    let tos: Vec<_> = (0..=dice.next() % 3).map(|_| to(from, dice)).collect();
    json!({"From_Account": from, "To_Account": tos})
}

fn to(from: &str, dice: &mut Dice) -> String {
    match dice.next() % 40 {
        0 => from.to_owned(),
        1 => dice.pick(&["", "é", "a\tb"]).to_owned(),
        2 => "x".repeat(33),
        3 => STRANGER.to_owned(),
        _ => dice.pick(&NAMES).to_owned(),
    }
}

/// One or two names.
fn groups(dice: &mut Dice) -> Value {
    (0..=dice.next() % 2).map(|_| dice.pick(&GROUPS)).collect()
}

fn friend_import(from: &str, dice: &mut Dice) -> Value {
    let items: Vec<_> = (0..=dice.next() % 3)
        .map(|_| {
            let mut item = json!({"To_Account": to(from, dice), "AddSource": "AddSource_Type_Web"});
            match dice.next() % 12 {
                0 => item["AddSource"] = Value::Null,
                1 => item["Remark"] = "友".repeat(33).into(),
                2 => item["GroupName"] = json!(["g".repeat(31)]),
                3 => item["GroupName"] = json!(["work", "home", "club"]),
                4 => item["CustomItem"] = json!([{"Tag": "Tag_SNS_Custom_Nope", "Value": "x"}]),
                5..8 => item["GroupName"] = groups(dice),
                _ => {}
            }
            if dice.one_in(3) {
                item["Remark"] = dice.pick(&["", "pal", "😀"]).into();
            }
            if dice.one_in(3) {
                item["AddTime"] = (1_420_000_000 + dice.next() % 9).into();
            }
            if dice.one_in(4) && item.get("CustomItem").is_none() {
                let value = dice.pick(&["x", "y"]);
                item["CustomItem"] = json!([{"Tag": "Tag_SNS_Custom_Test", "Value": value}]);
            }
            item
        })
        .collect();
    json!({"From_Account": from, "AddFriendItem": items})
}

fn friend_update(from: &str, dice: &mut Dice) -> Value {
    let items: Vec<_> = (0..=dice.next() % 2)
        .map(|_| {
            let fields: Vec<_> = (0..=dice.next() % 2)
                .map(|_| {
                    let (tag, value) = match dice.next() % 14 {
                        0 => ("Tag_SNS_IM_AddTime", json!(1)),
                        1 => ("Tag_SNS_IM_Remark", json!("友".repeat(33))),
                        2 => ("Tag_SNS_Custom_Test", json!(["x"])),
                        3 => ("Tag_SNS_IM_Group", json!(["work", "home", "club"])),
                        4 => ("Tag_SNS_IM_Group", json!([])),
                        5 => ("Tag_SNS_Custom_Test", json!("")),
                        6..8 => ("Tag_SNS_Custom_Test", json!(dice.next() % 3)),
                        8..11 => ("Tag_SNS_IM_Group", groups(dice)),
                        _ => ("Tag_SNS_IM_Remark", json!(dice.pick(&["", "pal", "mate"]))),
                    };
                    json!({"Tag": tag, "Value": value})
                })
                .collect();
            json!({"To_Account": to(from, dice), "SnsItem": fields})
        })
        .collect();
    json!({"From_Account": from, "UpdateItem": items})
}

fn friend_add(dice: &mut Dice) -> Value {
    let mut body = Map::new();
    let from = if dice.one_in(30) {
        STRANGER
    } else {
        dice.pick(&NAMES)
    };
    body.insert("From_Account".into(), from.into());
    let items = (0..=dice.next() % 4).map(|_| item(from, dice)).collect();
    body.insert("AddFriendItem".into(), Value::Array(items));
    let add_types = [
        Value::Null,
        "".into(),
        "Add_Type_Single".into(),
        "Add_Type_Both".into(),
    ];
    if !dice.one_in(3) {
        let at = dice.pick(&[0, 1, 2, 2, 2, 3]);
        body.insert("AddType".into(), add_types[at].clone());
    }
    if !dice.one_in(3) {
        body.insert("ForceAddFlags".into(), dice.pick(&[0, 0, 1]).into());
    }
    Value::Object(body)
}

/// An item: an account, and texts. A few texts are too long.
fn item(from: &str, dice: &mut Dice) -> Value {
    let to = to(from, dice);
    let mut item = Map::new();
    item.insert("To_Account".into(), to.into());
    let mut say = |key: &str, usual: &[&str], too_long: String| {
        let text = match dice.next() % 30 {
            0 => too_long.into(),
            1 => Value::Null,
            2 => "".into(),
            3..15 => dice.pick(usual).into(),
            _ => return,
        };
        item.insert(key.into(), text);
    };
    let (longest, longer) = ("友".repeat(32), "友".repeat(32) + "x");
    say("Remark", &["pal", "😀", &longest], longer);
    say(
        "GroupName",
        &["work", "home", "club", "chess"],
        "g".repeat(31),
    );
    let sources = ["AddSource_Type_Web", "AddSource_Type_XXXXXXXX"];
    say("AddSource", &sources, "AddSource_Type_XXXXXXXXX".into());
    say("AddWording", &["hello", "I'm Test1"], "w".repeat(257));
    Value::Object(item)
}
