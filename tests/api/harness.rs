//! A running emulator with methods for calls. Each reply is checked for what is true of all
//! replies.

use futures_util::FutureExt;
use serde_json::{Value, json};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tencent_chat_emulator::config::{AppConfig, Config, NonAdminCode, Sources};
use tencent_chat_emulator::protocol::code::{API, Code};
use tencent_chat_emulator::protocol::ids::{SdkAppId, UserId};
use tencent_chat_emulator::store::Account;
use tencent_chat_emulator::{AccountSeed, ArmedFault, Emulator, Fault};

/// The app of the built-in configuration, and one of its admins.
pub(crate) const APP: &str = "88888888";
pub(crate) const ADMIN: &str = "administrator";

/// The headers that an answer can have.
const HEADERS: [&str; 7] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "content-length",
    "content-type",
    "date",
    HINT,
];

/// The header of answers of calls that failed, wholly or in part.
pub(crate) const HINT: &str = "x-emulator-hint";

/// The services whose answers have no ErrorDisplay; "other" stands for services that are not known.
const WITHOUT_DISPLAY: [&str; 5] = [
    "im_open_login_svc",
    "openim",
    "group_open_http_svc",
    "all_member_push",
    "other",
];

/// An emulator on a free port, with the built-in configuration and no rate limit.
pub(crate) struct TestApp {
    pub(crate) emulator: Emulator,
    pub(crate) client: reqwest::Client,
}

/// A reply that passed the checks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// The body as it was sent.
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// The output of a future that is ready at its first poll, like the futures of the store in memory.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let output = tokio::task::unconstrained(future).now_or_never();
    output.expect("the store in memory waits for nothing")
}

pub(crate) fn app_id(text: &str) -> SdkAppId {
    SdkAppId::parse(text).expect("a legal SDKAppID")
}

pub(crate) fn user(text: &str) -> UserId {
    UserId::parse(text).expect("a legal UserID")
}

/// The row's text in an answer of a command, such as friend_add.
pub(crate) fn row_text(row: Code, command: &str) -> String {
    let words = command.split('_').map(|word| {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        first.to_uppercase() + rest
    });
    row.info().replace(API, &words.collect::<String>())
}

/// Whether an answer of a command has the row's number and text. An answer's text can have more at
/// its end; the texts of 70013 and 70014 also have UserIDs and SDKAppIDs in the middle.
pub(crate) fn row_answers(row: Code, command: &str, number: u64, info: &str) -> bool {
    let text = row_text(row, command);
    let begin = text.split(" does not match ").next().unwrap_or_default();
    let same_text = info.starts_with(begin) && info.is_empty() == text.is_empty();
    number == u64::from(row.number()) && same_text
}

/// A friend_add body from "id", with one item.
pub(crate) fn one(item: Value) -> Value {
    json!({"From_Account": "id", "AddFriendItem": [item]})
}

