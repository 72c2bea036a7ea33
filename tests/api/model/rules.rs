//! The model: friend_add over plain lists, as slow and as obvious as can be.

use serde_json::{Value, json};

/// The ceilings of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) friends: u32,
    pub(crate) groups: u32,
    pub(crate) pending: u32,
}

/// An item's outcome: ResultCode and ResultInfo.
type Outcome = (u32, &'static str);

/// A friendship of `from`'s, or a request of it that waits for `to`.
#[derive(Clone)]
struct Edge {
    from: String,
    to: String,
    time: i64,
    source: Option<String>,
    remark: Option<String>,
    group: Option<String>,
    wording: Option<String>,
}

/// Who has whom, in the order in which it came to be.
pub(crate) struct Model {
    caps: Caps,
    imported: Vec<String>,
    need_confirm: Vec<String>,
    deny_any: Vec<String>,
    forbidden: Vec<String>,
    /// Who has blocked whom.
    blocked: Vec<(String, String)>,
    friends: Vec<Edge>,
    pending: Vec<Edge>,
    /// Whose groups.
    groups: Vec<(String, String)>,
}

impl Model {
    pub(crate) fn new(caps: Caps, imported: &[&str]) -> Self {
        Self {
            caps,
            imported: imported.iter().map(|name| (*name).to_owned()).collect(),
            need_confirm: Vec::new(),
            deny_any: Vec::new(),
            forbidden: Vec::new(),
            blocked: Vec::new(),
            friends: Vec::new(),
            pending: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Changes what an account says of itself; its relationships stay.
    pub(crate) fn put(&mut self, step: &Value) {
        let name = step["put"].as_str().expect("a name").to_owned();
        self.need_confirm.retain(|other| *other != name);
        self.deny_any.retain(|other| *other != name);
        self.forbidden.retain(|other| *other != name);
        self.blocked.retain(|(other, _)| *other != name);
        if step["allow"] == "AllowType_Type_NeedConfirm" {
            self.need_confirm.push(name.clone());
        }
        if step["allow"] == "AllowType_Type_DenyAny" {
            self.deny_any.push(name.clone());
        }
        if step["forbid"] == true {
            self.forbidden.push(name.clone());
        }
        for blocked in step["block"].as_array().expect("a list") {
            let blocked = blocked.as_str().expect("a name").to_owned();
            self.blocked.push((name.clone(), blocked));
        }
    }

    /// The answer to a friend_add, without Fail_Account.
    pub(crate) fn friend_add(&mut self, body: &Value, now: i64) -> Value {
        let from = body["From_Account"].as_str().expect("a name");
        if !self.imported.iter().any(|name| name == from) {
            return json!({
                "ActionStatus": "FAIL",
                "ErrorCode": 30003,
                "ErrorInfo": "Err_SNS_FriendAdd_From_Account_Not_Exist",
                "ErrorDisplay": "",
            });
        }
        let both = body
            .get("AddType")
            .is_none_or(|add_type| add_type != "Add_Type_Single");
        let forced = body.get("ForceAddFlags").is_some_and(|force| force == 1);
        let mut results = Vec::new();
        for item in body["AddFriendItem"].as_array().expect("a list") {
            let given = |key: &str| {
                let text = item.get(key).and_then(Value::as_str);
                text.filter(|text| !text.is_empty()).map(str::to_owned)
            };
            let edge = Edge {
                from: from.to_owned(),
                to: given("To_Account").unwrap_or_default(),
                time: now,
                source: given("AddSource"),
                remark: given("Remark"),
                group: given("GroupName"),
                wording: given("AddWording"),
            };
            let to = edge.to.clone();
            let (code, info) = self.add(edge, both, forced);
            results.push(json!({"To_Account": to, "ResultCode": code, "ResultInfo": info}));
        }
        json!({
            "ResultItem": results,
            "ActionStatus": "OK",
            "ErrorCode": 0,
            "ErrorInfo": "",
            "ErrorDisplay": "",
        })
    }

    /// The table's rows, in its order.
    fn add(&mut self, edge: Edge, both: bool, forced: bool) -> Outcome {
        let (from, to) = (edge.from.clone(), edge.to.clone());
        let over =
            |text: &Option<String>, bytes| text.as_ref().is_some_and(|text| text.len() > bytes);
        // 1
        let printable = to.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if to.is_empty() || to.len() > 32 || !printable {
            return (30001, "Err_SNS_FriendAdd_To_Account_Illegal");
        }
        // 2
        if to == from {
            return (30001, "Err_SNS_FriendAdd_Add_Self");
        }
        // 3
        if edge
            .source
            .as_deref()
            .is_some_and(|source| !is_source(source))
        {
            return (30001, "Err_SNS_FriendAdd_Source_Illegal");
        }
        // 4
        if over(&edge.remark, 96) {
            return (30001, "Err_SNS_FriendAdd_Remark_Too_Long");
        }
        if over(&edge.group, 30) {
            return (30001, "Err_SNS_FriendAdd_GroupName_Too_Long");
        }
        if over(&edge.wording, 256) {
            return (30001, "Err_SNS_FriendAdd_Wording_Too_Long");
        }
        // 5
        if self.forbidden.contains(&from) {
            return (30009, "Err_SNS_FriendAdd_Forbid_By_Admin");
        }
        // 6
        if !self.imported.contains(&to) {
            return (30003, "Err_SNS_FriendAdd_To_Account_Not_Exist");
        }
        // 7
        if self.has(&from, &to) {
            return (30001, "Err_SNS_FriendAdd_Friend_Exist");
        }
        // 8
        if self.blocked.contains(&(from.clone(), to.clone())) {
            return (30515, "Err_SNS_FriendAdd_In_Self_BlackList");
        }
        if self.blocked.contains(&(to.clone(), from.clone())) {
            return (30525, "Err_SNS_FriendAdd_In_Peer_BlackList");
        }
        // 9
        if self.deny_any.contains(&to) && !forced {
            return (30516, "Err_SNS_FriendAdd_Friend_Allow_Type_Forbid");
        }
        // 10
        if self.friends_of(&from) >= self.caps.friends {
            return (30010, "Err_SNS_FriendAdd_My_Friend_Num_Exceed_Threshold");
        }
        let to_gains = both && !self.has(&to, &from);
        if to_gains && self.friends_of(&to) >= self.caps.friends {
            return (30014, "Err_SNS_FriendAdd_Peer_Friend_Num_Exceed_Threshold");
        }
        // 11
        let group = edge.group.clone().map(|group| (from.clone(), group));
        let new_group = group.filter(|group| !self.groups.contains(group));
        if new_group.is_some() && self.groups_of(&from) >= self.caps.groups {
            return (30011, "Err_SNS_FriendAdd_Group_Num_Exceed_Threshold");
        }
        // 12
        if self.need_confirm.contains(&to) && !forced {
            return self.ask(edge);
        }
        // 13
        self.groups.extend(new_group);
        if to_gains {
            self.friends.push(Edge {
                from: to.clone(),
                to: from.clone(),
                remark: None,
                group: None,
                ..edge.clone()
            });
        }
        self.friends.push(edge);
        self.pending.retain(|other| {
            (&other.from, &other.to) != (&from, &to) && (&other.from, &other.to) != (&to, &from)
        });
        (0, "")
    }

    /// Row 12: the request waits, new or refreshed where it stands.
    fn ask(&mut self, edge: Edge) -> Outcome {
        let same = |other: &&mut Edge| (&other.from, &other.to) == (&edge.from, &edge.to);
        if let Some(known) = self.pending.iter_mut().find(same) {
            *known = edge;
        } else if self.requests_of(&edge.from).max(self.requests_of(&edge.to)) >= self.caps.pending
        {
            return (30012, "Err_SNS_FriendAdd_Pendency_Num_Exceed_Threshold");
        } else {
            self.pending.push(edge);
        }
        (30539, "Err_SNS_FriendAdd_Friend_Allow_Type_Need_Confirm")
    }

    fn has(&self, from: &str, to: &str) -> bool {
        self.friends
            .iter()
            .any(|edge| edge.from == from && edge.to == to)
    }

    fn friends_of(&self, name: &str) -> u32 {
        count(self.friends.iter().filter(|edge| edge.from == name))
    }

    fn groups_of(&self, name: &str) -> u32 {
        count(self.groups.iter().filter(|(owner, _)| owner == name))
    }

    /// Sent and received together.
    fn requests_of(&self, name: &str) -> u32 {
        let of = |edge: &&Edge| edge.from == name || edge.to == name;
        count(self.pending.iter().filter(of))
    }

    /// All that is kept of an account.
    pub(crate) fn kept(&self, name: &str) -> Value {
        let friends = self.friends.iter().filter(|edge| edge.from == name);
        let groups = self.groups.iter().filter(|(owner, _)| owner == name);
        let sent = self.pending.iter().filter(|edge| edge.from == name);
        let received = self.pending.iter().filter(|edge| edge.to == name);
        // Whom a request waits for does not learn what it will be called, nor where it will be put.
        let received = received.map(|edge| Edge {
            to: edge.from.clone(),
            remark: None,
            group: None,
            ..edge.clone()
        });
        json!({
            "friends": friends.map(Edge::view).collect::<Vec<_>>(),
            "groups": groups.map(|(_, group)| group).collect::<Vec<_>>(),
            "sent": sent.map(Edge::view).collect::<Vec<_>>(),
            "received": received.map(|edge| edge.view()).collect::<Vec<_>>(),
        })
    }
}

impl Edge {
    fn view(&self) -> Value {
        json!({
            "with": self.to,
            "time": self.time,
            "source": self.source,
            "remark": self.remark,
            "groups": Vec::from_iter(&self.group),
            "wording": self.wording,
        })
    }
}

fn is_source(text: &str) -> bool {
    let keyword = text.strip_prefix("AddSource_Type_").unwrap_or_default();
    (1..=8).contains(&keyword.len()) && keyword.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).expect("a small number")
}
