//! What a call answers: a command's own fields, or a failure, in Tencent's envelope.

use super::code::Code;
use super::ids::SdkAppId;
use super::service::Service;
use serde::Serialize;
use std::borrow::Cow;

/// A call that failed as a whole.
#[derive(Debug)]
pub struct CallError {
    /// The outcome; its number is the answer's ErrorCode.
    pub code: Code,
    /// The answer's ErrorInfo.
    pub info: Cow<'static, str>,
    /// What else our log should say; never sent.
    pub detail: Cow<'static, str>,
}

impl CallError {
    /// A failure with a text of its own, where the table's text is only its beginning.
    pub fn with_info(code: Code, info: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            info: info.into(),
            detail: Cow::Borrowed(""),
        }
    }

    /// A failure whose cause is for our log alone.
    pub fn with_detail(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            info: Cow::Borrowed(code.info()),
            detail: detail.into(),
        }
    }
}

impl From<Code> for CallError {
    fn from(code: Code) -> Self {
        Self::with_info(code, code.info())
    }
}

/// A command's own part of a successful answer.
pub trait Answer: Serialize {
    /// How many items were asked for and how many of them were refused, for the log.
    fn tally(&self) -> Option<Tally> {
        None
    }
}

/// How a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Items in the request.
    pub items: usize,
    /// Items with a ResultCode other than 0.
    pub refused: usize,
}

/// One item's outcome.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultItem {
    /// As the request spelt it.
    #[serde(rename = "To_Account")]
    to_account: String,
    result_code: u32,
    /// Empty exactly when the code is 0.
    result_info: &'static str,
}

/// The outcomes of a batch, in the request's order. The two lists cannot disagree.
#[derive(Debug, Serialize)]
pub struct ItemResults {
    #[serde(rename = "ResultItem")]
    result_item: Vec<ResultItem>,
    /// The To_Accounts that failed, in order; absent when there are none.
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    fail_account: Vec<String>,
}

impl FromIterator<(String, Code)> for ItemResults {
    fn from_iter<I: IntoIterator<Item = (String, Code)>>(outcomes: I) -> Self {
        let mut fail_account = Vec::new();
        let result_item = outcomes
            .into_iter()
            .map(|(to_account, code)| {
                if code != Code::Ok {
                    fail_account.push(to_account.clone());
                }
                ResultItem {
                    to_account,
                    result_code: code.number(),
                    result_info: code.info(),
                }
            })
            .collect();
        Self {
            result_item,
            fail_account,
        }
    }
}

impl Answer for ItemResults {
    fn tally(&self) -> Option<Tally> {
        Some(Tally {
            items: self.result_item.len(),
            refused: self.fail_account.len(),
        })
    }
}

/// No fields of a command's own: only the envelope is answered.
#[derive(Debug, Serialize)]
pub struct Nothing {}

impl Answer for Nothing {}

/// A call's answer, whole.
#[derive(Debug)]
pub struct Reply<T> {
    service: Option<Service>,
    result: Result<T, CallError>,
    notes: Notes,
}

/// What the log should know of a call's query.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The app that it named, known or not.
    pub app: Option<SdkAppId>,
    /// The beginning of an odd `random`; see `CommonQuery::odd_random`.
    pub odd_random: Option<Box<str>>,
}

impl Reply<Nothing> {
    /// The gateway's answer, where no service was reached: the bare envelope.
    pub fn gateway(result: Result<Nothing, CallError>) -> Self {
        Self {
            service: None,
            result,
            notes: Notes::default(),
        }
    }

    /// A refusal by the gateway.
    pub fn refused(error: impl Into<CallError>) -> Self {
        Self::gateway(Err(error.into()))
    }
}

impl<T: Answer> Reply<T> {
    /// The answer of one of `service`'s commands.
    pub fn new(service: Service, result: Result<T, CallError>) -> Self {
        Self {
            service: Some(service),
            result,
            notes: Notes::default(),
        }
    }

