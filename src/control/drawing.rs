//! A graph as a drawing.

use crate::apps::Graph;
use crate::protocol::ids::UserId;
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
pub(super) fn dot(graph: &Graph) -> String {
    let quoted = |user: UserId| {
        format!(
            "\"{}\"",
            user.as_str().replace('\\', "\\\\").replace('"', "\\\"")
        )
    };
    let mut text = "digraph relations {\n".to_owned();
    for user in graph.keys() {
        writeln!(text, "  {};", quoted(*user)).expect("a String takes all");
    }
    for (from, to, kind) in drawn(graph) {
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
pub(super) fn mermaid(graph: &Graph) -> String {
    let places: BTreeMap<UserId, usize> = graph.keys().copied().zip(0..).collect();
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
    for (from, to, kind) in drawn(graph) {
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

fn drawn(graph: &Graph) -> impl Iterator<Item = (UserId, UserId, EdgeKind)> {
    graph.iter().flat_map(|(from, snapshot)| {
        let friends = snapshot
            .friends
            .iter()
            .map(|friend| (friend.to, EdgeKind::Friend));
        let blocked = snapshot
            .blocklist
            .iter()
            .map(|blocked| (blocked.to, EdgeKind::Blocked));
        let sent = snapshot
            .sent
            .iter()
            .map(|request| (request.with, EdgeKind::Asked));
        let all = friends.chain(blocked).chain(sent);
        all.map(|(to, kind)| (*from, to, kind))
    })
}
