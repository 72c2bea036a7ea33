//! The store's contract as tests.

use super::{Account, Accounts, Edit, Store, StoreError, Verdict};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::sns::black_list::{self, Friendship};
use crate::sns::decision::{Change, Decision};
use crate::sns::friend_add::{AddFriendItem, AddOptions, NewFriend, judge};
use crate::sns::friend_delete::{judge_all, judge_reverse};
use crate::sns::model::{AddType, AllowType, ForceAddFlags, SnsPolicy, UnknownAccounts};
use crate::sns::texts::GroupName;
use std::sync::Barrier;
use triomphe::Arc;

const POLICY: SnsPolicy = SnsPolicy::PRODUCT;

const BOTH: AddOptions = AddOptions {
    add_type: AddType::Both,
    force: ForceAddFlags::Normal,
    now: UnixTime(1_700_000_000),
};

fn user(number: usize) -> UserId {
    UserId::parse(&format!("user{number}")).expect("a legal UserID")
}

fn item(from: UserId, to: UserId) -> Result<NewFriend, Code> {
    NewFriend::parse(
        from,
        &AddFriendItem {
            to_account: to.as_str().into(),
            ..AddFriendItem::default()
        },
    )
}

fn store(users: usize) -> Store {
    let users = (0..users).map(|number| (user(number), Arc::<Account>::default()));
    Store::new(
        users.collect(),
        UnknownAccounts::Refuse,
        AllowType::AllowAny,
    )
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// A batch of mutual adds.
fn add(
    store: &Store,
    from: UserId,
    tos: &[UserId],
    policy: &SnsPolicy,
) -> Result<Vec<Code>, StoreError> {
    let items: Vec<_> = tos.iter().map(|to| item(from, *to)).collect();
    let judged = ready(store.judge_each(from, &items, |pair, item| {
        judge(from, pair, item, BOTH, policy)
    }));
    judged.map(|judged| codes(judged.verdicts))
}

fn codes(verdicts: Vec<Verdict>) -> Vec<Code> {
    verdicts.iter().map(|verdict| verdict.code).collect()
}

fn friends(store: &Store, user: UserId) -> Vec<UserId> {
    let account = ready(store.account(user)).expect("the account is there");
    account.friends.iter().map(|friend| friend.to).collect()
}

#[test]
fn items_are_judged_in_order_and_each_sees_what_those_before_it_did() {
    let store = store(4);

    let codes = add(
        &store,
        user(0),
        &[user(2), user(1), user(2), user(0), user(3)],
        &POLICY,
    );

    assert_eq!(
        codes,
        Ok(vec![
            Code::Ok,
            Code::Ok,
            Code::FriendExist,
            Code::AddSelf,
            Code::Ok
        ])
    );
    assert_eq!(friends(&store, user(0)), [user(2), user(1), user(3)]);
    for other in [1, 2, 3] {
        assert_eq!(friends(&store, user(other)), [user(0)]);
    }
}

#[test]
fn a_from_account_that_is_not_there_fails_the_whole_call() {
    let store = store(1);
    assert_eq!(
        add(&store, user(7), &[user(0)], &POLICY),
        Err(StoreError::NoAccount)
    );
}

#[test]
fn a_decision_to_refuse_leaves_everything_as_it_was() {
    let store = store(2);
    let accounts = || [0, 1].map(|number| ready(store.account(user(number))));
    let before = accounts();
    let items = [item(user(0), user(1))];
    let refuse = |_: &_, _: &NewFriend| Decision::refuse(Code::Internal);

    let judged = ready(store.judge_each(user(0), &items, refuse)).expect("From is there");

    assert_eq!(codes(judged.verdicts), [Code::Internal]);
    assert_eq!(accounts(), before);
}

#[test]
fn accounts_are_made_as_they_are_named_where_that_is_asked_for() {
    let store = Store::new(
        Accounts::default(),
        UnknownAccounts::Create,
        AllowType::AllowAny,
    );

    assert_eq!(
        add(&store, user(0), &[user(1)], &POLICY),
        Ok(vec![Code::Ok])
    );

    assert_eq!(friends(&store, user(1)), [user(0)]);
}

/// Eight threads make the same mutual friendships, each in another order, half of them from the
/// other side: no deadlock, and of all who try, exactly one makes each.
#[test]
fn clashing_adds_make_each_friendship_exactly_once() {
    const USERS: usize = 64;
    const THREADS: usize = 8;
    let store = store(USERS);
    let start = Barrier::new(THREADS);

    let made: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut made = 0;
                    for step in 0..USERS {
                        let from = (step * (2 * thread + 1)) % USERS;
                        let mut tos: Vec<_> =
                            (0..USERS).filter(|to| *to != from).map(user).collect();
                        if thread % 2 == 1 {
                            tos.reverse();
                        }
                        let codes = add(store, user(from), &tos, &POLICY).expect("From is there");
                        assert!(
                            codes
                                .iter()
                                .all(|code| matches!(code, Code::Ok | Code::FriendExist))
                        );
                        made += codes.iter().filter(|code| **code == Code::Ok).count();
                    }
                    made
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread panics"))
            .sum()
    });

    assert_eq!(made, USERS * (USERS - 1) / 2);
    for number in 0..USERS {
        let mut friends = friends(&store, user(number));
        friends.sort_unstable();
        let mut others: Vec<_> = (0..USERS)
            .filter(|other| *other != number)
            .map(user)
            .collect();
        others.sort_unstable();
        assert_eq!(friends, others);
    }
}

