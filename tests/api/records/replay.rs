//! Makes a record's call, and compares the answer with the record and with the row.

use super::record::{Parameter, Record, Request, Signed, Step};
use crate::harness::{ADMIN, APP, Reply, TestApp, app_id, row_answers};
use reqwest::Method;
use serde_json::Value;
use tencent_chat_emulator::config::{Config, Sources};
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};

impl Record {
    /// Starts an emulator and takes the steps.
    async fn prepare(&self) -> TestApp {
        let keys = self.setup.iter().filter_map(|step| match step {
            Step::Config(keys) => Some(keys),
            Step::Call(..) | Step::Control(..) => None,
        });
        let variable = |(key, value): (&String, &String)| {
            let name = key.to_uppercase().replace('.', "__");
            (format!("EMULATOR__{name}").into(), value.into())
        };
        let sources = Sources {
            env: keys.flatten().map(variable).collect(),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let app = TestApp::start_from(config, |_| ()).await;
        let control = app.control();
        for step in &self.setup {
            match step {
                Step::Config(_) => {}
                Step::Call(path, body) => {
                    let command = path.strip_prefix("/v4/").expect("a command");
                    app.arrange(command, body.clone()).await;
                }
                Step::Control(method, path, body) => {
                    let method = method.parse().expect("a method");
                    let answer = control.send(method, path, Some(body.clone())).await;
                    assert!(answer.status.is_success(), "{}: {answer:?}", self.title());
                }
            }
        }
        app
    }

    /// The query: a good call's, with the record's parameters.
    fn query(&self, app: &TestApp) -> String {
        let usersig = self.user_sig(app);
        let good = [
            ("sdkappid", APP),
            ("identifier", ADMIN),
            ("usersig", &usersig),
            ("random", "99999999"),
            ("contenttype", "json"),
        ];
        let given = good
            .into_iter()
            .filter_map(|(name, good)| Some(format!("{name}={}", self.parameter(name, good)?)));
        given.collect::<Vec<_>>().join("&")
    }

    /// A parameter of the query as text.
    fn parameter(&self, name: &str, good: &str) -> Option<String> {
        match self.request.query.get(name) {
            Some(Some(Parameter::Text(text))) => Some(text.clone()),
            Some(Some(Parameter::UserSig(_))) | None => Some(good.to_owned()),
            Some(None) => None,
        }
    }

    fn user_sig(&self, app: &TestApp) -> String {
        let default = Signed::default();
        let signed = match self.request.query.get("usersig") {
            Some(Some(Parameter::UserSig(signed))) => signed,
            Some(Some(Parameter::Text(_)) | None) | None => &default,
        };
        let named = |name, good: &str| {
            self.parameter(name, good)
                .unwrap_or_else(|| good.to_owned())
        };
        let sdkappid = signed.sdkappid.clone();
        let sdkappid = app_id(&sdkappid.unwrap_or_else(|| named("sdkappid", APP)));
        let identifier = signed.identifier.clone();
        let identifier = identifier.unwrap_or_else(|| named("identifier", ADMIN));
        let expire = signed.expire.unwrap_or(86_400);
        let Some(key) = &signed.key else {
            let usersig = app.emulator.user_sig(sdkappid, &identifier, expire);
            return usersig.expect("the app exists");
        };
        let key = SecretKey::new(key).expect("not empty");
        let now = app.emulator.clock().now().unix_time();
        user_sig::sign(&key, sdkappid, &identifier, now, expire)
    }

    pub(super) async fn replay(&self) {
        let app = self.prepare().await;
        let Request {
            method, path, body, ..
        } = &self.request;
        let method = method.as_ref().map(|method| method.parse().expect("known"));
        let body = match body {
            Some(Value::String(text)) => text.clone(),
            Some(body) => body.to_string(),
            None => String::new(),
        };

        let url = app.url(path, &self.query(&app));
        let request = app.client.request(method.unwrap_or(Method::POST), url);
        let request = request.body(body);
        if self.contradicted_by.is_some() {
            // The checks of every reply are the documentation's.
            let answer = request.send().await.expect("an answer");
            let text = answer.text().await.expect("a body");
            let json = serde_json::from_str(&text).expect("JSON");
            return self.compare(&Reply { text, json });
        }
        let reply = app.send(request).await;

        self.compare(&reply);
        self.assert_that_the_row_answered(&reply);
    }

    fn compare(&self, reply: &Reply) {
        let Reply { text, json } = reply;
        let title = format!("{}: {text}", self.title());
        let (number, info) = reply.outcome();
        let same = |field: &str, shown: &Option<String>| {
            if let Some(shown) = shown {
                assert_eq!(json[field], **shown, "{title}");
            }
        };
        same("ErrorInfo", &self.answer.error_info);
        same("ErrorDisplay", &self.answer.error_display);
        if let Some(code) = self.answer.error_code {
            assert_eq!(json["ErrorCode"], code, "{title}");
        }
        if let Some(code) = self.answer.result_code {
            assert_eq!((reply.error_code(), number), (0, code), "{title}");
        }
        if let Some(shown) = &self.answer.result_info {
            assert_eq!((reply.error_code(), &info), (0, shown), "{title}");
        }
        if let Some(part) = &self.answer.text_contains {
            assert!(info.contains(part), "{title}");
        }
    }

    /// Rows can share a number: the text shows which row answered.
    fn assert_that_the_row_answered(&self, reply: &Reply) {
        let (number, info) = reply.outcome();
        assert!(
            row_answers(self.row(), self.command(), u64::from(number), &info),
            "{}: {}",
            self.title(),
            reply.text
        );
    }
}
