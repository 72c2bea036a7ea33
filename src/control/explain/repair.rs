//! What has to be otherwise in a friend_add request: edits are tried, the fewest first, and the
//! call's own rule is asked again after each.

use super::rehearser::Rehearser;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use serde_json::{Map, Value, json};

/// A request that says something else.
#[derive(Clone, Debug)]
pub(super) struct Repaired {
    pub(super) request: Value,
    /// What is said otherwise, in words.
    pub(super) words: Vec<String>,
    /// Whom it names that is not there yet.
    pub(super) strangers: Vec<UserId>,
}

/// One thing to say otherwise.
#[derive(Clone)]
struct Edit {
    words: String,
    field: &'static str,
    /// `None` leaves the field out.
    value: Option<Value>,
    stranger: Option<UserId>,
}

impl Edit {
    fn leave_out(field: &'static str) -> Self {
        Self {
            words: format!("leave out {field}"),
            field,
            value: None,
            stranger: None,
        }
    }

    fn apply(&self, object: &mut Map<String, Value>) {
        match &self.value {
            Some(value) => object.insert(self.field.to_owned(), value.clone()),
            None => object.remove(self.field),
        };
    }
}

/// A request that is not refused as a whole, but for a From_Account that is not imported.
pub(super) async fn call(rehearser: &Rehearser<'_>, body: &Value) -> Option<Repaired> {
    let mut repaired = Repaired {
        request: body.clone(),
        words: Vec::new(),
        strangers: Vec::new(),
    };
    let max_items = rehearser.max_items();
    let mut whole = vec![Edit::leave_out("AddType"), Edit::leave_out("ForceAddFlags")];
    if let Some(items) = body["AddFriendItem"].as_array() {
        let items = &items[..items.len().min(max_items)];
        for (at, item) in items.iter().enumerate() {
            let Some(edits) = item_edits(rehearser, item, Asked::Read).await else {
                continue;
            };
            for edit in edits {
                let words = format!("{} of item {at}", edit.words);
                repaired.words.push(words);
                repaired.strangers.extend(edit.stranger);
                edit.apply(repaired.request["AddFriendItem"][at].as_object_mut()?);
            }
        }
        whole.push(Edit {
            words: format!("ask for {max_items} friends at most"),
            field: "AddFriendItem",
            value: Some(items.into()),
            stranger: None,
        });
    }
    let from = rehearser.admin();
    whole.push(Edit {
        words: format!("name a From_Account, such as {from}"),
        field: "From_Account",
        value: Some(from.as_str().into()),
        stranger: None,
    });
    let to = rehearser.stranger();
    whole.push(Edit {
        words: format!("ask for a friend, such as {to}"),
        field: "AddFriendItem",
        value: Some(json!([{ "To_Account": to }])),
        stranger: Some(to),
    });
    for subset in subsets(&whole) {
        let mut request = repaired.request.clone();
        let fields = request.as_object_mut()?;
        subset.iter().for_each(|edit| edit.apply(fields));
        let refusal = rehearser.rehearse(&request).await.err();
        if refusal.is_none_or(|refusal| refusal.code == Code::FromAccountNotExist) {
            for edit in subset {
                repaired.words.push(edit.words.clone());
                repaired.strangers.extend(edit.stranger);
            }
            return Some(Repaired {
                request,
                ..repaired
            });
        }
    }
    None
}

/// A request whose item at this place is well-formed.
pub(super) async fn item(rehearser: &Rehearser<'_>, body: &Value, at: usize) -> Option<Repaired> {
    let mut request = body.clone();
    let item = request["AddFriendItem"].get_mut(at)?;
    let from = body["From_Account"].clone();
    let edits = item_edits(rehearser, item, Asked::Judged { from }).await?;
    let fields = item.as_object_mut()?;
    edits.iter().for_each(|edit| edit.apply(fields));
    Some(Repaired {
        request,
        strangers: edits.iter().filter_map(|edit| edit.stranger).collect(),
        words: edits.into_iter().map(|edit| edit.words).collect(),
    })
}

/// What is asked of an item.
enum Asked {
    /// That it can be read.
    Read,
    /// That it is judged, in a call of this From_Account's.
    Judged { from: Value },
}

/// The fewest edits that an item needs; `None` where it needs none, or none help.
async fn item_edits(rehearser: &Rehearser<'_>, item: &Value, asked: Asked) -> Option<Vec<Edit>> {
    let from = match &asked {
        Asked::Read => rehearser.admin().as_str().into(),
        Asked::Judged { from } => from.clone(),
    };
    let stranger = rehearser.stranger();
    let another = Edit {
        words: format!("name another To_Account, such as {stranger}"),
        field: "To_Account",
        value: Some(stranger.as_str().into()),
        stranger: Some(stranger),
    };
    let optional = ["Remark", "GroupName", "AddSource", "AddWording"].map(Edit::leave_out);
    let all: Vec<_> = optional.into_iter().chain([another]).collect();
    for subset in subsets(&all) {
        let mut item = item.clone();
        let fields = item.as_object_mut()?;
        subset.iter().for_each(|edit| edit.apply(fields));
        let request = json!({ "From_Account": from, "AddFriendItem": [item] });
        let is_good = match (&asked, rehearser.rehearse(&request).await) {
            (_, Err(_)) => false,
            (Asked::Read, Ok(_)) => true,
            (Asked::Judged { .. }, Ok(rehearsal)) => rehearsal.items[0].facts.is_some(),
        };
        if is_good {
            let edits: Vec<_> = subset.into_iter().cloned().collect();
            return (!edits.is_empty()).then_some(edits);
        }
    }
    None
}

/// All subsets, the smallest first.
fn subsets(edits: &[Edit]) -> Vec<Vec<&Edit>> {
    let mut subsets: Vec<Vec<&Edit>> = (0..1_u32 << edits.len())
        .map(|subset| {
            let edits = edits.iter().enumerate();
            let edits = edits.filter(|(place, _)| subset & (1 << place) != 0);
            edits.map(|(_, edit)| edit).collect()
        })
        .collect();
    subsets.sort_by_key(Vec::len);
    subsets
}
