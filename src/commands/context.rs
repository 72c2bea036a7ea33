//! What a command may see of the server, and what most commands do with it: understand who asks
//! about whom, and answer for each.

use super::body::bad_field;
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::clock::Moment;
use crate::faults::{Faults, ItemTargets};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::reply::{CallError, ItemResults, NoFields};
use crate::protocol::service::CommandInfo;
use crate::protocol::webhook::{Event, Pair};
use crate::sns::model::SnsPolicy;
use crate::sns::pair::ItemTarget;
use crate::sns::texts::GroupName;
use crate::store::{StoreError, Verdict};
use std::sync::OnceLock;

/// GroupNames in a request, as documented; how many groups an account may have is another matter.
const MAX_GROUP_NAMES: u32 = 32;

/// What a command may see of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallContext<'a> {
    pub(crate) command: &'static CommandInfo,
    pub(crate) app: &'a App,
    pub(crate) policy: &'a SnsPolicy,
    pub(crate) faults: &'a Faults,
    /// What was asked for, while faults are armed: they may yet deny that it was done.
    pub(crate) work: &'a OnceLock<ItemTargets>,
    /// The app admin who calls.
    pub(crate) admin: UserId,
    /// From where.
    pub(crate) client: ClientIp,
    pub(crate) now: Moment,
}

/// From_Account, and for each To_Account its UserID, or what is wrong with it.
pub(super) type Accounts = (UserId, Vec<Result<UserId, Code>>);

impl CallContext<'_> {
    pub(super) fn sdkappid(&self) -> SdkAppId {
        self.app.sdkappid
    }

    pub(super) fn unix_time(&self) -> UnixTime {
        self.now.unix_time()
    }

    /// The command's own code for a field that is missing or wrong; `what` names it.
    pub(super) fn bad(&self, what: &str) -> CallError {
        bad_field(self.command.service, what)
    }

    /// A list has to have 1 to `max` entries.
    pub(super) fn check_length(
        &self,
        field: &str,
        length: usize,
        max: u32,
    ) -> Result<(), CallError> {
        if length == 0 {
            return Err(self.bad(&format!("{field} is empty")));
        }
        if length > max as usize {
            return Err(self.bad(&format!("{field} has over {max} items")));
        }
        Ok(())
    }

    /// One of a field's words; `default` where the field is not given.
    pub(super) fn choice<T: Copy>(
        &self,
        field: &str,
        text: Option<&str>,
        default: Option<T>,
        words: &[(&'static str, T)],
    ) -> Result<T, CallError> {
        let found = match text {
            None => default,
            Some(text) => words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value),
        };
        found.ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.bad(&format!("{field} is not {}", words.join(" or ")))
        })
    }

    /// A place in a list, which has to be given.
    pub(super) fn index(&self, field: &str, index: Option<i64>) -> Result<usize, CallError> {
        let index = index.ok_or_else(|| self.bad(&format!("{field} is missing")))?;
        let index = usize::try_from(index);
        index.map_err(|_| self.bad(&format!("{field} is below 0")))
    }

    /// GroupName: 1 to 32 names, each of 1 to 30 bytes; each once.
    pub(super) fn group_names(&self, names: &[String]) -> Result<Vec<GroupName>, CallError> {
        self.check_length("GroupName", names.len(), MAX_GROUP_NAMES)?;
        let mut groups = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let group = GroupName::parse(name).filter(|_| !name.is_empty());
            let group =
                group.ok_or_else(|| self.bad(&format!("GroupName[{at}] has not 1 to 30 bytes")))?;
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// From_Account; one that is no UserID cannot be imported.
    pub(super) fn user_id(&self, text: &str) -> Result<UserId, CallError> {
        if text.is_empty() {
            return Err(self.bad("From_Account is empty"));
        }
        UserId::parse(text).ok_or_else(|| Code::FromAccountNotExist.into())
    }

    /// From_Account and a list of To_Accounts.
    pub(super) async fn accounts(&self, from: &str, tos: &[String]) -> Result<Accounts, CallError> {
        self.check_length("To_Account", tos.len(), self.policy.max_items)?;
        let from = self.user_id(from)?;
        let to = |to: &String| UserId::parse(to).ok_or(Code::ToAccountIllegal);
        let items = self.items(from, tos.iter().map(to)).await?;
        Ok((from, items))
    }

    /// What is asked for, or what is wrong with it, but for the outcomes that a test has scripted.
    pub(super) async fn items<I: ItemTarget>(
        &self,
        from: UserId,
        items: impl Iterator<Item = Result<I, Code>>,
    ) -> Result<Vec<Result<I, Code>>, CallError> {
        let mut items: Vec<_> = items.collect();
        // Without its asker, the call fails as a whole, and no item is seen.
        if !self.faults.is_empty() && self.app.store.knows(from).await? {
            self.faults
                .fail_items_before(self.sdkappid(), self.command, Some(from), &mut items);
            self.work
                .get_or_init(|| ItemTargets::of(Some(from), &items));
        }
        Ok(items)
    }

    /// The same for commands without a From_Account.
    pub(super) fn users(
        &self,
        users: impl Iterator<Item = Result<UserId, Code>>,
    ) -> Vec<Result<UserId, Code>> {
        let mut users: Vec<_> = users.collect();
        self.faults
            .fail_items_before(self.sdkappid(), self.command, None, &mut users);
        users
    }

    /// A result for each To_Account.
    pub(super) fn results(
        &self,
        tos: impl IntoIterator<Item = String>,
        verdicts: &[Verdict],
    ) -> ItemResults {
        let outcomes = tos.into_iter().zip(verdicts);
        let outcomes = outcomes.map(|(to, verdict)| (to, verdict.code, NoFields {}));
        ItemResults::new(self.command, outcomes)
    }

    /// Tells the app's own server, if it has one and there is anything to tell.
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(webhook) = &self.app.webhook {
            let event = event();
            if !event.is_empty() {
                webhook.send(&event, self.client);
            }
        }
    }
}

