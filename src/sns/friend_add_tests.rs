//! Tests of friend_add's rule over its whole input space, against the precedence as a list.

use super::*;

const NOW: UnixTime = UnixTime(1_700_000_000);

const POLICY: SnsPolicy = SnsPolicy {
    max_requests_per_minute: 5,
    ..SnsPolicy::PRODUCT
};

fn id(text: &str) -> UserId {
    UserId::parse(text).expect("a legal UserID")
}

/// One point of the input space.
struct Case {
    pair: PairFacts,
    item: NewFriend,
    options: AddOptions,
    policy: SnsPolicy,
}

impl Case {
    fn judge(&self) -> Decision {
        judge(
            id("from"),
            &self.pair,
            &self.item,
            self.options,
            &self.policy,
        )
    }

    fn forced(&self) -> bool {
        self.options.force == ForceAddFlags::Forced
    }

    fn to_gains(&self) -> bool {
        self.options.add_type == AddType::Both && !self.pair.to_has_from
    }
}

/// The group of an item, the number of From_Account's groups, and the number of new groups.
const GROUPS: [(Option<&str>, u32, u32); 4] = [
    (None, 32, 0),
    (Some("Classmates"), 32, 0),
    (Some("Classmates"), 31, 1),
    (Some("Classmates"), 32, 1),
];

/// `max_requests_per_minute`, and the number of requests in this minute.
const MINUTES: [(u32, u32); 3] = [(0, 99), (5, 4), (5, 5)];

