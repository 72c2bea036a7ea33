//! The codes, as a manual; UserSigs that are wrong on purpose, and what is said about them; the first page.

use super::client::Control;
use crate::harness::{ADMIN, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use tencent_chat_emulator::config::ControlToken;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::protocol::flaw::Flaw;
use tencent_chat_emulator::protocol::ids::{SdkAppId, UnixTime};
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};

#[tokio::test]
async fn every_code_is_found_by_its_number_and_its_name_and_says_how_to_mend_it() {
    let app = TestApp::start().await;
    let control = app.control();
    let all = control.get("/codes").await.ok();
    assert_eq!(all.as_array().map(Vec::len), Some(Code::ALL.len()));
    for code in Code::ALL {
        let by_number = control.get(&format!("/codes/{}", code.number())).await.ok();
        let filtered = control
            .get(&format!("/codes?code={}", code.number()))
            .await
            .ok();
        assert_eq!(by_number, filtered);
        let by_name = control.get(&format!("/codes/{}", code.name())).await.ok();
        let [known] = &by_name.as_array().expect("a list")[..] else {
            panic!("one outcome has the name {}", code.name());
        };
        assert!(by_number.as_array().expect("a list").contains(known));
        assert_eq!(
            (&known["code"], &known["outcome"]),
            (&json!(code.number()), &json!(code.name()))
        );
        assert!(
            !known["causes"].as_array().expect("a list").is_empty(),
            "{known}"
        );
        for text in ["meaning", "how", "fix"] {
            assert!(!known[text].as_str().expect("a text").is_empty(), "{known}");
        }
    }
    for (path, says) in [
        (
            "/codes/12345",
            "the code is unknown; GET /_emulator/v1/codes lists them",
        ),
        ("/codes/friendexist", "did you mean FriendExist?"),
    ] {
        let answer = control.get(path).await;
        assert_eq!(answer.faults(404), []);
        let detail = answer.json["detail"].as_str().expect("a text");
        assert!(detail.contains(says), "{detail}");
    }
}

#[tokio::test]
async fn each_filter_of_codes_gives_exactly_the_codes_that_match() {
    let app = TestApp::start().await;
    let control = app.control();
    let all = control.get("/codes").await.ok();
    let all = all.as_array().expect("a list");
    for evidence in ["documented", "seen", "inferred", "guess"] {
        for text in [
            "",
            "blocklist",
            "BLOCKLIST",
            "account_import",
            "nothing has this text",
        ] {
            let path = format!("/codes?evidence={evidence}&text={}", text.replace(' ', "+"));
            let filtered = control.get(&path).await.ok();
            let matches = |known: &&Value| {
                let keys = ["outcome", "info", "meaning", "causes", "fix"];
                let has = |key: &str| {
                    let of_key = known[key].to_string().to_lowercase();
                    of_key.contains(&text.to_lowercase())
                };
                let is = known["code_is"].as_str().expect("a text");
                is.starts_with(evidence) && keys.into_iter().any(has)
            };
            let expected: Vec<_> = all.iter().filter(matches).cloned().collect();
            assert_eq!(filtered, json!(expected), "{path}");
        }
    }
}

/// The code of a friend_add call with a UserSig.
async fn code_with(app: &TestApp, control: &Control, usersig: &str) -> Value {
    let query =
        format!("sdkappid=88888888&identifier={ADMIN}&usersig={usersig}&random=1&contenttype=json");
    let url = format!("{}/v4/sns/friend_get?{query}", app.emulator.url());
    let body = json!({"From_Account": "id", "StartIndex": 0});
    control.send(Method::POST, &url, Some(body)).await.ok()["ErrorCode"].clone()
}

