//! A tab of a browser that shows the page of an emulator.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_code_is_found_by_its_number() {
//!     let emulator = start().await;
//!     let page = Page::open(&emulator, "#/codes").await;
//!
//!     page.fill("Search", "30539").await;
//!     page.sees("1 of").await;
//!     page.check_accessibility().await;
//!     page.finish().await;
//! }
//! ```
//!
//! Every step waits up to ten seconds for what it needs. [`Page::finish`] fails when the console has a message, when
//! something was fetched from elsewhere, or when the page violated its Content-Security-Policy, which is a message.

use crate::driver::{Driver, devtools};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use http_body_util::BodyExt;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::config::{Config, ControlToken, Sources};
use tencent_chat_emulator::protocol::user_sig::SecretKey;
use tokio::time::{sleep, timeout};

/// How long a step waits for what it needs, and the pause between two looks at the page.
const DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(30);

/// Sizes of windows, in CSS pixels.
pub(crate) const WIDE: (u32, u32) = (1440, 900);
pub(crate) const NARROW: (u32, u32) = (360, 740);

/// An account with a name that would be a script if it were shown as HTML.
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// An emulator with the built-in configuration.
pub(crate) async fn start() -> Emulator {
    let emulator = Emulator::builder().start().await;
    emulator.expect("it starts")
}

/// A control token.
pub(crate) const TOKEN: &str = "the token";

/// An emulator that wants [`TOKEN`].
pub(crate) async fn start_with_token() -> Emulator {
    let mut config = Config::load(&Sources::default()).expect("the default");
    config.control.token = ControlToken::Given(SecretKey::new(TOKEN).expect("not empty"));
    let emulator = Emulator::builder().config(config).start().await;
    emulator.expect("it starts")
}

/// An emulator at the address of one that has stopped.
pub(crate) async fn restart(addr: SocketAddr) -> Emulator {
    let emulator = Emulator::builder().listen(addr).start().await;
    emulator.expect("the port is free")
}

/// Makes a call of the default app, as another client would.
pub(crate) async fn call(emulator: &Emulator, command: &str, body: Value) -> Value {
    send(emulator, command, &body.to_string()).await
}

/// Like [`call`], with the body as a text.
pub(crate) async fn send(emulator: &Emulator, command: &str, body: &str) -> Value {
    let url = emulator.default_app().url(command);
    let call = hyper::Request::post(url)
        .body(body.to_owned())
        .expect("a request");
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    let client = client.build_http::<String>();
    let answer = client.request(call).await.expect("an answer").into_body();
    let bytes = answer.collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Makes two accounts friends.
pub(crate) async fn befriend(emulator: &Emulator, from: &str, to: &str) -> Value {
    let item = json!({ "To_Account": to, "AddSource": "AddSource_Type_Test" });
    let body = json!({ "From_Account": from, "AddFriendItem": [item] });
    call(emulator, "friend_add", body).await
}

/// A tab that shows the page. [`Self::finish`] must be called at the end, or the test fails.
#[must_use = "call `finish`"]
pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) origin: String,
    /// Whether calls may fail, which the browser logs.
    pub(crate) may_fail: bool,
    pub(crate) is_finished: bool,
    /// Ends the browser when it is dropped.
    _driver: Driver,
}

impl Drop for Page {
    fn drop(&mut self) {
        let is_excused = self.is_finished || std::thread::panicking();
        assert!(is_excused, "the test did not call `finish`");
    }
}

impl Page {
    /// Opens the page with this fragment of its address, in a wide window.
    pub(crate) async fn open(emulator: &Emulator, fragment: &str) -> Self {
        let page = Self::open_without_heading(emulator, fragment).await;
        page.until("return !!document.querySelector('h1')", "a heading")
            .await;
        page
    }

    /// Like [`Self::open`], but does not wait for a view, because a dialog comes first.
    pub(crate) async fn open_without_heading(emulator: &Emulator, fragment: &str) -> Self {
        let mut driver = Driver::start().await;
        let page = Self {
            client: driver.browser().await,
            origin: format!("http://{}", emulator.addr()),
            may_fail: false,
            is_finished: false,
            _driver: driver,
        };
        page.resize(WIDE).await;
        page.permit_clipboard().await;
        page.load(fragment).await;
        page
    }

    /// Loads the page again with another fragment of its address.
    pub(crate) async fn go(&self, fragment: &str) {
        self.load(fragment).await;
        self.until("return !!document.querySelector('h1')", "a heading")
            .await;
    }