fn every_case(mut check: impl FnMut(&Case)) {
    const BOOLS: u32 = 13;
    let mut cases = 0;
    for bits in 0..1_u32 << BOOLS {
        let mut rest = bits;
        let mut flag = || {
            rest = rest.rotate_right(1);
            rest >> 31 == 1
        };
        let mut pair = PairFacts {
            to_exists: flag(),
            from_forbidden: if flag() {
                AdminForbidType::SendOut
            } else {
                AdminForbidType::None
            },
            from_has_to: flag(),
            to_has_from: flag(),
            from_blocks_to: flag(),
            to_blocks_from: flag(),
            from_friends: if flag() { 3000 } else { 2999 },
            to_friends: if flag() { 3000 } else { 2999 },
            from_asked_to: flag(),
            to_asked_from: flag(),
            from_pending: if flag() { 100 } else { 99 },
            to_pending: if flag() { 100 } else { 99 },
            ..PairFacts::default()
        };
        let force = if flag() {
            ForceAddFlags::Forced
        } else {
            ForceAddFlags::Normal
        };
        for (_, to_allows) in AllowType::WIRE {
            for (group, from_groups, new_groups) in GROUPS {
                for (max_requests_per_minute, requests) in MINUTES {
                    for (_, add_type) in AddType::WIRE {
                        pair = PairFacts {
                            to_allows: *to_allows,
                            from_groups,
                            new_groups,
                            from_minute: RequestMinute {
                                since: NOW,
                                requests,
                            },
                            ..pair
                        };
                        let item = NewFriend {
                            to: id("to"),
                            remark: Remark::parse("remark"),
                            group: group.and_then(GroupName::parse),
                            add_source: AddSource::parse("AddSource_Type_Web"),
                            add_wording: AddWording::parse("hello"),
                        };
                        let options = AddOptions {
                            add_type: *add_type,
                            force,
                            now: NOW,
                        };
                        let policy = SnsPolicy {
                            max_requests_per_minute,
                            ..POLICY
                        };
                        check(&Case {
                            pair,
                            item,
                            options,
                            policy,
                        });
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, (1 << BOOLS) * 3 * 4 * 3 * 2);
}

/// The checks of `judge` as a list, in order of precedence.
fn expected(case: &Case) -> Code {
    let Case { pair, policy, .. } = case;
    let asks = pair.to_allows == AllowType::NeedConfirm && !case.forced();
    let rows = [
        (
            pair.from_forbidden == AdminForbidType::SendOut,
            Code::ForbidByAdmin,
        ),
        (!pair.to_exists, Code::ToAccountNotExist),
        (pair.from_has_to, Code::FriendExist),
        (pair.from_blocks_to, Code::InMyBlocklist),
        (pair.to_blocks_from, Code::InPeerBlocklist),
        (
            pair.to_allows == AllowType::DenyAny && !case.forced(),
            Code::DenyAny,
        ),
        (pair.from_friends == 3000, Code::MyFriendsFull),
        (
            pair.to_friends == 3000 && case.to_gains(),
            Code::PeerFriendsFull,
        ),
        (
            pair.new_groups == 1 && pair.from_groups == 32,
            Code::GroupsFull,
        ),
        (
            policy.max_requests_per_minute == 5 && pair.from_minute.requests == 5,
            Code::TooManyRequests,
        ),
        (
            asks && !pair.from_asked_to && (pair.from_pending == 100 || pair.to_pending == 100),
            Code::PendingFull,
        ),
        (asks, Code::NeedConfirm),
    ];
    rows.into_iter()
        .find(|(met, _)| *met)
        .map_or(Code::Ok, |(_, code)| code)
}

/// The facts after these changes.
fn apply(pair: PairFacts, changes: &[Change]) -> PairFacts {
    changes.iter().fold(pair, |pair, change| match change {
        Change::Befriend(Side::From, _) => PairFacts {
            from_has_to: true,
            from_friends: pair.from_friends + 1,
            ..pair
        },
        Change::Befriend(Side::To, _) => PairFacts {
            to_has_from: true,
            to_friends: pair.to_friends + 1,
            ..pair
        },
        Change::CreateGroups(_) => PairFacts {
            from_groups: pair.from_groups + 1,
            new_groups: 0,
            ..pair
        },
        Change::Ask(_) => PairFacts {
            from_asked_to: true,
            ..pair
        },
        Change::Settle => PairFacts {
            from_asked_to: false,
            to_asked_from: false,
            ..pair
        },
        Change::CountRequest(minute) => PairFacts {
            from_minute: *minute,
            ..pair
        },
        Change::Unfriend(_)
        | Change::UnfriendAll
        | Change::Update(_)
        | Change::JoinGroups(_)
        | Change::DeleteGroup(_)
        | Change::Block(_)
        | Change::Unblock => panic!("friend_add never does that: {change:?}"),
    })
}

#[test]
fn in_every_case_the_first_row_that_is_met_decides() {
    every_case(|case| {
        assert_eq!(
            case.judge().code,
            expected(case),
            "{:?} {:?}",
            case.pair,
            case.options
        )
    });
}

#[test]
fn in_every_case_a_refusal_changes_nothing() {
    every_case(|case| {
        let Decision { code, changes } = case.judge();
        assert_eq!(
            changes.is_empty(),
            !matches!(code, Code::Ok | Code::NeedConfirm),
            "{code:?}"
        );
    });
}

#[test]
fn in_every_case_30539_only_leaves_a_request() {
    every_case(|case| {
        let Decision { code, changes } = case.judge();
        if code == Code::NeedConfirm {
            let counts = usize::from(case.policy.max_requests_per_minute > 0);
            let Some((Change::Ask(request), rest)) = changes.split_first() else {
                panic!("no request: {changes:?}");
            };
            let peers = (request.sent.with, request.received.with);
            assert_eq!(peers, (id("to"), id("from")));
            assert_eq!(rest.len(), counts);
            assert!(
                rest.iter()
                    .all(|change| matches!(change, Change::CountRequest(_)))
            );
        }
    });
}

#[test]
fn in_every_case_both_touches_both_sides_and_single_touches_one() {
    every_case(|case| {
        let Decision { code, changes } = case.judge();
        let after = apply(case.pair, &changes);
        if code == Code::Ok {
            assert!(after.from_has_to);
            assert_eq!(
                after.to_has_from,
                case.pair.to_has_from || case.options.add_type == AddType::Both
            );
            assert!(
                !after.from_asked_to && !after.to_asked_from,
                "a friendship settles what was pending"
            );
        } else {
            assert_eq!(
                (after.from_has_to, after.to_has_from),
                (case.pair.from_has_to, case.pair.to_has_from)
            );
        }
    });
}

#[test]
fn in_every_case_judging_again_says_friend_exist() {
    every_case(|case| {
        let Decision { code, changes } = case.judge();
        if code == Code::Ok {
            let again = Case {
                pair: apply(case.pair, &changes),
                item: case.item.clone(),
                ..*case
            };
            assert_eq!(again.judge(), Decision::refuse(Code::FriendExist));
        }
    });
}

#[test]
fn in_every_case_a_forced_add_is_never_denied_and_never_pending() {
    every_case(|case| {
        let code = case.judge().code;
        assert!(
            !case.forced()
                || !matches!(code, Code::DenyAny | Code::NeedConfirm | Code::PendingFull)
        );
    });
}

#[test]
fn in_every_case_no_cap_is_passed() {
    every_case(|case| {
        let after = apply(case.pair, &case.judge().changes);
        assert!(after.from_friends <= 3000 && after.to_friends <= 3000 && after.from_groups <= 32);
        if case.policy.max_requests_per_minute > 0 {
            assert!(after.from_minute.requests <= 5);
        }
    });
}

#[test]
fn from_keeps_every_text_and_to_keeps_the_wording_alone() {
    let item = NewFriend {
        to: id("to"),
        remark: Remark::parse("remark1"),
        group: GroupName::parse("Classmates"),
        add_source: AddSource::parse("AddSource_Type_Web"),
        add_wording: AddWording::parse("I'm Test1"),
    };
    let pair = PairFacts {
        to_exists: true,
        new_groups: 1,
        to_asked_from: true,
        ..PairFacts::default()
    };
    let options = AddOptions {
        add_type: AddType::Both,
        force: ForceAddFlags::Normal,
        now: NOW,
    };

    let Decision { code, changes } = judge(id("from"), &pair, &item, options, &POLICY);

    let friend = |to: &str, details| Friend {
        to: id(to),
        add_time: NOW,
        add_source: item.add_source,
        details,
    };
    let mine = FriendDetails {
        remark: Remark::parse("remark1"),
        groups: GroupName::parse("Classmates").into_iter().collect(),
        add_wording: AddWording::parse("I'm Test1"),
        ..FriendDetails::default()
    };
    let theirs = FriendDetails {
        add_wording: AddWording::parse("I'm Test1"),
        ..FriendDetails::default()
    };
    assert_eq!(code, Code::Ok);
    assert_eq!(
        changes[..],
        [
            Change::CreateGroups(GroupName::parse("Classmates").into_iter().collect()),
            Change::Befriend(Side::From, friend("to", mine.boxed())),
            Change::Befriend(Side::To, friend("from", theirs.boxed())),
            Change::Settle,
            Change::CountRequest(RequestMinute {
                since: NOW,
                requests: 1
            }),
        ]
    );
}

fn letters(count: usize) -> Option<SmolStr> {
    Some("x".repeat(count).into())
}

#[test]
fn what_the_item_alone_shows_is_judged_in_the_documented_order() {
    type Change = fn(&mut AddFriendItem);
    let invalid: [(Change, Code); 6] = [
        (|item| item.to_account = "".into(), Code::ToAccountIllegal),
        (|item| item.to_account = "from".into(), Code::AddSelf),
        (|item| item.add_source = letters(3), Code::SourceIllegal),
        (|item| item.remark = letters(97), Code::RemarkTooLong),
        (|item| item.group_name = letters(31), Code::GroupNameTooLong),
        (|item| item.add_wording = letters(257), Code::WordingTooLong),
    ];
    // Any two invalid fields together: the code of the first in the list is the result.
    for (first, (invalidate, code)) in invalid.iter().enumerate() {
        for (invalidate_other, _) in &invalid[first..] {
            let mut item = AddFriendItem {
                to_account: "to".into(),
                ..AddFriendItem::default()
            };
            invalidate_other(&mut item);
            invalidate(&mut item);
            assert_eq!(NewFriend::parse(id("from"), &item), Err(*code), "{item:?}");
        }
    }
}

#[test]
fn an_empty_text_is_none_and_the_longest_are_taken() {
    let empty = AddFriendItem {
        to_account: "to".into(),
        remark: letters(0),
        group_name: letters(0),
        add_source: letters(0),
        add_wording: letters(0),
    };
    let longest = AddFriendItem {
        to_account: "x".repeat(32).into(),
        remark: letters(96),
        group_name: letters(30),
        add_source: Some("AddSource_Type_XXXXXXXX".into()),
        add_wording: letters(256),
    };

    let none = NewFriend::parse(id("from"), &empty).expect("nothing is wrong with it");
    let all = NewFriend::parse(id("from"), &longest).expect("within every limit");

    assert_eq!((none.details().boxed(), none.add_source), (None, None));
    assert_eq!(all.group.expect("given").as_str().len(), 30);
}
