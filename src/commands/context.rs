//! The context of a call, and the steps that most commands share: validate the fields, and build the
//! results and the webhook.

use super::body::bad_field;
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::clock::Moment;
use crate::faults::{Faults, ItemTargets};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::redact::redact_text;
use crate::protocol::reply::{CallError, ItemFields, ItemResults, NoFields};
use crate::protocol::service::CommandInfo;
use crate::protocol::webhook::{Event, Pair};
use crate::sns::model::SnsPolicy;
use crate::sns::pair::ItemTarget;
use crate::sns::texts::GroupName;
use crate::store::{StoreError, Verdict};
use smol_str::SmolStr;
use std::sync::OnceLock;

/// The documented maximum of GroupNames in a request. The limit of an account's groups is separate.
const MAX_GROUP_NAMES: u32 = 32;

/// The context of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallContext<'a> {
    pub(crate) command: &'static CommandInfo,
    pub(crate) app: &'a App,
    pub(crate) policy: &'a SnsPolicy,
    pub(crate) faults: &'a Faults,
    /// The valid items of the call, for faults that replace the codes of processed items. Only set if
    /// faults are armed.
    pub(crate) work: &'a OnceLock<ItemTargets>,
    /// The app admin that calls.
    pub(crate) admin: UserId,
    pub(crate) client: ClientIp,
    pub(crate) now: Moment,
}

impl CallContext<'_> {
    pub(super) fn unix_time(&self) -> UnixTime {
        self.now.unix_time()
    }

    /// The error for a missing or invalid field; `what` names the field.
    pub(super) fn bad(&self, what: &str) -> CallError {
        bad_field(self.command.service, what)
    }

    /// Checks that a list has 1 to `max` entries.
    pub(super) fn check_length(
        &self,
        field: &str,
        length: usize,
        max: u32,
    ) -> Result<(), CallError> {
        match length {
            0 => Err(self.bad(&format!("{field} is empty"))),
            _ if length > max as usize => Err(self.bad(&format!("{field} has over {max} items"))),
            _ => Ok(()),
        }
    }

    /// Parses a field whose value is one of `words`; `default` if the field is missing.
    pub(super) fn choice<T: Copy>(
        &self,
        field: &str,
        text: Option<&str>,
        default: Option<T>,
        words: &[(&'static str, T)],
    ) -> Result<T, CallError> {
        let value_of = |text| {
            let mut words = words.iter();
            words.find_map(|(word, value)| (*word == text).then_some(*value))
        };
        text.map_or(default, value_of).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let words = words.join(" or ");
            self.bad(&match text {
                None => format!("{field} is missing; it should be {words}"),
                Some(_) => format!("{field} is not {words}"),
            })
        })
    }

    /// Parses a required index, which is at least 0.
    pub(super) fn index(&self, field: &str, index: Option<i64>) -> Result<usize, CallError> {
        let index = index.ok_or_else(|| self.bad(&format!("{field} is missing")))?;
        let index = usize::try_from(index);
        index.map_err(|_| self.bad(&format!("{field} is below 0")))
    }

    /// Parses GroupName, without duplicates: 1 to 32 names, each of 1 to 30 bytes.
    pub(super) fn group_names(&self, names: &[SmolStr]) -> Result<Vec<GroupName>, CallError> {
        self.check_length("GroupName", names.len(), MAX_GROUP_NAMES)?;
        let mut groups = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let group = GroupName::parse(name).filter(|_| !name.is_empty());
            let group = group.ok_or_else(|| {
                let detail = format!("GroupName[{at}] has not 1 to 30 bytes");
                CallError::with_detail(Code::GroupNameTooLong, detail)
            })?;
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// Parses From_Account. A text that is not a UserID cannot be an imported account.
    pub(super) fn user_id(&self, text: &str) -> Result<UserId, CallError> {
        if text.is_empty() {
            return Err(self.bad("From_Account is empty"));
        }
        UserId::parse(text).ok_or_else(|| Code::FromAccountNotExist.into())
    }

    /// Parses From_Account and a list of To_Accounts.
    pub(super) async fn batch(
        &self,
        from: &str,
        tos: &[SmolStr],
    ) -> Result<(UserId, Vec<Result<UserId, Code>>), CallError> {
        self.check_length("To_Account", tos.len(), self.policy.max_items)?;
        let from = self.user_id(from)?;
        let to = |to: &SmolStr| UserId::parse(to).ok_or(Code::ToAccountIllegal);
        Ok((from, self.items(from, tos.iter().map(to)).await?))
    }

    /// Collects the items of a batch, and applies the faults that fail items before processing.
    pub(super) async fn items<I: ItemTarget>(
        &self,
        from: UserId,
        items: impl Iterator<Item = Result<I, Code>>,
    ) -> Result<Vec<Result<I, Code>>, CallError> {
        let mut items: Vec<_> = items.collect();
        // If From_Account is not imported, the whole call fails, and faults of items do not fire.
        if !self.faults.is_empty() && self.app.store.knows(from).await? {
            let app = self.app.sdkappid;
            let fired = self
                .faults
                .fail_items_before(app, self.command, Some(from), &mut items);
            self.work
                .get_or_init(|| ItemTargets::of(Some(from), &items).with_fired(fired));
        }
        Ok(items)
    }

    /// The same for a command without From_Account.
    pub(super) fn users(
        &self,
        users: impl Iterator<Item = Result<UserId, Code>>,
    ) -> Vec<Result<UserId, Code>> {
        let mut users: Vec<_> = users.collect();
        self.faults
            .fail_items_before(self.app.sdkappid, self.command, None, &mut users);
        users
    }

    /// The result of each To_Account.
    pub(super) fn results(
        &self,
        tos: impl IntoIterator<Item = SmolStr>,
        verdicts: &[Verdict],
    ) -> ItemResults {
        let outcomes = tos.into_iter().zip(verdicts);
        self.item_results(outcomes.map(|(to, verdict)| (to, verdict.code, NoFields {})))
    }

    /// The result of each account, with the fields that the command adds.
    pub(super) fn item_results<A: Into<SmolStr>, T: ItemFields>(
        &self,
        outcomes: impl Iterator<Item = (A, Code, T)>,
    ) -> ItemResults<T> {
        ItemResults::new(self.command, self.policy.answers, outcomes)
    }

    /// Sends a webhook, if the app has one and the event is not empty.
    pub(super) fn send(&self, event: impl FnOnce() -> Event) {
        if let Some(webhook) = &self.app.webhook {
            let event = event();
            if !event.is_empty() {
                webhook.send(&event, self.client);
            }
        }
    }
}

