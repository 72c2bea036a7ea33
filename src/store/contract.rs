//! The store's contract as tests. Every store has to pass them.

use super::{NoAccount, Store, Verdict};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::sns::black_list::{self, Friendship};
use crate::sns::decision::Decision;
use crate::sns::friend_add::{How, NewFriend, RawItem, judge};
use crate::sns::model::{
    AccountSeed, AddType, AllowType, DeleteType, ForceAddFlags, SnsPolicy, UnknownAccounts,
};
use std::sync::Barrier;

const POLICY: SnsPolicy = SnsPolicy::PRODUCT;

const BOTH: How = How {
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
        RawItem {
            to_account: to.as_str(),
            ..RawItem::default()
        },
    )
}

fn store(users: usize) -> Store {
    let store = Store::in_memory(UnknownAccounts::Refuse, AllowType::AllowAny);
    for number in 0..users {
        store.put_account(user(number), &AccountSeed::default(), UnixTime(0));
    }
    store
}

/// The future of a store in memory is ready at its first poll.
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
) -> Result<Vec<Code>, NoAccount> {
    let items: Vec<_> = tos.iter().map(|to| item(from, *to)).collect();
    let verdicts = ready(store.judge_each(from, &items, |pair, item| {
        judge(from, pair, item, BOTH, policy)
    }));
    verdicts.map(codes)
}

fn codes(verdicts: Vec<Verdict>) -> Vec<Code> {
    verdicts.iter().map(|verdict| verdict.code).collect()
}

fn friends(store: &Store, user: UserId) -> Vec<UserId> {
    let snapshot = store.snapshot(user).expect("the account is there");
    snapshot.friends.iter().map(|friend| friend.to).collect()
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
    assert_eq!(add(&store, user(7), &[user(0)], &POLICY), Err(NoAccount));
}

#[test]
fn a_decision_to_refuse_leaves_everything_as_it_was() {
    let store = store(2);
    let before = (store.snapshot(user(0)), store.snapshot(user(1)));
    let items = [item(user(0), user(1))];
    let refuse = |_: &_, _: &NewFriend| Decision::refuse(Code::Internal);

    let verdicts = ready(store.judge_each(user(0), &items, refuse));

    assert_eq!(verdicts.map(codes), Ok(vec![Code::Internal]));
    assert_eq!((store.snapshot(user(0)), store.snapshot(user(1))), before);
}

#[test]
fn accounts_are_made_as_they_are_named_where_that_is_asked_for() {
    let store = Store::in_memory(UnknownAccounts::Create, AllowType::AllowAny);

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

fn block(store: &Store, from: UserId, to: UserId) -> Result<Vec<Verdict>, NoAccount> {
    ready(store.judge_each(from, &[Ok(to)], |pair, to| {
        let friendship = Friendship::Dissolved;
        black_list::judge_add((from, *to), pair, friendship, UnixTime(1), &POLICY)
    }))
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

    let lost = ready(store.clear_friends(user(0), DeleteType::Both));

    let both_ways = tos.iter().flat_map(|to| [(user(0), *to), (*to, user(0))]);
    assert_eq!(lost, Ok(both_ways.collect()));
    assert!(friends(&store, user(0)).is_empty());
    assert_eq!(friends(&store, user(1)), [user(2)]);
    assert!(friends(&store, user(9)).is_empty());
}

#[test]
fn a_deleted_account_is_in_nobodys_lists_and_comes_back_as_new() {
    let store = store(4);
    add(&store, user(0), &[user(1), user(2)], &POLICY).expect("From is there");
    block(&store, user(3), user(0)).expect("From is there");

    let deleted = ready(store.delete_accounts(&[user(0), user(9)]));

    assert_eq!(deleted, [true, false]);
    assert_eq!(store.snapshot(user(0)), None);
    for other in [1, 2, 3] {
        let snapshot = store.snapshot(user(other)).expect("it is there");
        assert!(snapshot.friends.is_empty() && snapshot.blocklist.is_empty());
    }
    let gone = add(&store, user(1), &[user(0)], &POLICY);
    assert_eq!(gone, Ok(vec![Code::ToAccountNotExist]));
    ready(store.import_account(user(0), Vec::new()));
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
                        ready(store.delete_accounts(&[user(gone)]));
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
        let sequences = ready(store.sequences(user(number)));
        sequences.expect("the account is there")
    };
    add(&store, user(0), &[user(1), user(2), user(1)], &POLICY).expect("From is there");
    block(&store, user(0), user(1)).expect("From is there");
    block(&store, user(0), user(1)).expect("From is there");

    let (mine, theirs) = (sequences(0), sequences(1));

    assert_eq!(
        (mine.standard, mine.blocklist),
        (3, 1),
        "added, added, lost"
    );
    assert_eq!((theirs.standard, theirs.blocklist), (2, 0), "added, lost");
    assert_eq!((mine.custom, mine.groups), (0, 0));
}
