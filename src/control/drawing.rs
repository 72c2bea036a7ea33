//! A graph as a drawing.

use crate::protocol::ids::UserId;
use crate::store::{Accounts, Peer};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one account is to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum EdgeKind {
    /// From's list has To.
    Friend,
    /// From has blocked To.
    Blocked,
    /// From's request waits for To.
    Asked,
}

/// The graph for Graphviz: friends are arrows, blocks red, requests dashed.
pub(super) fn dot(accounts: &Accounts) -> String {
    let quoted = |user: UserId| {
        format!(
            "\"{}\"",
            user.as_str().replace('\\', "\\\\").replace('"', "\\\"")
        )
    };
    let mut text = "digraph relations {\n".to_owned();
    for (user, _) in accounts.sorted() {
        writeln!(text, "  {};", quoted(user)).expect("a String takes all");
    }
    for (from, to, kind) in edges(accounts) {
        let style = match kind {
            EdgeKind::Friend => "",
            EdgeKind::Blocked => " [color=red, label=blocks]",
            EdgeKind::Asked => " [style=dashed, label=asks]",
        };
        writeln!(text, "  {} -> {}{style};", quoted(from), quoted(to)).expect("a String takes all");
    }
    text + "}\n"
}

/// The same for Mermaid.
pub(super) fn mermaid(accounts: &Accounts) -> String {
    let users = accounts.sorted().into_iter().map(|(user, _)| user);
    let places: BTreeMap<UserId, usize> = users.zip(0..).collect();
    let escaped = |user: UserId| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@ ".contains(c);
        let escape = |c: char| {
            if plain(c) {
                c.to_string()
            } else {
                format!("#{};", u32::from(c))
            }
        };
        user.as_str().chars().map(escape).collect::<String>()
    };
    let mut text = "graph LR\n".to_owned();
    for (user, place) in &places {
        writeln!(text, "  n{place}[\"{}\"]", escaped(*user)).expect("a String takes all");
    }
    for (from, to, kind) in edges(accounts) {
        let arrow = match kind {
            EdgeKind::Friend => "-->",
            EdgeKind::Blocked => "-- blocks --x",
            EdgeKind::Asked => "-. asks .->",
        };
        let (from, to) = (places[&from], places.get(&to));
        if let Some(to) = to {
            writeln!(text, "  n{from} {arrow} n{to}").expect("a String takes all");
        }
    }
    text
}

/// All edges, in the order of the accounts that they begin at.
fn edges(accounts: &Accounts) -> impl Iterator<Item = (UserId, UserId, EdgeKind)> {
    let accounts = accounts.sorted().into_iter();
    accounts.flat_map(|(from, account)| {
        let friends = account.friends.iter().map(Peer::peer);
        let blocked = account.blocklist.iter().map(Peer::peer);
        let asked = account.sent.iter().map(Peer::peer);
        let friends = friends.map(|to| (to, EdgeKind::Friend));
        let blocked = blocked.map(|to| (to, EdgeKind::Blocked));
        let asked = asked.map(|to| (to, EdgeKind::Asked));
        let all = friends.chain(blocked).chain(asked);
        all.map(move |(to, kind)| (from, to, kind))
    })
}