    async fn load(&self, fragment: &str) {
        self.client.goto("about:blank").await.expect("it is blank");
        let address = format!("{}/_emulator/{fragment}", self.origin);
        self.client.goto(&address).await.expect("it loads");
    }

    /// Lets the copy buttons write to the clipboard, and tests read from it.
    async fn permit_clipboard(&self) {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        devtools(&self.client, "Browser.grantPermissions", permissions).await;
    }

    /// Sets the size of the window, which may be narrower than a headless window can be.
    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        devtools(&self.client, "Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Sets the theme of the system: `light` or `dark`.
    pub(crate) async fn theme(&self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        devtools(
            &self.client,
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Lets calls fail without failing the test.
    pub(crate) fn let_calls_fail(mut self) -> Self {
        self.may_fail = true;
        self
    }

    /// Runs JavaScript with `return`, and returns its value.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        let value = self.client.execute(script, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until JavaScript returns true.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a self,
        script: &'a str,
        what: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        let caller = Location::caller();
        async move {
            let is_true = async {
                while self.eval(script).await != true {
                    sleep(PAUSE).await;
                }
            };
            if timeout(DEADLINE, is_true).await.is_err() {
                let text = self.text().await;
                panic!("{caller}: waited in vain for {what}; the page says:\n{text}");
            }
        }
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn sees<'a>(&'a self, text: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = Location::caller();
        async move {
            let is_shown = async {
                while !self.text().await.contains(text) {
                    sleep(PAUSE).await;
                }
            };
            if timeout(DEADLINE, is_shown).await.is_err() {
                let all = self.text().await;
                panic!("{caller}: waited in vain for {text:?}; the page says:\n{all}");
            }
        }
    }

    /// The text that the page shows.
    pub(crate) async fn text(&self) -> String {
        let text = self.eval("return document.body.innerText").await;
        text.as_str().expect("a text").to_owned()
    }

    /// The first element that a CSS selector matches.
    #[track_caller]
    pub(crate) fn css<'a>(&'a self, selector: &'a str) -> impl Future<Output = Element> + 'a {
        self.locate(Locator::Css(selector), Location::caller())
    }

    async fn locate(&self, locator: Locator<'_>, caller: &'static Location<'static>) -> Element {
        let found = async {
            loop {
                if let Ok(element) = self.client.find(locator).await {
                    return element;
                }
                sleep(PAUSE).await;
            }
        };
        match timeout(DEADLINE, found).await {
            Ok(element) => element,
            Err(_) => panic!(
                "{caller}: there is no {locator:?}; the page says:\n{}",
                self.text().await
            ),
        }
    }

    /// The first element of an XPath, when it is there.
    #[track_caller]
    fn find<'a>(&'a self, path: String) -> impl Future<Output = Element> + 'a {
        let caller = Location::caller();
        async move { self.locate(Locator::XPath(&path), caller).await }
    }

    /// Clicks the first button or link with this name.
    #[track_caller]
    pub(crate) fn click<'a>(&'a self, name: &'a str) -> impl Future<Output = ()> + 'a {
        let name = quoted(name);
        let path = format!(
            "//*[self::button or self::a or self::summary][normalize-space()={name} or @aria-label={name}]"
        );
        let caller = Location::caller();
        async move {
            let clicked = async {
                // A live page may replace the element meanwhile.
                while self
                    .locate(Locator::XPath(&path), caller)
                    .await
                    .click()
                    .await
                    .is_err()
                {
                    sleep(PAUSE).await;
                }
            };
            let clicked = timeout(DEADLINE, clicked).await;
            clicked.unwrap_or_else(|_| panic!("{caller}: {path} cannot be clicked"));
        }
    }

    /// The control with this label.
    #[track_caller]
    fn labelled<'a>(&'a self, label: &'a str) -> impl Future<Output = Element> + 'a {
        let label = quoted(label);
        self.find(format!("//*[@id=//label[normalize-space()={label}]/@for]"))
    }