/// Many threads want one account's last places: exactly so many get them.
#[test]
fn a_cap_is_exact_under_clashing_adds() {
    const USERS: usize = 64;
    const CAP: u32 = 10;
    let store = store(USERS);
    let policy = SnsPolicy {
        max_friends: CAP,
        ..POLICY
    };

    let codes: Vec<Code> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..USERS)
            .map(|from| {
                let (store, policy) = (&store, &policy);
                scope.spawn(move || {
                    add(store, user(from), &[user(0)], policy).expect("From is there")[0]
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread panics"))
            .collect()
    });

    assert_eq!(
        codes.iter().filter(|code| **code == Code::Ok).count(),
        CAP as usize
    );
    assert!(
        codes
            .iter()
            .all(|code| matches!(code, Code::Ok | Code::PeerFriendsFull))
    );
    assert_eq!(friends(&store, user(0)).len(), CAP as usize);
}

fn block(store: &Store, from: UserId, to: UserId) {
    let judged = ready(store.judge_each(from, &[Ok(to)], |pair, to| {
        let friendship = Friendship::Dissolved;
        black_list::judge_add((from, *to), pair, friendship, UnixTime(1), &POLICY)
    }));
    judged.expect("From is there");
}

#[test]
fn a_page_is_a_slice_of_the_list_in_the_order_in_which_it_grew() {
    let store = store(8);
    let tos: Vec<_> = (1..8).rev().map(user).collect();
    add(&store, user(0), &tos, &POLICY).expect("From is there");

    for start in 0..10 {
        for count in 1..10 {
            let page = ready(store.friends_page(user(0), start, count));
            let page = page.expect("the account is there");
            let friends: Vec<_> = page.friends.iter().map(|friend| friend.to).collect();
            let expected: Vec<_> = tos.iter().skip(start).take(count).copied().collect();
            assert_eq!((page.total, friends), (7, expected), "{start}, {count}");
        }
    }
}

#[test]
fn emptying_a_friend_list_both_ways_leaves_nobody_with_the_account() {
    let store = store(10);
    let tos: Vec<_> = (1..10).map(user).collect();
    add(&store, user(0), &tos, &POLICY).expect("From is there");
    add(&store, user(1), &[user(2)], &POLICY).expect("From is there");

    let own = ready(store.judge_own(user(0), &[], |_| judge_all())).expect("From is there");
    let items: Vec<_> = own.unfriended.iter().map(|to| Ok(*to)).collect();
    let judged = ready(store.judge_each(user(0), &items, |pair, _| judge_reverse(pair)));

    assert_eq!(own.unfriended, tos);
    let verdicts = judged.expect("From is there").verdicts;
    assert!(verdicts.iter().all(|verdict| verdict.to_list_changed));
    assert!(friends(&store, user(0)).is_empty());
    assert_eq!(friends(&store, user(1)), [user(2)]);
    assert!(friends(&store, user(9)).is_empty());
}

#[test]
fn a_deleted_account_is_in_nobodys_lists_and_comes_back_as_new() {
    let store = store(4);
    add(&store, user(0), &[user(1), user(2)], &POLICY).expect("From is there");
    block(&store, user(3), user(0));

    let deleted = ready(store.delete_accounts(&[user(0), user(9)]));

    assert_eq!(deleted, Ok(vec![true, false]));
    assert_eq!(ready(store.account(user(0))), Err(StoreError::NoAccount));
    for other in [1, 2, 3] {
        let account = ready(store.account(user(other))).expect("it is there");
        assert!(account.friends.is_empty() && account.blocklist.is_empty());
    }
    let gone = add(&store, user(1), &[user(0)], &POLICY);
    assert_eq!(gone, Ok(vec![Code::ToAccountNotExist]));
    ready(store.import_account(user(0), Vec::new())).expect("it imports");
    let back = add(&store, user(1), &[user(0)], &POLICY);
    assert_eq!(back, Ok(vec![Code::Ok]));
}

/// Half of the threads add, half delete accounts: whoever is deleted at the end is on no list.
#[test]
fn adds_that_clash_with_deletions_leave_no_trace_of_who_is_gone() {
    const USERS: usize = 32;
    for _ in 0..20 {
        let store = store(USERS);
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for half in 0..2 {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    for from in 0..USERS {
                        let tos = (0..USERS).filter(|to| to % 2 == half && *to != from);
                        let tos: Vec<_> = tos.map(user).collect();
                        // From may be gone already.
                        let _ = add(store, user(from), &tos, &POLICY);
                    }
                });
                scope.spawn(move || {
                    start.wait();
                    for gone in (0..USERS / 2).filter(|gone| gone % 2 == half) {
                        ready(store.delete_accounts(&[user(gone)])).expect("it deletes");
                    }
                });
            }
        });

        for left in USERS / 2..USERS {
            let friends = friends(&store, user(left));
            let gone: Vec<_> = (0..USERS / 2).map(user).collect();
            assert!(friends.iter().all(|friend| !gone.contains(friend)));
        }
    }
}

