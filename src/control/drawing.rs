//! Draws the relationship graph, for Graphviz or Mermaid.

use super::written::{Disconnected, Writer};
use crate::protocol::ids::UserId;
use crate::store::{Accounts, PeerEntry};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The kind of a relation between two accounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum EdgeKind {
    /// `to` is in the friend list of `from`.
    Friend,
    /// `to` is on the blocklist of `from`.
    Blocked,
    /// A friend request of `from` waits for an answer by `to`.
    Asked,
}

/// Writes the graph for Graphviz: friends are plain arrows, blocks red, requests dashed.
pub(super) async fn dot(mut writer: Writer, accounts: &Accounts) -> Result<(), Disconnected> {
    // In printable ASCII, Rust's Debug escapes the same characters as Graphviz.
    let quoted = |user: UserId| format!("{:?}", user.as_str());
    writer.text("digraph relations {\n").await?;
    for (user, _) in accounts.sorted() {
        writer.text(&format!("  {};\n", quoted(user))).await?;
    }
    for (from, to, kind) in edges(accounts) {
        let style = match kind {
            EdgeKind::Friend => "",
            EdgeKind::Blocked => " [color=red, label=blocks]",
            EdgeKind::Asked => " [style=dashed, label=asks]",
        };
        let edge = format!("  {} -> {}{style};\n", quoted(from), quoted(to));
        writer.text(&edge).await?;
    }
    writer.finish("}\n").await
}

/// Writes the graph for Mermaid.
pub(super) async fn mermaid(mut writer: Writer, accounts: &Accounts) -> Result<(), Disconnected> {
    let users = accounts.sorted().into_iter().map(|(user, _)| user);
    let numbers: BTreeMap<UserId, usize> = users.zip(0..).collect();
    let escape = |c: char| match c.is_ascii_alphanumeric() || "_-.@ ".contains(c) {
        true => c.to_string(),
        false => format!("#{};", u32::from(c)),
    };
    let escaped = |user: UserId| user.as_str().chars().map(escape).collect::<String>();
    writer.text("graph LR\n").await?;
    for (user, number) in &numbers {
        let node = format!("  n{number}[\"{}\"]\n", escaped(*user));
        writer.text(&node).await?;
    }
    for (from, to, kind) in edges(accounts) {
        let arrow = match kind {
            EdgeKind::Friend => "-->",
            EdgeKind::Blocked => "-- blocks --x",
            EdgeKind::Asked => "-. asks .->",
        };
        if let Some(to) = numbers.get(&to) {
            let from = numbers[&from];
            writer.text(&format!("  n{from} {arrow} n{to}\n")).await?;
        }
    }
    writer.finish("").await
}

/// All edges, sorted by the account at which they begin.
fn edges(accounts: &Accounts) -> impl Iterator<Item = (UserId, UserId, EdgeKind)> {
    let accounts = accounts.sorted().into_iter();
    accounts.flat_map(|(from, account)| {
        let friends = account.friends.iter().map(PeerEntry::peer);
        let blocked = account.blocklist.iter().map(PeerEntry::peer);
        let asked = account.sent.iter().map(PeerEntry::peer);
        let friends = friends.map(move |to| (from, to, EdgeKind::Friend));
        let blocked = blocked.map(move |to| (from, to, EdgeKind::Blocked));
        let asked = asked.map(move |to| (from, to, EdgeKind::Asked));
        friends.chain(blocked).chain(asked)
    })
}
