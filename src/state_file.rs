//! The state file: keeps the accounts of the configured apps between runs.
//!
//! A thread of its own saves the file, so that calls do not wait for it: it takes a copy of the accounts, which
//! costs a few pointers, and writes the copy while calls change the accounts. A process that is killed leaves
//! one of the complete states that were saved. The last save has every call that was answered.

use crate::atomic_file::{
    beside, check_directory, directory, flush_directory, follow_links, remove_unfinished, replace,
};
use crate::config::os_reason;
use crate::protocol::ids::SdkAppId;
use crate::saved::{self, Unreadable};
use crate::state::AppState;
use crate::store::Accounts;
use crate::world::World;
use std::collections::HashSet;
use std::fmt::{self, Display};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often a file is tried that another emulator uses, and the pause between two tries: about a second. An
/// emulator that was dropped, or killed, may need a moment to unlock its file.
const LOCK_TRIES: usize = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What helps against a file that is damaged.
const HELP: &str = "Move the file away to begin with the accounts of the configuration, or put a good copy in its place.";

/// The reason why a state file cannot be used, read or saved, in a sentence that names the file.
#[derive(Debug)]
pub struct StateFileError {
    message: String,
    kind: ErrorKind,
}

/// A state file that no other emulator uses.
#[derive(Debug)]
pub(crate) struct StateFile {
    /// The path without symbolic links: a link stays, and its target is replaced.
    path: PathBuf,
    /// A file beside it, locked until this value is dropped. The state file itself cannot be locked, because
    /// each save replaces it. The lock file stays, because to remove it would free the lock's name while
    /// another process waits for it.
    _lock: File,
}

impl StateFile {
    /// Locks the file, and checks that it can be saved.
    pub(crate) async fn open(given: &Path) -> Result<Self, StateFileError> {
        let cannot_use = |reason: &dyn Display, kind| {
            let message = format!("cannot use the state file {}: {reason}", given.display());
            StateFileError { message, kind }
        };
        let of_file = |error: io::Error| cannot_use(&os_reason(&error), error.kind());
        let path = follow_links(given).map_err(of_file)?;
        let folder = directory(&path);
        let of_folder = |error: io::Error| {
            let (folder, reason) = (folder.display(), os_reason(&error));
            let reason = format!("the directory {folder} cannot be written: {reason}");
            cannot_use(&reason, error.kind())
        };
        let metadata = fs::metadata(&path).ok();
        if path.file_name().is_none() || metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(cannot_use(&"it is a directory", ErrorKind::IsADirectory));
        }
        if metadata.is_some_and(|metadata| !metadata.is_file()) {
            return Err(cannot_use(
                &"it is not a regular file",
                ErrorKind::InvalidInput,
            ));
        }
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false);
        let lock_path = folder.join(beside(&path, ".lock"));
        let lock = options.open(&lock_path).map_err(|error| {
            if !lock_path.exists() {
                return of_folder(error);
            }
            let (lock_path, reason) = (lock_path.display(), os_reason(&error));
            let reason = format!("its lock file {lock_path} cannot be opened: {reason}");
            cannot_use(&reason, error.kind())
        })?;
        match try_lock(&lock).await {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let reason = "another emulator uses it; stop that one, or choose another file";
                return Err(cannot_use(&reason, ErrorKind::WouldBlock));
            }
            Err(TryLockError::Error(error)) => {
                let reason = format!("it cannot be locked: {}", os_reason(&error));
                return Err(cannot_use(&reason, error.kind()));
            }
        }
        remove_unfinished(&path).map_err(of_folder)?;
        check_directory(&path).map_err(of_folder)?;
        Ok(Self { path, _lock: lock })
    }

    /// Gives the apps of a world their saved accounts. An app that the file lacks, and all apps if there is no
    /// file, begin as configured. The file is not changed. Returns the accounts in the file; `None` if
    /// there is no file.
    pub(crate) fn load(&self, world: &World) -> Result<Option<AllAccounts>, StateFileError> {
        let cannot_read = |reason: &dyn Display, kind| {
            let path = self.path.display();
            let message =
                format!("cannot read the state file {path}, which stays as it is: {reason}");
            StateFileError { message, kind }
        };
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot_read(&os_reason(&error), error.kind())),
        };
        // Whatever was saved can be read, however large an account is.
        let graphs = saved::read_apps(&text, &world.configured_apps(), usize::MAX);
        let graphs = graphs.map_err(|error| {
            let reason = match text.is_empty() {
                true => "it is empty".to_owned(),
                false => error.to_string(),
            };
            cannot_read(&format!("{reason}\n{HELP}"), ErrorKind::InvalidData)
        })?;
        let (mut all, mut accounts) = (AllAccounts::new(), 0);
        for (app, graph) in graphs {
            accounts += graph.len();
            all.push((app.sdkappid, graph.clone()));
            app.store.begin_with(graph);
        }
        let path = self.path.display();
        info!(accounts, "{accounts} accounts were read from {path}");
        // In the order of a world's apps.
        all.sort_unstable_by_key(|(app, _)| *app);
        Ok(Some(all))
    }

    fn write(&self, all: &AllAccounts) -> Result<(), StateFileError> {
        let written = replace(&self.path, |out| {
            let mut pieces = saved::apps_pieces(all);
            pieces.try_for_each(|piece| out.write_all(piece.as_bytes()))
        });
        written.map_err(|error| self.cannot_save(&os_reason(&error), error.kind()))?;
        flush_directory(&self.path).map_err(|error| {
            let (path, reason) = (self.path.display(), os_reason(&error));
            let message = format!(
                "cannot flush the directory of the state file {path}: {reason}; the file is saved, but a power \
                 failure may bring the old one back"
            );
            let kind = error.kind();
            StateFileError { message, kind }
        })
    }

    fn cannot_save(&self, reason: &str, kind: ErrorKind) -> StateFileError {
        let path = self.path.display();
        let message =
            format!("cannot save the state file {path}: {reason}; the file stays as it was");
        StateFileError { message, kind }
    }
}