/// The body with this field set.
pub(crate) fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    // An error means that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts with the clock held, for tests in which an AddTime of now must stay the same.
    pub(crate) async fn start_held() -> Self {
        let app = Self::start().await;
        app.emulator.clock().hold(None);
        app
    }

    /// `change` may change the configuration first.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let config = Config::load(&Sources::default()).expect("the defaults are good");
        Self::start_from(config, change).await
    }

    /// Starts from a configuration other than the built-in one.
    pub(crate) async fn start_from(mut config: Config, change: impl FnOnce(&mut Config)) -> Self {
        config.listen = "127.0.0.1:0".parse().expect("an address");
        config.app().calls_per_second = Some(0);
        config.tls.ca_directory = Some(PathBuf::new());
        change(&mut config);
        let emulator = Emulator::start(config).await.expect("a port is free");
        let client = client_builder();
        Self {
            emulator,
            client: client.build().expect("a client"),
        }
    }

    pub(crate) fn user_sig(&self, identifier: &str) -> String {
        self.emulator
            .user_sig(app_id(APP), identifier, 86_400)
            .expect("the app exists")
    }

    /// The query string of a good call by an admin.
    pub(crate) fn query(&self) -> String {
        self.query_of(APP, ADMIN)
    }

    /// The query string of a call to an app by `identifier`.
    pub(crate) fn query_of(&self, app: &str, identifier: &str) -> String {
        let usersig = self.emulator.user_sig(app_id(app), identifier, 86_400);
        let usersig = usersig.expect("the app exists");
        format!(
            "sdkappid={app}&identifier={identifier}&usersig={usersig}&random=99999999&contenttype=json"
        )
    }

    pub(crate) fn url(&self, path: &str, query: &str) -> String {
        format!("{}{path}?{query}", self.emulator.url())
    }

    /// Makes a POST with any body to any path.
    pub(crate) async fn post(
        &self,
        path: &str,
        query: &str,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        self.send(self.client.post(self.url(path, query)).body(body))
            .await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::check(request.send().await.expect("an answer")).await
    }

    /// Calls a command, such as `sns/friend_get`, as an admin. The reply is checked against the
    /// request.
    pub(crate) async fn call(&self, command: &str, body: Value) -> Reply {
        let path = format!("/v4/{command}");
        let reply = self.post(&path, &self.query(), body.to_string()).await;
        reply.check_items(&body);
        reply
    }

    /// What was wrong with a recent call, which got this reply: the hint in the journal, without the
    /// advice at its end.
    pub(crate) async fn why(&self, reply: &Reply) -> String {
        let answer = self.control().get("/requests?limit=9").await.ok();
        let mut calls = answer["calls"].as_array().expect("a list").iter();
        let call = calls.rfind(|call| call["response"] == reply.json);
        let hint = call.expect("it is a recent call")["hint"].as_str();
        let hint = hint.expect("a call that failed has a hint");
        let is_code = |code: &&Code| u64::from(code.number()) == reply.error_code();
        let mut codes = Code::ALL.iter().filter(is_code);
        let fix = |code: &Code| code.advice().fix.replace("{sdkappid}", APP);
        let why = codes.find_map(|code| hint.strip_suffix(&*fix(code)));
        let why = why.map_or(hint, |why| why.trim_end_matches("; "));
        why.to_owned()
    }

    /// Makes a call that prepares a test: it and all its items have to succeed.
    pub(crate) async fn arrange(&self, command: &str, body: Value) {
        let reply = self.call(command, body).await;
        assert_eq!(reply.error_code(), 0, "{command}: {}", reply.text);
        assert!(reply.json.get("Fail_Account").is_none(), "{}", reply.text);
    }

    /// Calls friend_add with this body as an admin.
    pub(crate) async fn friend_add(&self, body: Value) -> Reply {
        self.call("sns/friend_add", body).await
    }

    /// Calls friend_add with items that have only To_Account. Returns the ResultCodes.
    pub(crate) async fn add(&self, from: &str, tos: &[&str]) -> Vec<u64> {
        let items: Vec<_> = tos.iter().map(|to| json!({"To_Account": to})).collect();
        self.friend_add(json!({"From_Account": from, "AddFriendItem": items}))
            .await
            .codes()
    }

    /// Imports an account, or changes an existing one.
    pub(crate) fn put(&self, name: &str, seed: AccountSeed) {
        let app = self.emulator.default_app();
        ready(app.put_account(name, seed)).expect("a good seed");
    }

    /// Imports accounts with default settings.
    pub(crate) fn import(&self, names: impl IntoIterator<Item = impl AsRef<str>>) {
        for name in names {
            self.put(name.as_ref(), AccountSeed::new());
        }
    }

    /// Arms a fault of the built-in app.
    pub(crate) fn arm(&self, fault: Fault) -> ArmedFault {
        let armed = self.emulator.default_app().faults().arm(fault);
        armed.expect("a fault that can fire")
    }

    /// Makes every item with these accounts fail. For a command without From_Account, `from` is the item's
    /// account, too.
    pub(crate) fn script(&self, from: &str, to: &str, code: Code) -> ArmedFault {
        self.arm(Fault::result_code(code).from(from).to(to))
    }

    /// An account of an app, if it is imported.
    pub(crate) fn account_of(&self, sdkappid: &str, name: &str) -> Option<Account> {
        let app = self.emulator.app(app_id(sdkappid))?;
        ready(app.account(name)).ok()
    }

    pub(crate) fn account(&self, name: &str) -> Account {
        self.account_of(APP, name).expect("the account is imported")
    }

    /// The friends of an account, in order.
    pub(crate) fn friends(&self, name: &str) -> Vec<String> {
        self.account(name)
            .friends
            .iter()
            .map(|friend| friend.to.to_string())
            .collect()
    }
}

