//! What a test checks of any page: its accessibility, its width, its console and where it fetches from.

use crate::browser::{NARROW, Page, WIDE};
use crate::driver::take_log;
use crate::tools::tools;
use fantoccini::key::Key;
use serde_json::Value;

impl Page {
    /// Checks the page with axe-core, in both themes and at both sizes, and that it is nowhere wider than the window.
    pub(crate) async fn check_accessibility(&self) {
        for (size, theme) in [
            (WIDE, "light"),
            (NARROW, "dark"),
            (NARROW, "light"),
            (WIDE, "dark"),
        ] {
            self.resize(size).await;
            self.theme(theme).await;
            let name = format!("{}-{}-{theme}", self.view().await, size.0);
            self.screenshot(&name).await;
            self.no_sideways_scroll().await;
            let found = self.axe_violations().await;
            assert!(found.is_empty(), "{name} violates:\n{}", found.join("\n"));
        }
        self.resize(WIDE).await;
    }

    /// What axe-core finds in the page as it is: the rule and its elements.
    pub(crate) async fn axe_violations(&self) -> Vec<String> {
        if self.eval("return typeof axe").await == "undefined" {
            let file = tools().join("node_modules/axe-core/axe.min.js");
            let axe = std::fs::read_to_string(file).expect("tests/install installs axe-core");
            self.eval(&axe).await;
        }
        let found = self.client.execute_async(AXE, Vec::new()).await;
        serde_json::from_value(found.expect("axe runs")).expect("texts")
    }

    /// Checks that the document is not wider than the window.
    pub(crate) async fn no_sideways_scroll(&self) {
        let widths = "return [document.documentElement.scrollWidth, window.innerWidth]";
        let widths = self.eval(widths).await;
        let is_wider = widths[0].as_u64() > widths[1].as_u64();
        assert!(
            !is_wider,
            "the page is {} pixels wide, its window {}",
            widths[0], widths[1]
        );
    }

    /// Checks that the focus is in the dialog, and that the page behind it is not reached.
    pub(crate) async fn check_dialog(&self) {
        for _ in 0..4 {
            let inside = "return document.activeElement.closest('dialog') !== null || document.activeElement === document.body";
            assert_eq!(self.eval(inside).await, true);
            self.press(Key::Tab).await;
        }
    }

    /// Takes the messages in the browser's console.
    pub(crate) async fn messages(&self) -> Vec<String> {
        let entries = take_log(&self.client, "browser").await.into_iter();
        let is_expected = |entry: &Value| self.may_fail && entry["source"] == "network";
        let entries = entries.filter(|entry| !is_expected(entry));
        entries.map(|entry| entry["message"].to_string()).collect()
    }

    /// Takes the addresses of other servers that the tab has tried to fetch, in all documents that it has shown.
    pub(crate) async fn fetched_elsewhere(&self) -> Vec<String> {
        let own = format!("{}/", self.origin);
        // Chromium has addresses of its own, such as `chrome:` and `data:`.
        let is_elsewhere =
            |address: &String| address.starts_with("http") && !address.starts_with(&own);
        let events = take_log(&self.client, "performance").await.into_iter();
        let addresses = events.filter_map(|event| {
            let event: Value = serde_json::from_str(event["message"].as_str()?).ok()?;
            let event = &event["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            let address = event["params"]["request"]["url"].as_str()?;
            is_request.then(|| address.to_owned())
        });
        addresses.filter(is_elsewhere).collect()
    }

    /// Ends the browser. Nothing may have been logged or fetched from elsewhere.
    pub(crate) async fn finish(mut self) {
        self.is_finished = true;
        let messages = self.messages().await;
        assert!(
            messages.is_empty(),
            "the console has messages:\n{}",
            messages.join("\n")
        );
        let elsewhere = self.fetched_elsewhere().await;
        assert!(
            elsewhere.is_empty(),
            "the page fetched from elsewhere:\n{}",
            elsewhere.join("\n")
        );
    }

    /// Ends the browser, whatever it has logged.
    pub(crate) async fn abandon(mut self) {
        self.is_finished = true;
    }
}

/// Runs axe-core with the rules of WCAG 2.2 AA and its best practices.
const AXE: &str = r"
const [done] = arguments;
const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
axe.run({ runOnly: { type: 'tag', values }, resultTypes: ['violations'] }).then(
  ({ violations }) => done(violations.map((one) =>
    [`${one.id}: ${one.help}`, ...one.nodes.map((node) => `${node.target}  ${node.html}`)].join('\n  '))),
  (error) => done([error.message]));
";