/// Where the page behind this one starts; 0 where it is the last.
pub(super) fn next_index(start: usize, length: usize, total: u32) -> u32 {
    let next = u32::try_from(start.saturating_add(length)).unwrap_or(u32::MAX);
    if next < total { next } else { 0 }
}

/// The tags of a TagList, each once; or the beginning of the text that is none.
pub(super) fn distinct_tags<T: PartialEq>(
    tag_list: &[String],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, &str> {
    let mut tags = Vec::new();
    for text in tag_list {
        let shortened = &text[..text.floor_char_boundary(60)];
        let tag = parse(text).ok_or(shortened)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// From_Account and each To_Account whose item went well.
pub(super) fn done_pairs<I: ItemTarget>(
    from: UserId,
    items: &[Result<I, Code>],
    verdicts: &[Verdict],
) -> Vec<Pair> {
    let went_well = |(item, verdict): (&Result<I, Code>, &Verdict)| match item {
        Ok(item) if verdict.code == Code::Ok => Some(Pair {
            from,
            to: item.to(),
        }),
        Ok(_) | Err(_) => None,
    };
    items.iter().zip(verdicts).filter_map(went_well).collect()
}

/// Whose friend list gained or lost whom: where both did, a pair for each direction (seen for
/// deletions, inferred for additions).
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
        if verdict.code == Code::Ok {
            pairs.push(Pair { from, to });
        }
        if verdict.reached_to {
            pairs.push(Pair { from: to, to: from });
        }
    }
    pairs
}

/// The outcome of a call whose store failed.
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

/// The same for the commands of profiles.
pub(super) fn profile_error(error: StoreError) -> Code {
    match error {
        StoreError::NoAccount => Code::ProfileAccountNotExist,
        StoreError::Conflict | StoreError::Unavailable => Code::ProfileInternal,
    }
}
