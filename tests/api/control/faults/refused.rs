//! Faults that can never fire are rejected: the answer says why, and names the field.

use super::{Bench, End, friend_check};
use serde_json::{Value, json};

/// A fault and its invalid fields: the pointer, and a part of the text.
type Case = (Value, &'static [(&'static str, &'static str)]);

const NO_WAY: &str = "must have exactly one kind of failure: code, result_code, delay_ms";

fn scopes() -> Vec<Case> {
    vec![
        (
            json!({"code": 30008, "command": "friend_ad"}),
            &[("/command", "is unknown; did you mean friend_add?")],
        ),
        (
            json!({"code": 30008, "command": "sns/friend_chek"}),
            &[("/command", "is unknown; did you mean friend_check?")],
        ),
        (
            json!({"code": 30008, "command": "openim/friend_check"}),
            &[("/command", "is unknown; did you mean friend_check?")],
        ),
        (
            json!({"code": 30008, "command": "zzz"}),
            &[("/command", "is unknown")],
        ),
        (
            json!({"code": 30008, "sdkappid": 1}),
            &[("/sdkappid", "is not an existing app")],
        ),
        (
            json!({"code": 30008, "item": 1000}),
            &[("/item", "at most 1000 items")],
        ),
        (
            json!({"code": 30008, "item": 1000, "command": "friend_add"}),
            &[("/item", "at most 1000 items")],
        ),
        (
            json!({"code": 70500, "item": 1, "command": "account_import"}),
            &[("/item", "at most 1 item")],
        ),
        (
            json!({"code": 70500, "item": 100, "command": "multiaccount_import"}),
            &[("/item", "at most 100 items")],
        ),
        (
            json!({"code": 70500, "item": 100, "command": "account_delete"}),
            &[("/item", "at most 100 items")],
        ),
        (
            json!({"code": 70500, "item": 100, "command": "account_check"}),
            &[("/item", "at most 100 items")],
        ),
        (
            json!({"code": 40006, "item": 100, "command": "portrait_get"}),
            &[("/item", "at most 100 items")],
        ),
        (json!({"code": 30008, "item": -1}), &[("/item", "")]),
        (
            json!({"code": 30008, "from_account": ""}),
            &[("/from_account", "")],
        ),
        (
            json!({"code": 30008, "to_account": 7}),
            &[(
                "/to_account",
                "should be a UserID, 1 to 32 bytes of printable ASCII; give \"7\", in quotes",
            )],
        ),
    ]
}

fn rules() -> Vec<Case> {
    vec![
        (
            json!({"code": 30008, "times": 0}),
            &[("/times", "an integer of at least 1")],
        ),
        (json!({"code": 30008, "skip": -1}), &[("/skip", "")]),
        (
            json!({"code": 30008, "probability": 0}),
            &[("/probability", "above 0")],
        ),
        (
            json!({"code": 30008, "probability": -0.5}),
            &[("/probability", "above 0")],
        ),
        (
            json!({"code": 30008, "probability": 1.1}),
            &[("/probability", "should be a number of at most 1")],
        ),
        (
            json!({"code": 30008, "seed": 7}),
            &[("/seed", "has no effect without probability")],
        ),
        (
            json!({"code": 30008, "tmes": 1}),
            &[("/tmes", "did you mean times?")],
        ),
        (json!({"delay": 5}), &[("/delay", "did you mean delay_ms?")]),
        (
            json!({"commit_then": {"resultcode": 30007}}),
            &[("/commit_then/resultcode", "did you mean result_code?")],
        ),
    ]
}

fn ways() -> Vec<Case> {
    vec![
        (json!({}), &[("", NO_WAY)]),
        (
            json!({"command": "friend_add", "times": 1}),
            &[("", NO_WAY)],
        ),
        (json!({"close": false}), &[("", NO_WAY)]),
        (json!({"commit_then": {}}), &[("/commit_then", NO_WAY)]),
        (json!({"code": 30008, "close": true}), &[("", NO_WAY)]),
        (
            json!({"result_code": 30007, "delay_ms": 1}),
            &[("", NO_WAY)],
        ),
        (
            json!({"truncate": true, "malformed": true}),
            &[("", NO_WAY)],
        ),
        (
            json!({"commit_then": {"http_status": 502, "code": 30008}}),
            &[("/commit_then", NO_WAY)],
        ),
        (
            json!({"code": 30008, "commit_then": {"close": true}}),
            &[("/commit_then", "leave them out")],
        ),
        (
            json!({"commit_then": {"commit_then": {"close": true}}}),
            &[("/commit_then/commit_then", "is unknown")],
        ),
        (
            json!({"delay_ms": 0}),
            &[("/delay_ms", "an integer from 1 to")],
        ),
        (
            json!({"delay_ms": 600_001}),
            &[("/delay_ms", "from 1 to 600000")],
        ),
        (
            json!({"http_status": 200}),
            &[("/http_status", "an integer from 400 to 599")],
        ),
        (
            json!({"http_status": 399}),
            &[("/http_status", "an integer from 400 to 599")],
        ),
        (
            json!({"http_status": 600}),
            &[("/http_status", "from 400 to 599")],
        ),
        (
            json!({"http_status": 700}),
            &[("/http_status", "from 400 to 599")],
        ),
        (
            json!({"commit_then": {"http_status": 200}}),
            &[("/commit_then/http_status", "an integer from 400 to 599")],
        ),
        (
            json!({"close": "yes"}),
            &[("/close", "should be true or false")],
        ),
    ]
}

fn codes() -> Vec<Case> {
    vec![
        (json!({"code": 0}), &[("/code", "is not an ErrorCode")]),
        (json!({"code": "Ok"}), &[("/code", "is not an ErrorCode")]),
        (json!({"code": 12345}), &[("/code", "is unknown")]),
        (
            json!({"code": "friendexist"}),
            &[("/code", "did you mean FriendExist?")],
        ),
        (
            json!({"code": 30525}),
            &[(
                "/code",
                "InPeerBlocklist is the outcome of an item; use result_code",
            )],
        ),
        (
            json!({"code": "FriendExist"}),
            &[(
                "/code",
                "FriendExist is the outcome of an item; use result_code",
            )],
        ),
        (
            json!({"commit_then": {"code": 31704}}),
            &[("/commit_then/code", "use result_code")],
        ),
        (
            json!({"result_code": 30004}),
            &[(
                "/result_code",
                "NotAdmin is the outcome of a whole call; use code",
            )],
        ),
        (
            json!({"result_code": "SnsDecode"}),
            &[(
                "/result_code",
                "SnsDecode is the outcome of a whole call; use code",
            )],
        ),
        (
            json!({"commit_then": {"result_code": 40001}}),
            &[("/commit_then/result_code", "use code")],
        ),
        (
            json!({"result_code": 0}),
            &[("/result_code", "is not a ResultCode")],
        ),
        (
            json!({"result_code": 12345}),
            &[("/result_code", "is unknown")],
        ),
        (
            json!({"result_code": "30525"}),
            &[("/result_code", "give 30525 without quotes")],
        ),
        (
            json!({"result_code": 60007}),
            &[("/result_code", "is not a ResultCode")],
        ),
        (
            json!({"result_code": "TooManyCalls"}),
            &[("/result_code", "is not a ResultCode")],
        ),
        (
            json!({"result_code": 70003}),
            &[("/result_code", "is not a ResultCode")],
        ),
        (
            json!({"commit_then": {"code": 0}}),
            &[("/commit_then/code", "is not an ErrorCode")],
        ),
        (
            json!({"commit_then": {"result_code": 60007}}),
            &[("/commit_then/result_code", "is not a ResultCode")],
        ),
    ]
}

/// Each command, and whether it has a From_Account, names other accounts, gives each item a result,
/// and supports `result_code` in `commit_then`.
const COMMANDS: [(&str, [bool; 4]); 21] = [
    ("friend_add", [true, true, true, true]),
    ("friend_import", [true, true, true, true]),
    ("friend_update", [true, true, true, true]),
    ("friend_delete", [true, true, true, true]),
    ("friend_delete_all", [true, false, false, false]),
    ("friend_check", [true, true, true, true]),
    ("friend_get", [true, false, false, false]),
    ("friend_get_list", [true, true, true, true]),
    ("black_list_add", [true, true, true, true]),
    ("black_list_delete", [true, true, true, true]),
    ("black_list_get", [true, false, false, false]),
    ("black_list_check", [true, true, true, true]),
    ("group_add", [true, true, true, true]),
    ("group_delete", [true, false, false, false]),
    ("group_get", [true, false, false, false]),
    ("account_import", [false, true, false, false]),
    ("multiaccount_import", [false, true, false, false]),
    ("account_delete", [false, true, true, false]),
    ("account_check", [false, true, false, false]),
    ("portrait_set", [true, false, false, false]),
    ("portrait_get", [false, true, true, false]),
];

#[tokio::test]
async fn what_can_never_fire_is_refused_with_the_reason_and_its_place() {
    let bench = Bench::start().await;
    for (fault, wrong) in [scopes(), rules(), ways(), codes()].concat() {
        let answer = bench.control.post("/faults", fault.clone()).await;

        let found = answer.faults(422);
        assert_eq!(found.len(), wrong.len(), "{fault}: {found:?}");
        for ((at, what), (pointer, part)) in found.iter().zip(wrong) {
            assert_eq!(at, pointer, "{fault}: {what}");
            assert!(what.contains(part) && !what.is_empty(), "{fault}: {what}");
        }
        assert!(bench.counts().await.is_empty(), "{fault} is armed");
    }
}

#[tokio::test]
async fn a_scope_that_a_command_never_has_is_refused_and_any_other_is_armed() {
    let bench = Bench::start().await;
    for (command, [from, others, items, done_items]) in COMMANDS {
        let of = |fault: Value| super::merged(fault, json!({"command": command}));
        let cases = [
            (
                json!({"code": 30008, "from_account": "id"}),
                from,
                "/from_account",
            ),
            (
                json!({"code": 30008, "to_account": "a"}),
                others,
                "/to_account",
            ),
            (json!({"code": 30008, "item": 0}), others, "/item"),
            (json!({"result_code": 30007}), items, "/result_code"),
            (
                json!({"commit_then": {"result_code": 30007}}),
                done_items,
                "/commit_then/result_code",
            ),
        ];
        for (fault, is_met, pointer) in cases {
            let answer = bench.control.post("/faults", of(fault.clone())).await;
            match is_met {
                true => assert_eq!(answer.status, 201, "{command} {fault}: {}", answer.text),
                false => {
                    let found = answer.faults(422);
                    let [(at, what)] = &found[..] else {
                        panic!("{command} {fault}: {found:?}")
                    };
                    assert_eq!(at, pointer, "{command} {fault}");
                    assert!(what.contains(command), "{fault}: {what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_fault_is_said_at_once() {
    let bench = Bench::start().await;
    let fault = json!({
        "sdkappid": 1, "command": "friend_get", "from_account": "id", "to_account": "a",
        "item": 1000, "probability": 0, "result_code": 0, "close": true,
    });
    let mut found = bench.control.post("/faults", fault).await.faults(422);
    found.sort();
    let places: Vec<_> = found.iter().map(|(at, _)| at.as_str()).collect();
    let wanted = [
        "",
        "/item",
        "/item",
        "/probability",
        "/result_code",
        "/result_code",
        "/sdkappid",
        "/to_account",
    ];
    assert_eq!(places, wanted, "{found:?}");

    let fault = json!({"tmes": 1, "http_status": 200, "delay_ms": 0, "times": 0, "comand": "x"});
    let mut found = bench.control.post("/faults", fault).await.faults(422);
    found.sort();
    let places: Vec<_> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(
        places,
        ["/comand", "/delay_ms", "/http_status", "/times", "/tmes"]
    );
}

#[tokio::test]
async fn one_bad_fault_of_a_set_arms_none_and_keeps_the_old_ones() {
    let bench = Bench::start().await;
    bench.arm(json!({"code": 30008, "times": 3})).await;
    bench
        .call("sns/friend_check", &friend_check("id", &["a"]))
        .await;
    let before = bench.control.get("/faults").await.ok();
    let good = json!({"close": true});
    for at in 0..3 {
        let mut set = vec![good.clone(); 3];
        set[at] = json!({"code": 0, "seed": 1});
        let found = bench.control.put("/faults", json!(set)).await.faults(422);
        let places: Vec<_> = found.into_iter().map(|(at, _)| at).collect();
        assert_eq!(places, [format!("/{at}/code"), format!("/{at}/seed")]);
        set[at] = json!({"times": 0});
        let found = bench.control.put("/faults", json!(set)).await.faults(422);
        assert_eq!(found[0].0, format!("/{at}/times"));

        assert_eq!(bench.control.get("/faults").await.ok(), before);
    }
    let bad = json!({"code": 0});
    let found = bench
        .control
        .put("/faults", json!([bad, good, bad]))
        .await
        .faults(422);
    let places: Vec<_> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["/0/code", "/2/code"]);

    let end = bench
        .call("sns/friend_check", &friend_check("id", &["a"]))
        .await;

    assert_eq!(end, End::Code(30008));
    assert_eq!(bench.counts().await, [(2, Some(1))]);
}

#[tokio::test]
async fn no_more_than_a_thousand_are_armed() {
    let bench = Bench::start().await;
    let fault = json!({"close": true, "from_account": "nobody"});
    let too_many = vec![fault.clone(); 1001];
    assert_eq!(
        bench.control.put("/faults", json!(too_many)).await.status,
        422
    );
    assert!(bench.counts().await.is_empty());
    bench
        .control
        .put("/faults", json!(too_many[..1000]))
        .await
        .ok();

    let one_more = bench.control.post("/faults", fault).await;

    assert_eq!(one_more.status, 507, "{}", one_more.text);
    assert_eq!(bench.counts().await.len(), 1000);
}