#[tokio::test]
async fn a_usersig_with_a_flaw_gets_its_code_and_inspect_says_why_and_what_to_do() {
    let app = TestApp::start().await;
    let control = app.control();
    let mut whys = HashSet::new();
    for flaw in [None].into_iter().chain(Flaw::ALL.map(Some)) {
        for expire_seconds in [1, 86_400] {
            control.post("/clock/hold", json!({})).await.ok();
            let mut body = json!({"identifier": ADMIN, "expire_seconds": expire_seconds});
            if let Some((name, _)) = flaw {
                body["flaw"] = name.into();
            }
            let made = control.post("/apps/88888888/user_sig", body).await.ok();
            let expected = flaw.map_or(Code::Ok, |(_, flaw)| flaw.code());
            assert_eq!(made["code"], expected.number());
            let usersig = made["usersig"].as_str().expect("a text");
            assert_eq!(code_with(&app, &control, usersig).await, expected.number());
            let body = json!({"usersig": usersig, "identifier": ADMIN});
            let inspected = control
                .post("/apps/88888888/user_sig/inspect", body)
                .await
                .ok();
            assert_eq!(inspected["code"], expected.number());
            let text = |key: &str| inspected[key].as_str().expect("a text").to_owned();
            assert_eq!(text("fix"), expected.advice().fix);
            assert!(!text("why").is_empty());
            whys.insert(text("why"));
        }
    }
    // The valid ones differ in the seconds that are left, and truncated ones in the place of the cut.
    assert!(whys.len() >= Flaw::ALL.len() + 2, "{whys:?}");
    // A UserSig of an account that is no admin is right, and its calls are refused all the same.
    let wish = json!({"identifier": "id"});
    let made = control.post("/apps/88888888/user_sig", wish).await.ok();
    let body = json!({"usersig": made["usersig"]});
    let path = "/apps/88888888/user_sig/inspect";
    let inspected = control.post(path, body).await.ok();
    let found = (&inspected["code"], &inspected["failed_step"]);
    assert_eq!(found, (&json!(30004), &json!("admin")));
    assert_eq!(inspected["error_info"], "Err_SNS_FriendAdd_Need_App_Admin");
    let why = inspected["why"].as_str().expect("a text");
    assert!(why.contains("is not an admin of app 88888888"), "{why}");
    let body = json!({"identifier": ADMIN, "flaw": "late"});
    let faults = control
        .post("/apps/88888888/user_sig", body)
        .await
        .faults(422);
    let (pointer, detail) = &faults[0];
    assert_eq!(pointer, "/flaw");
    for (name, _) in Flaw::ALL {
        assert!(detail.contains(name), "{detail}");
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_whose_files_are_there_and_everybody_else_gets_60002() {
    let app = TestApp::start().await;
    let control = app.control();
    let get = async |method: Method, path: &str, accept: &str| {
        let request = control.request(method, &control.outside(path));
        request
            .header("accept", accept)
            .send()
            .await
            .expect("an answer")
    };
    let browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (path, accept) in [
        ("/", browsers),
        ("/_emulator", "Text/HTML;q=0.9"),
        ("/_emulator/", browsers),
    ] {
        let page = get(Method::GET, path, accept).await;
        assert_eq!(page.status(), 200);
        assert_eq!(
            page.url().path(),
            if path == "/" { "/_emulator/" } else { path }
        );
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let html = page.text().await.expect("a page");
        let links = html.split("=\"/").skip(1);
        let links = links.map(|link| format!("/{}", link.split('"').next().expect("a text")));
        let mut waiting: Vec<_> = links.collect();
        assert!(waiting.len() > 4);
        let mut seen = HashSet::new();
        while let Some(link) = waiting.pop() {
            if !seen.insert(link.clone()) {
                continue;
            }
            let answer = get(Method::GET, &link, "*/*").await;
            assert_eq!(answer.status(), 200, "{link}");
            let is_module = link.ends_with(".js");
            let text = answer.text().await.expect("a text");
            let imports = text.split(" from \"./").skip(1).filter(|_| is_module);
            waiting.extend(imports.map(|name| {
                format!(
                    "/_emulator/page/{}",
                    name.split('"').next().expect("a text")
                )
            }));
        }
        assert!(seen.contains("/_emulator/page/dom.js"));
    }
    let calls = async || control.get("/requests/count").await.ok()["count"].clone();
    assert_eq!(calls().await, 0, "the page is no call");
    for (method, accept) in [
        (Method::GET, "*/*"),
        (Method::GET, "application/json"),
        (Method::GET, "text/html;q=0, */*"),
        (Method::GET, "text/htmlx"),
        (Method::POST, browsers),
    ] {
        let answer = get(method, "/", accept).await;
        let json: Value =
            serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        assert_eq!(json["ErrorCode"], 60002);
    }
    assert_eq!(calls().await, 5);
}

/// The token protects the control API, which the page calls, not the files.
#[tokio::test]
async fn the_pages_files_need_no_token_and_come_compressed_under_a_strict_policy() {
    let token = SecretKey::new("the token").expect("not empty");
    let app = TestApp::start_with(|config| config.control.token = ControlToken::Given(token)).await;
    let control = app.control();
    for (name, media_type) in [
        ("", "text/html"),
        ("page/style.css", "text/css"),
        ("page/main.js", "text/javascript"),
    ] {
        let url = control.outside(&format!("/_emulator/{name}"));
        let get = async |encodings: &str| {
            let call = control.request(Method::GET, &url);
            let call = call.header("accept", "text/html");
            let answer = call.header("accept-encoding", encodings).send().await;
            answer.expect("an answer")
        };

        let plain = get("identity").await;
        let packed = get("br, gzip;q=0.5").await;

        for answer in [&plain, &packed] {
            let header = |name: &str| answer.headers()[name].to_str().expect("ASCII");
            assert_eq!(answer.status(), 200);
            assert_eq!(
                header("content-type"),
                format!("{media_type}; charset=utf-8")
            );
            assert_eq!(header("x-content-type-options"), "nosniff");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
        assert!(!plain.headers().contains_key("content-encoding"));
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let (plain, packed) = (plain.bytes().await, packed.bytes().await);
        let (plain, packed) = (plain.expect("a body"), packed.expect("a body"));
        let mut text = Vec::new();
        let mut gzip = flate2::read::GzDecoder::new(&packed[..]);
        std::io::Read::read_to_end(&mut gzip, &mut text).expect("it is gzip");
        assert_eq!(text, plain);
    }
    for (method, path) in [
        (Method::GET, "page/other.js"),
        (Method::GET, "page/..%2Fmod.rs"),
        (Method::POST, "page/main.js"),
    ] {
        let url = control.outside(&format!("/_emulator/{path}"));
        let answer = control
            .request(method, &url)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn the_list_of_routes_is_the_documents() {
    let app = TestApp::start().await;
    let control = app.control();
    let listed = control.get("").await.ok();
    assert_eq!(control.get("/").await.ok(), listed);
    let listed: HashSet<(String, String)> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|route| {
            let text = |key: &str| route[key].as_str().expect("a text").to_owned();
            (text("method").to_lowercase(), text("path"))
        })
        .collect();
    let document = control.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    let documented = paths.iter().filter(|(path, _)| !path.starts_with("/v4/"));
    let documented = documented.flat_map(|(path, operations)| {
        let methods = operations.as_object().expect("operations").keys();
        methods.map(|method| (method.clone(), path.clone()))
    });
    assert_eq!(listed, documented.collect());
}

#[tokio::test]
async fn usersigs_are_made_for_anybody_and_inspected_step_by_step() {
    let app = TestApp::start().await;
    let control = app.control();
    control
        .post("/clock/hold", json!({"at": 1_700_000_000}))
        .await
        .ok();
    let made = control
        .create(json!({"sdkappid": 5, "secret_key": "a key", "admins": ["a"]}))
        .await;
    let sign = |key: &str, app: &str, time: i64| {
        let (key, app) = (
            SecretKey::new(key).expect("not empty"),
            SdkAppId::parse(app).expect("legal"),
        );
        user_sig::sign(&key, app, "a", UnixTime(time), 100)
    };
    let wish = json!({"identifier": "a", "expire_seconds": 100});
    let good = made.control.post("/apps/5/user_sig", wish).await.ok();
    assert_eq!(good["expires_at"], 1_700_000_100);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    for (usersig, identifier, step, code, left) in [
        (text(&good["usersig"]), None, None, Code::Ok, Some(100)),
        (
            sign("a key", "5", 1_699_999_900),
            Some("a"),
            None,
            Code::Ok,
            Some(0),
        ),
        (
            sign("a key", "5", 1_699_999_899),
            Some("a"),
            Some("expiry"),
            Code::SigExpired,
            Some(-1),
        ),
        (
            sign("other", "5", 1_600_000_000),
            Some("a"),
            Some("key"),
            Code::SigKey,
            Some(-99_999_900),
        ),
        (
            sign("other", "5", 1_700_000_000),
            Some("b"),
            Some("identifier"),
            Code::SigIdentifier,
            Some(100),
        ),
        (
            sign("other", "6", 1_700_000_000),
            Some("b"),
            Some("sdkappid"),
            Code::SigSdkAppId,
            Some(100),
        ),
        (
            "nonsense".to_owned(),
            Some("a"),
            Some("read"),
            Code::SigIllegal,
            None,
        ),
        (String::new(), None, Some("read"), Code::SigIllegal, None),
    ] {
        let mut wish = json!({"usersig": usersig});
        if let Some(identifier) = identifier {
            wish["identifier"] = identifier.into();
        }
        let seen = control.post("/apps/5/user_sig/inspect", wish).await.ok();
        assert_eq!(seen["failed_step"], json!(step), "{seen}");
        assert_eq!(seen["code"], code.number(), "{seen}");
        assert_eq!(seen["seconds_left"], json!(left), "{seen}");
        assert_eq!(seen["contents"].is_null(), step == Some("read"), "{seen}");
        assert_eq!(seen["now"], 1_700_000_000);
    }
}
