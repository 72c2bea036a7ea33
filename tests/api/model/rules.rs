//! The model: accounts and their relations in plain lists, simple and slow; and friend_add.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The limits of a run, and whether a friendship stays when one side blocks the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) friends: u32,
    pub(crate) groups: u32,
    pub(crate) pending: u32,
    pub(crate) blocklist: u32,
    pub(crate) remain_friends: bool,
}

/// An item's outcome: ResultCode, and the part of ResultInfo after `Err_SNS_` and the command.
pub(super) type Outcome = (u32, &'static str);

/// A friend `to` in the list of `from`, or a pending request from `from` to `to`.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) time: i64,
    pub(super) source: Option<String>,
    pub(super) remark: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) wording: Option<String>,
    pub(super) custom: Option<Value>,
}

/// The numbers of changes of an account's lists.
#[derive(Clone, Copy, Default)]
pub(super) struct Sequences {
    pub(super) standard: u32,
    pub(super) custom: u32,
    pub(super) groups: u32,
    pub(super) blocklist: u32,
}

/// The sequences that an item changes.
#[derive(Clone, Copy, Default)]
pub(super) struct Changed {
    pub(super) standard: bool,
    pub(super) custom: bool,
    pub(super) groups: bool,
    pub(super) blocklist: bool,
}

/// All accounts and relations. Each list is in the order in which its entries were added.
pub(crate) struct Model {
    pub(super) caps: Caps,
    pub(super) imported: Vec<String>,
    /// AllowType, AdminForbidType and Nick by account and field; defaults can be absent.
    pub(super) profiles: BTreeMap<(String, String), String>,
    /// The owner, the blocked account, and the time.
    pub(super) blocked: Vec<(String, String, i64)>,
    pub(super) friends: Vec<Edge>,
    pub(super) pending: Vec<Edge>,
    /// The owner and the group.
    pub(super) groups: Vec<(String, String)>,
    pub(super) sequences: BTreeMap<String, Sequences>,
}

/// A successful sns answer around a command's own fields.
pub(super) fn answer(mut fields: Value) -> Value {
    fields["ActionStatus"] = "OK".into();
    fields["ErrorCode"] = 0.into();
    fields["ErrorInfo"] = "".into();
    fields["ErrorDisplay"] = "".into();
    fields
}

/// A call that failed as a whole.
pub(super) fn failure((code, info): (u32, &str)) -> Value {
    json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": info, "ErrorDisplay": ""})
}

