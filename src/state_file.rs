//! The state file: keeps the accounts of the configured apps between runs.
//!
//! A thread of its own saves the file, so that calls do not wait for it: it takes a copy of the accounts, which
//! costs a few pointers, and writes the copy while calls change the accounts. A process that is killed leaves
//! one of the complete states that were saved. The last save comes after the last call.

use crate::atomic_file::{
    beside, check_directory, directory, follow_links, remove_unfinished, replace,
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
use tracing::{info, warn};

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
    pub(crate) fn open(given: &Path) -> Result<Self, StateFileError> {
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
        let lock = options.open(folder.join(beside(&path, ".lock")));
        let lock = lock.map_err(of_folder)?;
        match lock.try_lock() {
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
    /// file, begin as configured. The file is not changed. Returns the accounts that are saved; `None` if there
    /// is no file.
    pub(crate) fn load(&self, world: &World) -> Result<Option<Saved>, StateFileError> {
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
        let graphs = graphs.map_err(|error| cannot_read(&error, ErrorKind::InvalidData))?;
        let (mut apps, mut accounts) = (Saved::new(), 0);
        for (app, graph) in graphs {
            accounts += graph.len();
            apps.push((app.sdkappid, graph.clone()));
            app.store.begin_with(graph);
        }
        let path = self.path.display();
        info!(accounts, "{accounts} accounts were read from {path}");
        // In the order of a world's apps.
        apps.sort_unstable_by_key(|(app, _)| *app);
        Ok(Some(apps))
    }

    fn write(&self, apps: &Saved) -> io::Result<()> {
        replace(&self.path, |out| {
            let mut pieces = saved::apps_pieces(apps);
            pieces.try_for_each(|piece| out.write_all(piece.as_bytes()))
        })
    }
}

/// The accounts of the apps, in the order of their SDKAppIDs.
type Saved = Vec<(SdkAppId, Accounts)>;

/// Whether no account has changed between these two copies.
fn is_same(one: &Saved, other: &Saved) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len()
        && pairs.all(|(one, other)| one.0 == other.0 && one.1.is_same(&other.1))
}

/// The thread that saves the file. Without [`Keeper::stop`], the thread ends when this value is dropped, and
/// does not save the last changes.
#[derive(Debug)]
pub(crate) struct Keeper(mpsc::Sender<oneshot::Sender<Result<(), StateFileError>>>);

impl Keeper {
    /// Starts to save the file, each time after `interval` if something has changed. `saved` is what the file
    /// has already. Must be called on a Tokio runtime.
    pub(crate) fn start(
        file: StateFile,
        saved: Option<Saved>,
        state: AppState,
        interval: Duration,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<oneshot::Sender<_>>();
        let mut saving = Saving {
            file,
            saved,
            state,
            runtime: Handle::current(),
            warned: HashSet::new(),
        };
        let keep = move || loop {
            match stopped.recv_timeout(interval) {
                Err(RecvTimeoutError::Timeout) => saving.save_or_warn(),
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(done) => {
                    let saved = saving.save();
                    // The file is unlocked before the stop is over.
                    drop(saving);
                    // An error means that nobody waits for the stop.
                    let _ = done.send(saved);
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
        let (done, saved) = oneshot::channel();
        // An error means that the thread has panicked; then there is no answer either.
        let _ = self.0.send(done);
        saved.await.unwrap_or_else(|_| {
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
    saved: Option<Saved>,
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
                    warn!("{error}; the file stays as it was, and the emulator tries again");
                }
            }
        }
    }

    /// Saves the accounts, if they have changed.
    fn save(&mut self) -> Result<(), StateFileError> {
        let world = self.state.world();
        let accounts = self.runtime.block_on(world.saved_accounts());
        let accounts =
            accounts.map_err(|error| self.error(&format!("{error:?}"), ErrorKind::Other))?;
        let is_saved = |saved: &Saved| is_same(saved, &accounts);
        if !self.saved.take().is_some_and(|saved| is_saved(&saved)) {
            // The old copy is dropped by now, so that its memory is free.
            let written = self.file.write(&accounts);
            written.map_err(|error| self.error(&os_reason(&error), error.kind()))?;
        }
        self.saved = Some(accounts);
        Ok(())
    }

    fn error(&self, reason: &str, kind: ErrorKind) -> StateFileError {
        let message = format!(
            "cannot save the state file {}: {reason}",
            self.file.path.display()
        );
        StateFileError { message, kind }
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