/// Locks a file. Tries for about a second if it is locked.
async fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE).await,
            Ok(()) => return Ok(()),
            Err(error @ TryLockError::Error(_)) => return Err(error),
        }
    }
    file.try_lock()
}

/// The accounts of the configured apps, in the order of their SDKAppIDs.
type AllAccounts = Vec<(SdkAppId, Accounts)>;

/// Whether no account has changed between these two copies.
fn is_same(one: &AllAccounts, other: &AllAccounts) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len()
        && pairs.all(|(one, other)| one.0 == other.0 && one.1.is_same(&other.1))
}

/// The thread that saves the file. Without [`Keeper::stop`], the thread ends when this value is dropped, and
/// does not save the last changes.
#[derive(Debug)]
pub(crate) struct Keeper(mpsc::Sender<oneshot::Sender<Result<(), StateFileError>>>);

impl Keeper {
    /// Starts to save the file, each time after `interval` if something has changed. `last_saved` is what the
    /// file has already. Must be called on a Tokio runtime.
    pub(crate) fn start(
        file: StateFile,
        last_saved: Option<AllAccounts>,
        state: AppState,
        interval: Duration,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<oneshot::Sender<_>>();
        let mut saving = Saving {
            file,
            last_saved,
            state,
            runtime: Handle::current(),
            warned: HashSet::new(),
        };
        let keep = move || loop {
            match stopped.recv_timeout(interval) {
                Err(RecvTimeoutError::Timeout) => saving.save_or_warn(),
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(done) => {
                    let result = saving.save();
                    // The file is unlocked before the stop is over.
                    drop(saving);
                    // An error means that `stop` was cancelled.
                    let _ = done.send(result);
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("state file".to_owned())
            .spawn(keep)?;
        Ok(Self(stop))
    }

    /// Saves the last changes, and unlocks the file.
    pub(crate) async fn stop(self) -> Result<(), StateFileError> {
        let (done, result) = oneshot::channel();
        // An error means that the thread has panicked; then there is no answer either.
        let _ = self.0.send(done);
        result.await.unwrap_or_else(|_| {
            Err(StateFileError {
                message: "the thread that saves the state file has ended".to_owned(),
                kind: ErrorKind::Other,
            })
        })
    }
}

/// What the thread needs.
struct Saving {
    file: StateFile,
    /// The accounts as they are in the file; `None` if the file differs or is missing.
    last_saved: Option<AllAccounts>,
    state: AppState,
    runtime: Handle,
    /// The errors that were logged since the last successful save.
    warned: HashSet<ErrorKind>,
}

impl Saving {
    /// Logs each kind of error once, because a full disk stays full for many saves.
    fn save_or_warn(&mut self) {
        match self.save() {
            Ok(()) if self.warned.is_empty() => {}
            Ok(()) => {
                self.warned.clear();
                info!("the state file {} is saved again", self.file.path.display());
            }
            Err(error) => {
                if self.warned.insert(error.kind) {
                    warn!("{error}; the emulator tries again");
                }
            }
        }
    }

    /// Saves the accounts, if they have changed.
    fn save(&mut self) -> Result<(), StateFileError> {
        let world = self.state.world();
        let all = self.runtime.block_on(world.saved_accounts());
        let all = all.map_err(|error| {
            let reason = format!("{error:?}");
            self.file.cannot_save(&reason, ErrorKind::Other)
        })?;
        let last_saved = self.last_saved.take();
        if !last_saved.is_some_and(|last_saved| is_same(&last_saved, &all)) {
            // The old copy is dropped by now, so that its memory is free.
            self.file.write(&all)?;
        }
        self.last_saved = Some(all);
        Ok(())
    }
}

impl Display for StateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StateFileError {}

impl From<StateFileError> for io::Error {
    fn from(error: StateFileError) -> Self {
        Self::new(error.kind, error)
    }
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(reason) => write!(f, "it is not JSON: {reason}"),
            Self::Invalid(fields) => {
                let fields = fields.iter();
                let lines = fields.map(|field| format!("{} {}", field.pointer, field.detail));
                f.write_str(lines.collect::<Vec<_>>().join("\n").trim_start())
            }
        }
    }
}