#[test]
fn each_item_that_changes_something_moves_a_sequence_by_one() {
    let store = store(5);
    let sequences = |number| {
        let account = ready(store.account(user(number)));
        account.expect("the account is there").sequences
    };
    add(&store, user(0), &[user(1), user(2), user(1)], &POLICY).expect("From is there");
    block(&store, user(0), user(1));
    block(&store, user(0), user(1));

    let (mine, theirs) = (sequences(0), sequences(1));

    assert_eq!(
        (mine.standard, mine.blocklist),
        (3, 1),
        "added, added, lost"
    );
    assert_eq!((theirs.standard, theirs.blocklist), (2, 0), "added, lost");
    assert_eq!((mine.custom, mine.groups), (0, 0));
}

#[test]
fn a_copy_of_all_accounts_stays_as_it_was() {
    let store = store(100);
    add(&store, user(0), &[user(1)], &POLICY).expect("From is there");

    let copy = ready(store.accounts()).expect("all accounts");
    for number in 1..99 {
        add(&store, user(number), &[user(number + 1)], &POLICY).expect("From is there");
    }
    ready(store.delete_accounts(&[user(0), user(50)])).expect("it deletes");
    ready(store.import_account(user(100), Vec::new())).expect("it imports");

    assert_eq!((copy.len(), copy.friendships()), (100, 2));
    let users: Vec<_> = copy.sorted().into_iter().map(|(user, _)| user).collect();
    let mut expected: Vec<_> = (0..100).map(user).collect();
    expected.sort_unstable();
    assert_eq!(users, expected);
    let now = ready(store.accounts()).expect("all accounts");
    assert_eq!(now.len(), 99);
    let changed = now.changed_from(&copy).count();
    assert_eq!(changed, 99, "all that are left, and the new one");
}

