//! The model's commands that only read.

use super::rules::{Edge, Model, answer, is_user_id, result};
use serde_json::{Value, json};

impl Model {
    pub(super) fn read(&self, command: &str, body: &Value) -> Result<Value, Value> {
        match command {
            "sns/friend_get" => self.friend_get(body),
            "sns/friend_get_list" => self.friend_get_list(body),
            "sns/friend_check" => {
                let from = self.asker(body)?;
                let relation = |to: &str| relation(body, self.has(&from, to), self.has(to, &from));
                Ok(self.check("FriendCheck", body, "InfoItem", "NoRelation", relation))
            }
            "sns/black_list_check" => {
                let from = self.asker(body)?;
                let blocks =
                    |to: &str| relation(body, self.blocks(&from, to), self.blocks(to, &from));
                Ok(self.check("BlackListCheck", body, "BlackListCheckItem", "NO", blocks))
            }
            "sns/black_list_get" => self.black_list_get(body),
            "sns/group_get" => self.group_get(body),
            "im_open_login_svc/account_check" => Ok(self.account_check(body)),
            "profile/portrait_get" => Ok(self.portrait_get(body)),
            other => panic!("the model knows no {other}"),
        }
    }

    fn friend_get(&self, body: &Value) -> Result<Value, Value> {
        const PAGE: usize = 100;
        let from = self.asker(body)?;
        let sequences = self.sequences_of(&from);
        let friends: Vec<_> = self
            .friends
            .iter()
            .filter(|edge| edge.from == from)
            .collect();
        let start = number(&body["StartIndex"]);
        let knows = |name: &str, current: u32| start == 0 && current > 0 && body[name] == current;
        let wants_standard = !knows("StandardSequence", sequences.standard);
        let wants_custom = !knows("CustomSequence", sequences.custom);
        let knows_all = !wants_standard && !wants_custom;
        let page = friends
            .iter()
            .skip(start)
            .take(if knows_all { 0 } else { PAGE });
        let items = page.map(|edge| {
            let tags = ["AddSource", "Remark", "Group", "AddWording", "AddTime"];
            let standard = tags
                .iter()
                .filter(|_| wants_standard)
                .filter_map(|tag| edge.field(tag));
            let custom = edge.custom_field().filter(|_| wants_custom);
            let fields: Vec<_> = standard.chain(custom).collect();
            json!({"To_Account": edge.to, "ValueItem": fields})
        });
        let next = start + PAGE;
        let is_last = knows_all || next >= friends.len();
        let mut answer = answer(json!({
            "UserDataItem": items.collect::<Vec<_>>(),
            "StandardSequence": sequences.standard,
            "CustomSequence": sequences.custom,
            "FriendNum": friends.len(),
            "CompleteFlag": i32::from(is_last),
            "NextStartIndex": if is_last { 0 } else { next },
        }));
        if friends.is_empty() {
            let fields = answer.as_object_mut().expect("an object");
            fields.remove("UserDataItem");
        }
        Ok(answer)
    }

    fn friend_get_list(&self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let asked = body["TagList"].as_array().expect("a list");
        let mut items = Vec::new();
        for to in texts(&body["To_Account"]) {
            let friend = self.friend(&from, to);
            let mut item = result("FriendGetList", to, self.may_look(to));
            if item["ResultCode"] == 0 && friend.is_none() {
                item = result("FriendGetList", to, (30001, "Friend_Not_Exist"));
            }
            if let (Some(edge), true) = (friend, item["ResultCode"] == 0) {
                let mut fields = Vec::new();
                // Kinds of fields are in the page's order, and the fields of a kind in the order of
                // the request.
                for tag in texts(&body["TagList"]) {
                    let name = tag.strip_prefix("Tag_SNS_IM_");
                    fields.extend(name.and_then(|name| edge.field(name)));
                }
                // Only Nick is answered without a value.
                let nick = self.profile(to, "Nick");
                fields.push(json!({"Tag": "Tag_Profile_IM_Nick", "Value": nick}));
                fields.extend(edge.custom_field());
                fields.retain(|field| asked.contains(&field["Tag"]));
                item["SnsProfileItem"] = Value::Array(fields);
            }
            items.push(item);
        }
        Ok(answer(json!({"InfoItem": items})))
    }

    /// The result for a To_Account that is only read.
    fn may_look(&self, to: &str) -> (u32, &'static str) {
        if !is_user_id(to) {
            (30001, "To_Account_Illegal")
        } else if !self.is_imported(to) {
            (30003, "To_Account_Not_Exist")
        } else {
            (0, "")
        }
    }

    fn check(
        &self,
        api: &str,
        body: &Value,
        list: &str,
        none: &str,
        relation: impl Fn(&str) -> &'static str,
    ) -> Value {
        let check_type = body["CheckType"].as_str().expect("a text");
        let prefix = check_type
            .trim_end_matches("Single")
            .trim_end_matches("Both");
        let item = |to: &str| {
            let mut item = result(api, to, self.may_look(to));
            let word = match (item["ResultCode"] == 0, relation(to)) {
                (false, _) | (true, "") => none,
                (true, word) => word,
            };
            item["Relation"] = format!("{prefix}{word}").into();
            item
        };
        let items: Vec<_> = texts(&body["To_Account"]).map(item).collect();
        answer(json!({list: items}))
    }

