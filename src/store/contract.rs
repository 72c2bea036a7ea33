//! The store's contract as tests. Every store has to pass them.

use super::{NoAccount, Store, Verdict};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::sns::decision::Decision;
use crate::sns::friend_add::{How, NewFriend, RawItem, judge};
use crate::sns::model::AccountSeed;
use crate::sns::model::{AddType, AllowType, ForceAddFlags, SnsPolicy, UnknownAccounts};
use std::sync::Barrier;

const POLICY: SnsPolicy = SnsPolicy {
    max_friends: 3000,
    max_items: 1000,
    max_pending: 100,
    max_groups: 32,
    max_blocklist: 1000,
    max_requests_per_minute: 0,
    unknown_accounts: UnknownAccounts::Refuse,
};

const BOTH: How = How {
    add_type: AddType::Both,
    force: ForceAddFlags::Normal,
    now: UnixTime(1_700_000_000),
};

fn app(number: u32) -> SdkAppId {
    SdkAppId::parse(&number.to_string()).expect("a legal SDKAppID")
}

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

fn store(apps: u32, users: usize) -> Store {
    let store = Store::in_memory();
    for number in 1..=apps {
        store.put_app(app(number), UnknownAccounts::Refuse, AllowType::AllowAny);
        for number_of_user in 0..users {
            let seed = AccountSeed::default();
            store.put_account(app(number), user(number_of_user), &seed, UnixTime(0));
        }
    }
    store
}

/// A batch of mutual adds. The future of a store in memory is ready at its first poll.
fn add(
    store: &Store,
    app: SdkAppId,
    from: UserId,
    tos: &[UserId],
    policy: &SnsPolicy,
) -> Result<Vec<Code>, NoAccount> {
    let items: Vec<_> = tos.iter().map(|to| item(from, *to)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let verdicts = runtime.block_on(store.judge_each(app, from, &items, |pair, item| {
        judge(from, pair, item, BOTH, policy)
    }));
    verdicts.map(codes)
}

fn codes(verdicts: Vec<Verdict>) -> Vec<Code> {
    verdicts.iter().map(|verdict| verdict.code).collect()
}

fn friends(store: &Store, app: SdkAppId, user: UserId) -> Vec<UserId> {
    let snapshot = store.snapshot(app, user).expect("the account is there");
    snapshot.friends.iter().map(|friend| friend.to).collect()
}

#[test]
fn items_are_judged_in_order_and_each_sees_what_those_before_it_did() {
    let store = store(1, 4);

    let codes = add(
        &store,
        app(1),
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
    assert_eq!(
        friends(&store, app(1), user(0)),
        [user(2), user(1), user(3)]
    );
    for other in [1, 2, 3] {
        assert_eq!(friends(&store, app(1), user(other)), [user(0)]);
    }
}

#[test]
fn a_from_account_or_an_app_that_is_not_there_fails_the_whole_call() {
    let store = store(1, 1);
    assert_eq!(
        add(&store, app(1), user(7), &[user(0)], &POLICY),
        Err(NoAccount)
    );
    assert_eq!(
        add(&store, app(2), user(0), &[user(0)], &POLICY),
        Err(NoAccount)
    );
}

#[test]
fn apps_never_see_each_other() {
    let store = store(2, 2);
    assert_eq!(
        add(&store, app(1), user(0), &[user(1)], &POLICY),
        Ok(vec![Code::Ok])
    );
    assert!(friends(&store, app(2), user(0)).is_empty());
    assert!(friends(&store, app(2), user(1)).is_empty());
}

#[test]
fn a_decision_to_refuse_leaves_everything_as_it_was() {
    let store = store(1, 2);
    let before = (
        store.snapshot(app(1), user(0)),
        store.snapshot(app(1), user(1)),
    );
    let items = [item(user(0), user(1))];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let refuse = |_: &_, _: &NewFriend| Decision::refuse(Code::Internal);

    let verdicts = runtime.block_on(store.judge_each(app(1), user(0), &items, refuse));

    assert_eq!(verdicts.map(codes), Ok(vec![Code::Internal]));
    assert_eq!(
        (
            store.snapshot(app(1), user(0)),
            store.snapshot(app(1), user(1))
        ),
        before
    );
}

#[test]
fn accounts_are_made_as_they_are_named_where_that_is_asked_for() {
    let store = Store::in_memory();
    store.put_app(app(1), UnknownAccounts::Create, AllowType::AllowAny);

    assert_eq!(
        add(&store, app(1), user(0), &[user(1)], &POLICY),
        Ok(vec![Code::Ok])
    );

    assert_eq!(friends(&store, app(1), user(1)), [user(0)]);
}

/// Eight threads make the same mutual friendships, each in another order, half of them from the
/// other side: no deadlock, and of all who try, exactly one makes each.
#[test]
fn clashing_adds_make_each_friendship_exactly_once() {
    const USERS: usize = 64;
    const THREADS: usize = 8;
    let store = store(1, USERS);
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
                        let codes =
                            add(store, app(1), user(from), &tos, &POLICY).expect("From is there");
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
        let mut friends = friends(&store, app(1), user(number));
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
    let store = store(1, USERS);
    let policy = SnsPolicy {
        max_friends: CAP,
        ..POLICY
    };

    let codes: Vec<Code> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..USERS)
            .map(|from| {
                let (store, policy) = (&store, &policy);
                scope.spawn(move || {
                    add(store, app(1), user(from), &[user(0)], policy).expect("From is there")[0]
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
    assert_eq!(friends(&store, app(1), user(0)).len(), CAP as usize);
}
