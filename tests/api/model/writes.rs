//! The model's commands that change something, except friend_add.

use super::rules::{
    Changed, Edge, Model, Outcome, answer, failure, given, is_source, is_user_id, result,
};
use serde_json::{Value, json};

const CUSTOM: &str = "Tag_SNS_Custom_Test";

impl Model {
    /// The answer to a call, without Fail_Account.
    pub(crate) fn call(&mut self, command: &str, body: &Value, now: i64) -> Value {
        let answer = match command {
            "sns/friend_add" => self.friend_add(body, now),
            "sns/friend_import" => self.friend_import(body, now),
            "sns/friend_update" => self.friend_update(body),
            "sns/friend_delete" => self.friend_delete(body),
            "sns/friend_delete_all" => self.friend_delete_all(body),
            "sns/black_list_add" => self.black_list_add(body, now),
            "sns/black_list_delete" => self.black_list_delete(body),
            "sns/group_add" => self.group_add(body),
            "sns/group_delete" => self.group_delete(body),
            "im_open_login_svc/account_import" => Ok(self.account_import(body)),
            "im_open_login_svc/account_delete" => Ok(self.account_delete(body)),
            "profile/portrait_set" => self.portrait_set(body),
            _ => self.read(command, body),
        };
        answer.unwrap_or_else(|failure| failure)
    }

    /// A result for each To_Account of a list.
    fn each(
        &mut self,
        api: &str,
        body: &Value,
        mut judge: impl FnMut(&mut Self, &str, &str) -> Outcome,
    ) -> Result<Vec<Value>, Value> {
        let from = self.asker(body)?;
        let mut results = Vec::new();
        for to in body["To_Account"].as_array().into_iter().flatten() {
            let to = to.as_str().expect("a name");
            let outcome = if !is_user_id(to) {
                (30001, "To_Account_Illegal")
            } else if !self.is_imported(to) {
                (30003, "To_Account_Not_Exist")
            } else {
                judge(self, &from, to)
            };
            results.push(result(api, to, outcome));
        }
        Ok(results)
    }