    fn black_list_get(&self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let blocked: Vec<_> = self
            .blocked
            .iter()
            .filter(|(owner, ..)| *owner == from)
            .collect();
        let (start, count) = (number(&body["StartIndex"]), number(&body["MaxLimited"]));
        let page = blocked.iter().skip(start).take(count);
        let items = page.map(|(_, to, time)| json!({"To_Account": to, "AddBlackTimeStamp": time}));
        let next = if start + count < blocked.len() {
            start + count
        } else {
            0
        };
        let sequence = self.sequences_of(&from).blocklist;
        Ok(answer(json!({
            "BlackListItem": items.collect::<Vec<_>>(),
            "StartIndex": next,
            "CurruentSequence": sequence,
            "CurrentSequence": sequence,
        })))
    }

    fn group_get(&self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let asked = body["GroupName"].as_array();
        let groups = self.groups_of(&from).into_iter();
        let groups = groups.filter(|group| asked.is_none_or(|asked| asked.contains(&json!(group))));
        let items = groups.map(|group| {
            let mine = self.friends.iter().filter(|edge| edge.from == from);
            let members = mine.filter(|edge| edge.groups.contains(&group));
            let members: Vec<_> = members.map(|edge| &edge.to).collect();
            let mut item = json!({"GroupName": group, "FriendNumber": members.len()});
            if body["NeedFriend"] == "Need_Friend_Type_Yes" {
                item["To_Account"] = json!(members);
            }
            item
        });
        Ok(answer(json!({
            "ResultItem": items.collect::<Vec<_>>(),
            "CurrentSequence": self.sequences_of(&from).groups,
        })))
    }

    fn account_check(&self, body: &Value) -> Value {
        let items = body["CheckItem"].as_array().expect("a list").iter();
        let items = items.map(|item| {
            let name = item["UserID"].as_str().expect("a name");
            let status = if self.is_imported(name) {
                "Imported"
            } else {
                "NotImported"
            };
            json!({"UserID": name, "ResultCode": 0, "ResultInfo": "", "AccountStatus": status})
        });
        let items: Vec<_> = items.collect();
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ResultItem": items})
    }

    fn portrait_get(&self, body: &Value) -> Value {
        let item = |to: &str| {
            if !self.is_imported(to) {
                let info = "Err_Profile_PortraitGet_Account_Not_Exist";
                return json!({"To_Account": to, "ResultCode": 40003, "ResultInfo": info});
            }
            let field = |tag: &str| {
                let value = self.profile(to, tag.trim_start_matches("Tag_Profile_IM_"));
                let value = match (tag, &*value) {
                    ("Tag_Profile_IM_AllowType", "") => "AllowType_Type_AllowAny".to_owned(),
                    ("Tag_Profile_IM_AdminForbidType", "") => "AdminForbid_Type_None".to_owned(),
                    _ => value,
                };
                let is_shown = !value.is_empty() || tag == "Tag_Profile_IM_Nick";
                is_shown.then(|| json!({"Tag": tag, "Value": value}))
            };
            let fields: Vec<_> = texts(&body["TagList"]).filter_map(field).collect();
            json!({"To_Account": to, "ProfileItem": fields, "ResultCode": 0, "ResultInfo": ""})
        };
        let items: Vec<_> = texts(&body["To_Account"]).map(item).collect();
        answer(json!({"UserProfileItem": items}))
    }
}

impl Edge {
    /// A standard field of an answer, if it has a value.
    fn field(&self, name: &str) -> Option<Value> {
        let value = match name {
            "AddSource" => json!(self.source.as_ref()?),
            "Remark" => json!(self.remark.as_ref()?),
            "Group" if self.groups.is_empty() => return None,
            "Group" => json!(self.groups),
            "AddWording" => json!(self.wording.as_ref()?),
            "AddTime" => json!(self.time),
            other => panic!("no field {other}"),
        };
        Some(json!({"Tag": format!("Tag_SNS_IM_{name}"), "Value": value}))
    }

    fn custom_field(&self) -> Option<Value> {
        let value = self.custom.as_ref()?;
        Some(json!({"Tag": "Tag_SNS_Custom_Test", "Value": value}))
    }
}

/// The last part of a Relation's value; "" for no relation.
fn relation(body: &Value, a_has_b: bool, b_has_a: bool) -> &'static str {
    let looks_at_both = body["CheckType"]
        .as_str()
        .expect("a text")
        .ends_with("Both");
    match (a_has_b, b_has_a && looks_at_both) {
        (false, false) => "",
        (true, false) => "AWithB",
        (false, true) => "BWithA",
        (true, true) => "BothWay",
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("a text"))
}

fn number(value: &Value) -> usize {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .expect("a number")
}