    /// Replaces the text of an input.
    #[track_caller]
    pub(crate) fn fill<'a>(
        &'a self,
        label: &'a str,
        text: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        let caller = Location::caller();
        async move {
            let all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
            let keys = match text {
                "" => char::from(Key::Backspace).to_string(),
                text => text.to_owned(),
            };
            let filled = async {
                // A live page may replace the input meanwhile.
                loop {
                    let input = self.labelled(label).await;
                    if input.send_keys(&all).await.is_ok() && input.send_keys(&keys).await.is_ok() {
                        return;
                    }
                    sleep(PAUSE).await;
                }
            };
            let filled = timeout(DEADLINE, filled).await;
            filled.unwrap_or_else(|_| panic!("{caller}: {label} takes no keys"));
        }
    }

    /// Chooses an option by its value or its text.
    #[track_caller]
    pub(crate) fn choose<'a>(
        &'a self,
        label: &'a str,
        option: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        let (label, option) = (quoted(label), quoted(option));
        let path = format!(
            "//*[@id=//label[normalize-space()={label}]/@for]//option[@value={option} or normalize-space()={option}]"
        );
        let found = self.find(path);
        async move { found.await.click().await.expect("it can be chosen") }
    }

    /// The value of a control.
    #[track_caller]
    pub(crate) fn value<'a>(&'a self, label: &'a str) -> impl Future<Output = String> + 'a {
        let found = self.labelled(label);
        async move {
            let value = found.await.prop("value").await.expect("it has a value");
            value.unwrap_or_default()
        }
    }

    /// Presses a key on the element that has the focus.
    pub(crate) async fn press(&self, key: Key) {
        let focused = self
            .client
            .active_element()
            .await
            .expect("it has the focus");
        focused
            .send_keys(&char::from(key).to_string())
            .await
            .expect("it takes keys");
    }

    /// Moves the focus with Tab until JavaScript says of `it`, the focused element, that it is the wanted one.
    #[track_caller]
    pub(crate) fn tab_to<'a>(&'a self, wanted: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = Location::caller();
        async move {
            let script = format!("const it = document.activeElement; return Boolean({wanted})");
            for _ in 0..200 {
                if self.eval(&script).await == true {
                    return;
                }
                self.press(Key::Tab).await;
            }
            panic!("{caller}: Tab does not reach {wanted}");
        }
    }

    /// The fragment of the address.
    pub(crate) async fn fragment(&self) -> String {
        let fragment = self.eval("return decodeURIComponent(location.hash)").await;
        fragment.as_str().expect("a text").to_owned()
    }

    /// The text that a copy button has copied, when it begins so.
    pub(crate) async fn clipboard_of(&self, beginning: &str) -> String {
        let copied = async {
            loop {
                let text = self.clipboard().await;
                if text.starts_with(beginning) {
                    return text;
                }
                sleep(PAUSE).await;
            }
        };
        let copied = timeout(DEADLINE, copied).await;
        copied.unwrap_or_else(|_| panic!("{beginning:?} was not copied"))
    }

    /// The text that a copy button has copied last.
    pub(crate) async fn clipboard(&self) -> String {
        self.sees("Copied").await;
        let script = "const [done] = arguments; navigator.clipboard.readText().then(done, (error) => done(error.message))";
        let text = self.client.execute_async(script, Vec::new()).await;
        text.expect("it can be read")
            .as_str()
            .expect("a text")
            .to_owned()
    }

    /// The name of the element that has the focus, as a screen reader says it.
    pub(crate) async fn focused(&self) -> String {
        let element = self
            .client
            .active_element()
            .await
            .expect("it has the focus");
        let name = "return (arguments[0].getAttribute('aria-label') ?? arguments[0].labels?.[0]?.innerText \
            ?? arguments[0].innerText).trim()";
        let element = serde_json::to_value(element).expect("a reference");
        let name = self
            .client
            .execute(name, vec![element])
            .await
            .expect("a name");
        name.as_str().expect("a text").to_owned()
    }

    /// The name of the view in the address.
    pub(crate) async fn view(&self) -> String {
        let fragment = self.fragment().await;
        let view = fragment.trim_start_matches("#/").split('?').next();
        view.unwrap_or_default().to_owned()
    }

    /// Writes a picture of the page to the directory EMULATOR_SCREENSHOTS, if this variable is set.
    pub(crate) async fn screenshot(&self, name: &str) {
        if let Some(directory) = std::env::var_os("EMULATOR_SCREENSHOTS") {
            let picture = self.client.screenshot().await.expect("a picture");
            let path = PathBuf::from(directory).join(format!("{name}.png"));
            std::fs::write(path, picture).expect("it can be written");
        }
    }
}

/// A text as a literal of XPath, which has no escapes.
fn quoted(text: &str) -> String {
    match text.contains('\'') {
        true => format!("\"{text}\""),
        false => format!("'{text}'"),
    }
}