/// A field's text; `None` for `null` and `""`.
pub(super) fn given(item: &Value, key: &str) -> Option<String> {
    let text = item.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Whether a text is a UserID.
pub(super) fn is_user_id(text: &str) -> bool {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (1..=32).contains(&text.len()) && printable
}

impl Model {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            caps,
            imported: Vec::new(),
            profiles: BTreeMap::new(),
            blocked: Vec::new(),
            friends: Vec::new(),
            pending: Vec::new(),
            groups: Vec::new(),
            sequences: BTreeMap::new(),
        }
    }

    /// From_Account if it is imported, or the failure of the whole call.
    pub(super) fn asker(&self, body: &Value) -> Result<String, Value> {
        let from = body["From_Account"].as_str().expect("a name").to_owned();
        if self.is_imported(&from) {
            Ok(from)
        } else {
            Err(failure((30003, "Err_Sns_Invalid_Account")))
        }
    }

    /// The answer to friend_add, without Fail_Account.
    pub(super) fn friend_add(&mut self, body: &Value, now: i64) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let both = body
            .get("AddType")
            .is_none_or(|add_type| add_type != "Add_Type_Single");
        let forced = body.get("ForceAddFlags").is_some_and(|force| force == 1);
        let mut results = Vec::new();
        for item in body["AddFriendItem"].as_array().expect("a list") {
            let edge = Edge {
                from: from.clone(),
                to: given(item, "To_Account").unwrap_or_default(),
                time: now,
                source: given(item, "AddSource"),
                remark: given(item, "Remark"),
                groups: Vec::from_iter(given(item, "GroupName")),
                wording: given(item, "AddWording"),
                custom: None,
            };
            let to = edge.to.clone();
            let outcome = self.add(edge, both, forced);
            results.push(result("FriendAdd", &to, outcome));
        }
        Ok(answer(json!({"ResultItem": results})))
    }

    /// The checks of an item in their order of precedence, then its changes.
    fn add(&mut self, edge: Edge, both: bool, forced: bool) -> Outcome {
        let (from, to) = (edge.from.clone(), edge.to.clone());
        let over =
            |text: &Option<String>, bytes| text.as_ref().is_some_and(|text| text.len() > bytes);
        if !is_user_id(&to) {
            return (30001, "To_Account_Illegal");
        }
        if to == from {
            return (30001, "Add_Self");
        }
        if edge
            .source
            .as_deref()
            .is_some_and(|source| !is_source(source))
        {
            return (30001, "Source_Illegal");
        }
        if over(&edge.remark, 96) {
            return (30001, "Req_Remark_Len_Illegal");
        }
        if edge.groups.iter().any(|group| group.len() > 30) {
            return (30001, "Req_Group_Name_Len_Illegal");
        }
        if over(&edge.wording, 256) {
            return (30001, "Req_Add_Wording_Len_Illegal");
        }
        if self.profile(&from, "AdminForbidType") == "AdminForbid_Type_SendOut" {
            return (30009, "Forbid_By_Admin");
        }
        if !self.is_imported(&to) {
            return (30003, "To_Account_Not_Exist");
        }
        if self.has(&from, &to) {
            return (30001, "Friend_Exist");
        }
        if self.blocks(&from, &to) {
            return (30515, "In_Self_BlackList");
        }
        if self.blocks(&to, &from) {
            return (30525, "Reverse_Black_List");
        }
        let allows = self.profile(&to, "AllowType");
        if allows == "AllowType_Type_DenyAny" && !forced {
            return (30516, "Friend_Allow_Type_Forbid");
        }
        if self.friends_of(&from) >= self.caps.friends {
            return (30010, "My_Friend_Num_Exceed_Threshold");
        }
        let to_gains = both && !self.has(&to, &from);
        if to_gains && self.friends_of(&to) >= self.caps.friends {
            return (30014, "Peer_Friend_Num_Exceed_Threshold");
        }
        if self.too_many_groups(&from, &edge.groups) {
            return (30011, "Group_Num_Exceed_Threshold");
        }
        if allows == "AllowType_Type_NeedConfirm" && !forced {
            return self.ask(edge);
        }
        let mut mine = Changed::default();
        self.make_groups(&from, &edge.groups, &mut mine);
        mine.by(&edge);
        if to_gains {
            let reverse = Edge {
                from: to.clone(),
                to: from.clone(),
                remark: None,
                groups: Vec::new(),
                ..edge.clone()
            };
            let mut theirs = Changed::default();
            theirs.by(&reverse);
            self.count(&to, theirs);
            self.friends.push(reverse);
        }
        self.friends.push(edge);
        self.count(&from, mine);
        self.settle(&from, &to);
        (0, "")
    }

    /// Makes the request pending, or replaces a pending one at its place in the list.
    fn ask(&mut self, edge: Edge) -> Outcome {
        let same = |other: &&mut Edge| (&other.from, &other.to) == (&edge.from, &edge.to);
        if let Some(known) = self.pending.iter_mut().find(same) {
            *known = edge;
        } else if self.requests_of(&edge.from).max(self.requests_of(&edge.to)) >= self.caps.pending
        {
            return (30012, "Pendency_Num_Exceed_Threshold");
        } else {
            self.pending.push(edge);
        }
        (30539, "Friend_Allow_Type_Need_Confirm")
    }

    pub(super) fn is_imported(&self, name: &str) -> bool {
        self.imported.iter().any(|other| other == name)
    }

    /// A field of a profile; "" if it has no value.
    pub(super) fn profile(&self, name: &str, field: &str) -> String {
        let key = (name.to_owned(), field.to_owned());
        self.profiles.get(&key).cloned().unwrap_or_default()
    }

    pub(super) fn has(&self, from: &str, to: &str) -> bool {
        self.friend(from, to).is_some()
    }

    pub(super) fn friend(&self, from: &str, to: &str) -> Option<&Edge> {
        let mut friends = self.friends.iter();
        friends.find(|edge| edge.from == from && edge.to == to)
    }

    pub(super) fn blocks(&self, from: &str, to: &str) -> bool {
        let mut blocked = self.blocked.iter();
        blocked.any(|(owner, other, _)| owner == from && other == to)
    }

    pub(super) fn friends_of(&self, name: &str) -> u32 {
        count(self.friends.iter().filter(|edge| edge.from == name))
    }

    pub(super) fn groups_of(&self, name: &str) -> Vec<String> {
        let groups = self.groups.iter().filter(|(owner, _)| owner == name);
        groups.map(|(_, group)| group.clone()).collect()
    }

    /// The number of pending requests, sent and received.
    fn requests_of(&self, name: &str) -> u32 {
        let of = |edge: &&Edge| edge.from == name || edge.to == name;
        count(self.pending.iter().filter(of))
    }

    pub(super) fn too_many_groups(&self, name: &str, groups: &[String]) -> bool {
        let mine = self.groups_of(name);
        let new = groups.iter().filter(|group| !mine.contains(group)).count();
        new > 0 && mine.len() + new > self.caps.groups as usize
    }

    pub(super) fn make_groups(&mut self, name: &str, groups: &[String], changed: &mut Changed) {
        for group in groups {
            if !self.groups_of(name).contains(group) {
                self.groups.push((name.to_owned(), group.clone()));
                changed.groups = true;
            }
        }
    }

    /// Removes a friend from a list, and returns whether the list had it.
    pub(super) fn unfriend(&mut self, from: &str, to: &str, changed: &mut Changed) -> bool {
        let Some(edge) = self.friend(from, to).cloned() else {
            return false;
        };
        changed.by(&edge);
        self.friends
            .retain(|edge| (&*edge.from, &*edge.to) != (from, to));
        true
    }

    /// Ends the pending requests between the two accounts.
    pub(super) fn settle(&mut self, from: &str, to: &str) {
        self.pending.retain(|edge| {
            let ends = (&*edge.from, &*edge.to);
            ends != (from, to) && ends != (to, from)
        });
    }

    pub(super) fn count(&mut self, name: &str, changed: Changed) {
        let sequences = self.sequences.entry(name.to_owned()).or_default();
        sequences.standard += u32::from(changed.standard);
        sequences.custom += u32::from(changed.custom);
        sequences.groups += u32::from(changed.groups);
        sequences.blocklist += u32::from(changed.blocklist);
    }

    pub(super) fn sequences_of(&self, name: &str) -> Sequences {
        self.sequences.get(name).copied().unwrap_or_default()
    }

    /// The stored account.
    pub(crate) fn kept(&self, name: &str) -> Value {
        if !self.is_imported(name) {
            return Value::Null;
        }
        let friends = self.friends.iter().filter(|edge| edge.from == name);
        let sent = self.pending.iter().filter(|edge| edge.from == name);
        let received = self.pending.iter().filter(|edge| edge.to == name);
        // The receiver of a request does not store its remark and groups.
        let received = received.map(|edge| Edge {
            to: edge.from.clone(),
            remark: None,
            groups: Vec::new(),
            ..edge.clone()
        });
        let blocked = self.blocked.iter().filter(|(owner, ..)| owner == name);
        let Sequences {
            standard,
            custom,
            groups,
            blocklist,
        } = self.sequences_of(name);
        json!({
            "friends": friends.map(Edge::view).collect::<Vec<_>>(),
            "groups": self.groups_of(name),
            "sent": sent.map(Edge::view).collect::<Vec<_>>(),
            "received": received.map(|edge| edge.view()).collect::<Vec<_>>(),
            "blocklist": blocked.map(|(_, to, time)| json!([to, time])).collect::<Vec<_>>(),
            "sequences": [standard, custom, groups, blocklist],
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
            "groups": self.groups,
            "wording": self.wording,
            "custom": self.custom,
        })
    }
}

impl Changed {
    /// A friend was added or removed.
    pub(super) fn by(&mut self, edge: &Edge) {
        self.standard = true;
        self.custom |= edge.custom.is_some();
        self.groups |= !edge.groups.is_empty();
    }
}

/// An item's result.
pub(super) fn result(api: &str, to: &str, (code, reason): Outcome) -> Value {
    let info = if code == 0 {
        String::new()
    } else {
        format!("Err_SNS_{api}_{reason}")
    };
    json!({"To_Account": to, "ResultCode": code, "ResultInfo": info})
}

pub(super) fn is_source(text: &str) -> bool {
    let keyword = text.strip_prefix("AddSource_Type_").unwrap_or_default();
    (1..=8).contains(&keyword.len()) && keyword.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).expect("a small number")
}