/// The start of the next page; 0 if this page is the last.
pub(super) fn next_index(start: usize, length: usize, total: u32) -> u32 {
    let next = u32::try_from(start.saturating_add(length)).unwrap_or(u32::MAX);
    if next < total { next } else { 0 }
}

/// The tags of a TagList, without duplicates. The error is the first unknown tag, cut to 60 bytes and
/// without a secret.
pub(super) fn distinct_tags<T: PartialEq>(
    tag_list: &[SmolStr],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let mut tags = Vec::new();
    for text in tag_list {
        let tag = parse(text).ok_or_else(|| {
            let mut shown = redact_text(text);
            shown.truncate(shown.floor_char_boundary(60));
            shown
        })?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// The changes of From_Account's blocklist, for a webhook.
pub(super) fn blocklist_pairs(
    from: UserId,
    items: &[Result<UserId, Code>],
    verdicts: &[Verdict],
) -> Vec<Pair> {
    let done = items.iter().zip(verdicts);
    let done = done.filter(|(_, verdict)| verdict.code == Code::Ok);
    let to = done.filter_map(|(item, _)| item.as_ref().ok());
    to.map(|to| Pair { from, to: *to }).collect()
}

/// The changes of friend lists, for a webhook. If both lists changed, there is a pair for each
/// direction (seen for deletions, inferred for additions).
pub(super) fn friend_pairs<I: ItemTarget>(
    from: UserId,
    items: &[Result<I, Code>],
    verdicts: &[Verdict],
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (item, verdict) in items.iter().zip(verdicts) {
        let Ok(to) = item.as_ref().map(ItemTarget::to) else {
            continue;
        };
        if verdict.from_list_changed {
            pairs.push(Pair { from, to });
        }
        if verdict.to_list_changed {
            pairs.push(Pair { from: to, to: from });
        }
    }
    pairs
}

/// The code for an error of the store.
impl From<StoreError> for Code {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoAccount => Self::FromAccountNotExist,
            StoreError::Conflict => Self::WriteConflict,
            StoreError::Unavailable => Self::Internal,
        }
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Code::from(error).into()
    }
}

/// The code for an error of the store in profile commands.
pub(super) fn profile_error(error: StoreError) -> Code {
    match error {
        StoreError::NoAccount => Code::ProfileAccountNotExist,
        StoreError::Conflict | StoreError::Unavailable => Code::ProfileInternal,
    }
}