    /// The same answer, with what the log should know of the call.
    #[must_use]
    pub fn with_notes(self, notes: Notes) -> Self {
        Self { notes, ..self }
    }

    /// The body: compact JSON, its keys in the order of the page's samples.
    pub fn to_json(&self) -> Vec<u8> {
        let envelope = match &self.result {
            Ok(fields) => Envelope::new(Some(fields), Code::Ok, "", self.service),
            Err(error) => Envelope::new(None, error.code, &error.info, self.service),
        };
        serde_json::to_vec(&envelope).expect("strings, numbers and lists serialise")
    }

    /// What the log should know of the call.
    pub fn into_outcome(self) -> Outcome {
        let (code, detail, tally) = match self.result {
            Ok(fields) => (Code::Ok, Cow::Borrowed(""), fields.tally()),
            Err(CallError { code, info, detail }) if detail.is_empty() => {
                let says_more = info != code.info();
                (code, if says_more { info } else { detail }, None)
            }
            Err(CallError { code, detail, .. }) => (code, detail, None),
        };
        Outcome {
            code,
            detail,
            tally,
            notes: self.notes,
        }
    }
}

/// What the log knows of a call once it is answered.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The whole call's outcome.
    pub code: Code,
    /// Why, where the code alone does not say; may be empty.
    pub detail: Cow<'static, str>,
    /// How the items fared, where there were items.
    pub tally: Option<Tally>,
    /// What its query said.
    pub notes: Notes,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, T> {
    #[serde(flatten)]
    fields: Option<&'a T>,
    action_status: &'static str,
    error_code: u32,
    error_info: &'a str,
    /// Gateway failures lack it, and so does every answer of some services.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_display: Option<&'static str>,
}

impl<'a, T> Envelope<'a, T> {
    fn new(fields: Option<&'a T>, code: Code, info: &'a str, service: Option<Service>) -> Self {
        let has_display = !code.is_gateway() && service.is_some_and(Service::has_error_display);
        Self {
            fields,
            action_status: if code == Code::Ok { "OK" } else { "FAIL" },
            error_code: code.number(),
            error_info: info,
            error_display: has_display.then_some(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json<T: Answer>(reply: &Reply<T>) -> String {
        String::from_utf8(reply.to_json()).expect("UTF-8")
    }

    fn results(outcomes: &[(&str, Code)]) -> Reply<ItemResults> {
        let outcomes = outcomes.iter().map(|(to, code)| ((*to).to_owned(), *code));
        Reply::new(Service::Sns, Ok(outcomes.collect()))
    }

    #[test]
    fn success_has_the_pages_keys_in_the_pages_order() {
        assert_eq!(
            json(&results(&[("id1", Code::Ok)])),
            r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
    }

    #[test]
    fn partial_failure_is_the_pages_batch_sample() {
        let outcomes = [
            ("id1", Code::Ok),
            ("id2", Code::Internal),
            ("id3", Code::SdkAppIdIllegal),
        ];
        assert_eq!(
            json(&results(&outcomes)),
            r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""},{"To_Account":"id2","ResultCode":30006,"ResultInfo":"Err_SNS_FriendAdd_Unpack_Profile_Data_Fail"},{"To_Account":"id3","ResultCode":30002,"ResultInfo":"Err_SNS_FriendAdd_SdkAppId_Illegal"}],"Fail_Account":["id2","id3"],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
    }

    #[test]
    fn gateway_failures_have_exactly_three_keys_and_sns_failures_a_fourth() {
        assert_eq!(
            json(&Reply::refused(Code::HttpParse)),
            r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#
        );
        for code in Code::ALL.iter().filter(|code| **code != Code::Ok) {
            let reply = Reply::<Nothing>::new(Service::Sns, Err((*code).into()));
            assert_eq!(
                json(&reply).contains("ErrorDisplay"),
                !code.is_gateway(),
                "{code:?}"
            );
        }
    }
}