#[test]
fn accounts_are_replaced_in_one_step() {
    let store = store(100);
    let before = ready(store.accounts()).expect("all accounts");
    let tos: Vec<_> = (1..100).map(user).collect();
    add(&store, user(0), &tos, &POLICY).expect("From is there");
    let after = ready(store.accounts()).expect("all accounts");

    std::thread::scope(|scope| {
        let replacing = scope.spawn(|| {
            for _ in 0..500 {
                ready(store.replace(before.clone())).expect("it replaces");
                ready(store.replace(after.clone())).expect("it replaces");
            }
        });
        let items: Vec<_> = tos.iter().map(|to| Ok(*to)).collect();
        while !replacing.is_finished() {
            let seen = ready(store.accounts()).expect("all accounts").friendships();
            assert!([0, 198].contains(&seen), "half of a state: {seen}");
            // A step on two accounts sees both before the replacement, or both after it.
            let facts = ready(store.facts_each(user(0), &items)).expect("From is there");
            for pair in facts.into_iter().flatten() {
                assert_eq!(pair.from_has_to, pair.to_has_from, "half of a state");
            }
        }
    });
    assert_eq!(friends(&store, user(0)), tos);
}

#[test]
fn an_update_of_what_has_changed_meanwhile_changes_nothing() {
    let store = store(3);
    let edit = |number: usize| {
        let before = ready(store.account(user(number))).ok();
        let after = Arc::new(Account {
            groups: vec![GroupName::parse("new").expect("short")],
            ..Account::default()
        });
        let user = user(number);
        Edit {
            user,
            before,
            after,
        }
    };
    let (stale, fresh) = (edit(0), edit(2));
    add(&store, user(0), &[user(1)], &POLICY).expect("From is there");

    let refused = ready(store.update(&[stale, fresh.clone()], &[]));
    let lacks_peer = ready(store.update(std::slice::from_ref(&fresh), &[user(9)]));

    for refused in [refused, lacks_peer] {
        assert_eq!(refused.map(drop), Err(StoreError::Conflict));
    }
    assert_eq!(friends(&store, user(0)), [user(1)]);
    let groups = || {
        ready(store.account(user(2)))
            .expect("it is there")
            .groups
            .len()
    };
    assert_eq!(groups(), 0);
    ready(store.update(&[fresh, edit(7)], &[user(0)])).expect("nothing has changed");
    assert_eq!(groups(), 1);
    assert!(ready(store.account(user(7))).is_ok());
}

/// Y is deleted while others import it and make it a friend of X: afterwards each has the other, or
/// neither has.
#[test]
fn an_account_that_is_imported_anew_during_its_deletion_is_in_both_lists_or_in_none() {
    let (x, y) = (user(0), user(1));
    // Many accounts make the deletion long.
    let store = store(5000);
    for _ in 0..300 {
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                ready(store.delete_accounts(&[y])).expect("it deletes");
            });
            scope.spawn(|| {
                start.wait();
                for _ in 0..3 {
                    ready(store.import_account(y, Vec::new())).expect("it imports");
                    add(&store, x, &[y], &POLICY).expect("From is there");
                }
            });
        });
        ready(store.import_account(y, Vec::new())).expect("it imports");
        let has = (
            friends(&store, x).contains(&y),
            friends(&store, y).contains(&x),
        );
        assert_eq!(has.0, has.1, "X has Y, Y has X");
    }
}

#[test]
fn the_sequences_after_a_step_come_with_it() {
    let store = store(3);
    let group = GroupName::parse("work").expect("short");
    let create = |_: &_| Decision::done(vec![Change::CreateGroups(vec![group.clone()])]);

    let own = ready(store.judge_own(user(0), &[], create)).expect("From is there");
    let items = [item(user(0), user(1)), item(user(0), user(2))];
    let judged = ready(store.judge_each(user(0), &items, |pair, item| {
        judge(user(0), pair, item, BOTH, &POLICY)
    }));
    let judged = judged.expect("From is there");

    assert_eq!((own.sequences.groups, own.sequences.standard), (1, 0));
    assert_eq!((judged.sequences.groups, judged.sequences.standard), (1, 2));
}