/// Access to the parts of a configuration that tests change.
pub(crate) trait ConfigExt {
    /// The built-in app.
    fn app(&mut self) -> &mut AppConfig;
    fn non_admins_get_60010(&mut self);
}

impl ConfigExt for Config {
    fn app(&mut self) -> &mut AppConfig {
        self.apps.get_mut(&app_id(APP)).expect("the built-in app")
    }

    fn non_admins_get_60010(&mut self) {
        self.non_admin_code = NonAdminCode::Gateway;
    }
}

impl Reply {
    /// Checks what is true of all replies of `/v4` and of unknown paths.
    #[track_caller]
    pub(crate) fn check_text(path: &str, text: String) -> Self {
        let json: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let fields = json
            .as_object()
            .unwrap_or_else(|| panic!("not an object: {text}"));
        assert!(!has_null(&json), "a null: {text}");
        let code = json["ErrorCode"]
            .as_u64()
            .unwrap_or_else(|| panic!("no ErrorCode: {text}"));
        let info = json["ErrorInfo"]
            .as_str()
            .unwrap_or_else(|| panic!("no ErrorInfo: {text}"));
        assert_eq!(
            json["ActionStatus"],
            if code == 0 { "OK" } else { "FAIL" },
            "{text}"
        );
        let deletes = ["/v4/sns/friend_delete", "/v4/sns/group_delete"].contains(&path);
        let of_success = if deletes { "0" } else { "" };
        assert_eq!(info == of_success, code == 0, "{text}");
        assert!(!info.is_empty() || code == 0, "{text}");
        assert!(i32::try_from(code).is_ok(), "{text}");
        let has_no_display = |service: &str| path.starts_with(&format!("/v4/{service}/"));
        let has_display = code < 60000 && !WITHOUT_DISPLAY.into_iter().any(has_no_display);
        let display = has_display.then(|| Value::from(""));
        assert_eq!(
            fields.get("ErrorDisplay"),
            display.as_ref(),
            "{path}: {text}"
        );
        if code != 0 {
            let keys = 3 + usize::from(has_display);
            assert_eq!(
                fields.len(),
                keys,
                "a failure has its envelope alone: {text}"
            );
        }
        if let Some(items) = item_list(&json) {
            check_result_items(items, json.get("Fail_Account"), &text);
        }
        Self { text, json }
    }

    pub(crate) async fn check(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        for name in response.headers().keys() {
            assert!(HEADERS.contains(&name.as_str()), "header {name}");
        }
        let path = response.url().path().to_owned();
        let has_hint = response.headers().contains_key(HINT);
        let reply = Self::check_text(&path, response.text().await.expect("a body"));
        assert_eq!(has_hint, reply.has_failed(), "{}", reply.text);
        reply
    }

    /// Whether the call or one of its items failed.
    fn has_failed(&self) -> bool {
        let mut lists = self.json.as_object().into_iter().flatten();
        let has_failed = |(name, list): (&String, &Value)| {
            let items = list.as_array().map_or(&[][..], Vec::as_slice);
            let is_failed = |item: &Value| item["ResultCode"].as_u64().is_some_and(|code| code > 0);
            name.starts_with("Fail") && !items.is_empty() || items.iter().any(is_failed)
        };
        self.error_code() != 0 || lists.any(has_failed)
    }