    fn friend_import(&mut self, body: &Value, now: i64) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let mut results = Vec::new();
        for item in body["AddFriendItem"].as_array().expect("a list") {
            let to = item["To_Account"].as_str().expect("a name");
            let outcome = self.import(&from, to, item, now);
            results.push(result("FriendImport", to, outcome));
        }
        Ok(answer(json!({"ResultItem": results})))
    }

    fn import(&mut self, from: &str, to: &str, item: &Value, now: i64) -> Outcome {
        let source = given(item, "AddSource");
        let groups = names(&item["GroupName"]);
        let custom = item["CustomItem"].as_array().map(|list| list[0].clone());
        if !is_user_id(to) {
            return (30001, "To_Account_Illegal");
        }
        if to == from {
            return (30001, "Add_Self");
        }
        if !source.as_deref().is_some_and(is_source) {
            return (30001, "Source_Illegal");
        }
        if given(item, "Remark").is_some_and(|remark| remark.len() > 96) {
            return (30001, "Req_Remark_Len_Illegal");
        }
        if groups.iter().any(|group| group.len() > 30) {
            return (30001, "Req_Group_Name_Len_Illegal");
        }
        if groups.len() > self.caps.groups as usize {
            return (30011, "Group_Num_Exceed_Threshold");
        }
        if custom.as_ref().is_some_and(|field| field["Tag"] != CUSTOM) {
            return (30001, "Tag_Illegal");
        }
        if !self.is_imported(to) {
            return (30003, "To_Account_Not_Exist");
        }
        let known = self.friend(from, to).cloned();
        if known.is_none() && self.friends_of(from) >= self.caps.friends {
            return (30010, "My_Friend_Num_Exceed_Threshold");
        }
        if self.too_many_groups(from, &groups) {
            return (30011, "Group_Num_Exceed_Threshold");
        }
        let mut changed = Changed {
            standard: true,
            custom: custom.is_some(),
            groups: !groups.is_empty(),
            blocklist: false,
        };
        self.make_groups(from, &groups, &mut changed);
        let is_new = known.is_none();
        let mut edge = known.unwrap_or_else(|| Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            time: now,
            source: None,
            remark: None,
            groups: Vec::new(),
            wording: None,
            custom: None,
        });
        edge.time = item["AddTime"].as_i64().unwrap_or(edge.time);
        edge.source = source;
        edge.remark = given(item, "Remark").or(edge.remark);
        edge.wording = given(item, "AddWording").or(edge.wording);
        if !groups.is_empty() {
            edge.groups = groups;
        }
        edge.custom = custom.map(|field| field["Value"].clone()).or(edge.custom);
        if is_new {
            self.friends.push(edge);
        } else {
            self.replace(edge);
        }
        self.count(from, changed);
        self.settle(from, to);
        (0, "")
    }

    fn friend_update(&mut self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let mut results = Vec::new();
        for item in body["UpdateItem"].as_array().expect("a list") {
            let to = item["To_Account"].as_str().expect("a name");
            let fields = item["SnsItem"].as_array().expect("a list");
            let outcome = self.update(&from, to, fields);
            results.push(result("FriendUpdate", to, outcome));
        }
        Ok(answer(json!({"ResultItem": results})))
    }

    fn update(&mut self, from: &str, to: &str, fields: &[Value]) -> Outcome {
        if !is_user_id(to) {
            return (30001, "To_Account_Illegal");
        }
        let field = |tag: &str| {
            let mut named = fields.iter().filter(|field| field["Tag"] == tag);
            named.next_back().map(|field| field["Value"].clone())
        };
        let (remark, groups) = (field("Tag_SNS_IM_Remark"), field("Tag_SNS_IM_Group"));
        let custom = field(CUSTOM);
        let groups = groups.as_ref().map(names);
        for field in fields {
            let value = &field["Value"];
            match field["Tag"].as_str().expect("a text") {
                "Tag_SNS_IM_Remark" if value.as_str().is_some_and(|text| text.len() > 96) => {
                    return (30001, "Req_Remark_Len_Illegal");
                }
                "Tag_SNS_IM_Group" if names(value).len() > self.caps.groups as usize => {
                    return (30011, "Group_Num_Exceed_Threshold");
                }
                CUSTOM if value.is_array() => return (30001, "Value_Illegal"),
                "Tag_SNS_IM_Remark" | "Tag_SNS_IM_Group" | CUSTOM => {}
                _ => return (30001, "Tag_Illegal"),
            }
        }
        if !self.is_imported(to) {
            return (30003, "To_Account_Not_Exist");
        }
        let Some(mut edge) = self.friend(from, to).cloned() else {
            return (30001, "Friend_Not_Exist");
        };
        if self.too_many_groups(from, groups.as_deref().unwrap_or_default()) {
            return (30011, "Group_Num_Exceed_Threshold");
        }
        let mut changed = Changed {
            standard: remark.is_some() || groups.is_some(),
            custom: custom.is_some(),
            groups: groups.is_some(),
            blocklist: false,
        };
        if let Some(remark) = remark {
            edge.remark = remark
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned);
        }
        if let Some(groups) = groups {
            self.make_groups(from, &groups, &mut changed);
            edge.groups = groups;
        }
        if let Some(value) = custom {
            edge.custom = Some(value).filter(|value| value != "");
        }
        self.replace(edge);
        self.count(from, changed);
        (0, "")
    }

    fn friend_delete(&mut self, body: &Value) -> Result<Value, Value> {
        let both = body["DeleteType"] == "Delete_Type_Both";
        let results = self.each("FriendDelete", body, |model, from, to| {
            let mut mine = Changed::default();
            if !model.unfriend(from, to, &mut mine) {
                return (31704, "Not_Friend");
            }
            model.count(from, mine);
            if both {
                let mut theirs = Changed::default();
                model.unfriend(to, from, &mut theirs);
                model.count(to, theirs);
            }
            (0, "")
        })?;
        let mut answer = answer(json!({"ResultItem": results}));
        answer["ErrorInfo"] = "0".into();
        Ok(answer)
    }

    fn friend_delete_all(&mut self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let friends = self.friends.iter().filter(|edge| edge.from == from);
        let tos: Vec<_> = friends.map(|edge| edge.to.clone()).collect();
        let mut mine = Changed::default();
        for to in &tos {
            self.unfriend(&from, to, &mut mine);
        }
        self.count(&from, mine);
        if body["DeleteType"] == "Delete_Type_Both" {
            for to in &tos {
                let mut theirs = Changed::default();
                self.unfriend(to, &from, &mut theirs);
                self.count(to, theirs);
            }
        }
        Ok(answer(json!({})))
    }

    fn black_list_add(&mut self, body: &Value, now: i64) -> Result<Value, Value> {
        let results = self.each("BlackListAdd", body, |model, from, to| {
            if from == to {
                return (30001, "Add_Self");
            }
            if model.blocks(from, to) {
                return (30001, "Already_Exist");
            }
            let blocked = model.blocked.iter().filter(|(owner, ..)| owner == from);
            if blocked.count() >= model.caps.blocklist as usize {
                return (30013, "BlackList_Num_Exceed_Threshold");
            }
            model.blocked.push((from.to_owned(), to.to_owned(), now));
            let mut mine = Changed {
                blocklist: true,
                ..Changed::default()
            };
            let mut theirs = Changed::default();
            if !model.caps.remain_friends {
                model.unfriend(from, to, &mut mine);
                model.unfriend(to, from, &mut theirs);
            }
            model.count(from, mine);
            model.count(to, theirs);
            (0, "")
        })?;
        Ok(answer(json!({"ResultItem": results})))
    }

    fn black_list_delete(&mut self, body: &Value) -> Result<Value, Value> {
        let results = self.each("BlackListDelete", body, |model, from, to| {
            if !model.blocks(from, to) {
                return (30001, "Not_Exist");
            }
            model.unblock(from, to);
            (0, "")
        })?;
        Ok(answer(json!({"ResultItem": results})))
    }

    fn unblock(&mut self, from: &str, to: &str) {
        let changed = Changed {
            blocklist: self.blocks(from, to),
            ..Changed::default()
        };
        self.blocked
            .retain(|(owner, other, _)| (&**owner, &**other) != (from, to));
        self.count(from, changed);
    }

    fn group_add(&mut self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let groups = names(&body["GroupName"]);
        if self.too_many_groups(&from, &groups) {
            let info = "Err_SNS_GroupAdd_Group_Num_Exceed_Threshold";
            return Err(failure((30011, info)));
        }
        let mut changed = Changed::default();
        self.make_groups(&from, &groups, &mut changed);
        self.count(&from, changed);
        let results = self.each("GroupAdd", body, |model, from, to| {
            let Some(mut edge) = model.friend(from, to).cloned() else {
                return (32216, "ToTinyId_Not_Friend");
            };
            for group in &groups {
                if !edge.groups.contains(group) {
                    edge.groups.push(group.clone());
                }
            }
            model.replace(edge);
            let changed = Changed {
                standard: true,
                groups: true,
                ..Changed::default()
            };
            model.count(from, changed);
            (0, "")
        })?;
        let mut fields = json!({"CurrentSequence": self.sequences_of(&from).groups});
        if !results.is_empty() {
            fields["ResultItem"] = Value::Array(results);
        }
        Ok(answer(fields))
    }

    fn group_delete(&mut self, body: &Value) -> Result<Value, Value> {
        let from = self.asker(body)?;
        let mut changed = Changed::default();
        for group in names(&body["GroupName"]) {
            let before = self.groups.len();
            let gone = (from.clone(), group.clone());
            self.groups.retain(|group| *group != gone);
            changed.groups |= self.groups.len() < before;
            for edge in self.friends.iter_mut().filter(|edge| edge.from == from) {
                changed.standard |= edge.groups.contains(&group);
                edge.groups.retain(|other| *other != group);
            }
        }
        self.count(&from, changed);
        let mut answer = answer(json!({"CurrentSequence": self.sequences_of(&from).groups}));
        answer["ErrorInfo"] = "0".into();
        Ok(answer)
    }

    fn account_import(&mut self, body: &Value) -> Value {
        let name = body["UserID"].as_str().expect("a name").to_owned();
        if let Some(nick) = given(body, "Nick") {
            self.profiles
                .insert((name.clone(), "Nick".to_owned()), nick);
        }
        if !self.is_imported(&name) {
            self.imported.push(name);
        }
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""})
    }

    fn account_delete(&mut self, body: &Value) -> Value {
        let mut results = Vec::new();
        for item in body["DeleteItem"].as_array().expect("a list") {
            let name = item["UserID"].as_str().expect("a name");
            let (code, info) = if self.is_imported(name) {
                self.delete(name);
                (0, "")
            } else {
                (70107, "Err_TLS_PT_Open_Login_Account_Not_Exist")
            };
            results.push(json!({"UserID": name, "ResultCode": code, "ResultInfo": info}));
        }
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ResultItem": results})
    }

    fn delete(&mut self, name: &str) {
        self.imported.retain(|other| other != name);
        self.friends.retain(|edge| edge.from != name);
        self.blocked.retain(|(owner, ..)| owner != name);
        self.groups.retain(|(owner, _)| owner != name);
        self.profiles.retain(|(owner, _), _| owner != name);
        self.pending
            .retain(|edge| edge.from != name && edge.to != name);
        for other in self.imported.clone() {
            let mut changed = Changed::default();
            self.unfriend(&other, name, &mut changed);
            self.count(&other, changed);
            self.unblock(&other, name);
        }
        self.sequences.remove(name);
    }

    fn portrait_set(&mut self, body: &Value) -> Result<Value, Value> {
        let name = body["From_Account"].as_str().expect("a name");
        if !self.is_imported(name) {
            let info = "Err_Profile_PortraitSet_Account_Not_Exist";
            return Err(failure((40003, info)));
        }
        for item in body["ProfileItem"].as_array().expect("a list") {
            let tag = item["Tag"].as_str().expect("a text");
            let field = tag.trim_start_matches("Tag_Profile_IM_").to_owned();
            let value = item["Value"].as_str().expect("a text").to_owned();
            self.profiles.insert((name.to_owned(), field), value);
        }
        Ok(answer(json!({})))
    }

    fn replace(&mut self, edge: Edge) {
        let mut friends = self.friends.iter_mut();
        let known = friends.find(|other| (&other.from, &other.to) == (&edge.from, &edge.to));
        *known.expect("it is a friend") = edge;
    }
}

/// The names of a list or of a single text, without duplicates and without empty names.
fn names(value: &Value) -> Vec<String> {
    let list = value.as_array().cloned();
    let mut names = Vec::new();
    for name in list.unwrap_or_else(|| vec![value.clone()]) {
        let name = name.as_str().unwrap_or_default().to_owned();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