    /// Checks that there is an item for each item of the request, in its order, with the same
    /// account.
    #[track_caller]
    fn check_items(&self, request: &Value) {
        let lists = ["AddFriendItem", "UpdateItem", "To_Account"];
        let asked = lists.into_iter().find_map(|list| request[list].as_array());
        let (Some(asked), 0) = (asked, self.error_code()) else {
            return;
        };
        let account = |item: &Value| item.get("To_Account").unwrap_or(item).clone();
        assert_eq!(
            self.items().iter().map(account).collect::<Vec<_>>(),
            asked.iter().map(account).collect::<Vec<_>>(),
            "{}",
            self.text
        );
    }

    pub(crate) fn error_code(&self) -> u64 {
        self.json["ErrorCode"].as_u64().expect("checked")
    }

    pub(crate) fn error_info(&self) -> &str {
        self.json["ErrorInfo"].as_str().expect("checked")
    }

    /// The code and text of the call; if the call succeeded, of its first item.
    pub(crate) fn outcome(&self) -> (u32, String) {
        let item = item_list(&self.json).map(|items| &items[0]);
        let (code, info) = match (self.error_code(), item) {
            (0, Some(item)) => (&item["ResultCode"], &item["ResultInfo"]),
            (_, _) => (&self.json["ErrorCode"], &self.json["ErrorInfo"]),
        };
        let code = code.as_u64().and_then(|code| u32::try_from(code).ok());
        (
            code.expect("checked"),
            info.as_str().expect("checked").to_owned(),
        )
    }

    fn items(&self) -> &[Value] {
        item_list(&self.json)
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no items: {}", self.text))
    }

    /// The ResultCode of each item.
    pub(crate) fn codes(&self) -> Vec<u64> {
        self.items()
            .iter()
            .map(|item| item["ResultCode"].as_u64().expect("checked"))
            .collect()
    }

    /// The ResultCode and ResultInfo of the only item.
    pub(crate) fn only(&self) -> (u64, &str) {
        let [item] = self.items() else {
            panic!("not one item: {}", self.text)
        };
        (
            item["ResultCode"].as_u64().expect("checked"),
            item["ResultInfo"].as_str().expect("checked"),
        )
    }
}

/// The list of items that have a ResultCode each.
fn item_list(answer: &Value) -> Option<&Value> {
    let lists = [
        "ResultItem",
        "InfoItem",
        "BlackListCheckItem",
        "UserProfileItem",
    ];
    let list = lists.into_iter().find_map(|list| answer.get(list));
    // The items of group_get have no ResultCode.
    list.filter(|items| items[0].get("FriendNumber").is_none())
}

#[track_caller]
fn check_result_items(items: &Value, fail_account: Option<&Value>, text: &str) {
    let items = items
        .as_array()
        .unwrap_or_else(|| panic!("ResultItem is no list: {text}"));
    let mut failed = Vec::new();
    for item in items {
        let code = item["ResultCode"]
            .as_u64()
            .unwrap_or_else(|| panic!("no ResultCode: {text}"));
        let info = item["ResultInfo"]
            .as_str()
            .unwrap_or_else(|| panic!("no ResultInfo: {text}"));
        assert_eq!(info.is_empty(), code == 0, "{text}");
        // account_delete and account_check name the account UserID, and have no Fail_Account.
        if item.get("UserID").is_some_and(Value::is_string) {
            continue;
        }
        assert!(item["To_Account"].is_string(), "no To_Account: {text}");
        if code != 0 {
            failed.push(item["To_Account"].clone());
        }
    }
    match fail_account {
        Some(list) => assert!(
            !failed.is_empty() && *list == Value::Array(failed),
            "Fail_Account: {text}"
        ),
        None => assert!(failed.is_empty(), "Fail_Account is missing: {text}"),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
