//! Files that are written atomically: a reader, and a process that is killed, finds the old content or the
//! new content, never a part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// The number of random characters in the name of a temporary file.
const RANDOM: usize = 6;

/// The end of the name of a temporary file.
const SUFFIX: &str = ".tmp";

/// The size of a write to the disk, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// The most symbolic links that are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// Writes a file with `write` under a temporary name in its directory, flushes it to the disk, and then renames
/// it. `path` must not be a symbolic link: see [`follow_links`]. An existing file's permissions stay. After an
/// error, `path` is as it was. After success, a power failure can still bring the old content back, until
/// [`flush_directory`] has been called.
///
/// # Errors
/// When the file cannot be written, or `write` fails.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    written(path, 0o666, write)?.persist(path)?;
    Ok(())
}

/// Does the same as [`replace`], but a new file can be read only by the user.
///
/// # Errors
/// When the file cannot be written.
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    written(path, 0o600, |out| out.write_all(content))?.persist(path)?;
    Ok(())
}

/// Writes a new file as [`replace`] does. `mode` is its permissions on Unix, which the umask narrows.
///
/// # Errors
/// When the file exists (the kind of the error is `AlreadyExists`), or cannot be written.
pub(crate) fn create(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    written(path, mode, |out| out.write_all(content))?.persist_noclobber(path)?;
    Ok(())
}

/// The temporary file of `path`, written with `write` and flushed to the disk.
fn written(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let unfinished = temporary(path, mode)?;
    let file = unfinished.as_file();
    if let Ok(old) = fs::metadata(path) {
        // The umask may have narrowed them.
        file.set_permissions(old.permissions())?;
    }
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.sync_all()?;
    Ok(unfinished)
}

/// Checks that [`replace`] can write to the directory of `path`.
///
/// # Errors
/// When it cannot.
pub(crate) fn check_directory(path: &Path) -> io::Result<()> {
    temporary(path, 0o600)?.close()
}

/// A new file in the directory of `path`, removed when it is dropped. It has the permissions of the file at `path`
/// from the start, so that no other user can read it in between. If there is none, it has `mode`.
fn temporary(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let prefix = prefix(path);
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let old = fs::metadata(path).map(|old| old.permissions());
        // The umask narrows both.
        builder.permissions(old.unwrap_or_else(|_| fs::Permissions::from_mode(mode)));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder.tempfile_in(directory(path))
}

/// Removes the temporary files of `path` that killed processes have left behind. No process may be writing the
/// file.
pub(crate) fn remove_unfinished(path: &Path) -> io::Result<()> {
    let prefix = prefix(path);
    let is_unfinished = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        let rest = name.strip_prefix(prefix.as_encoded_bytes());
        let random = rest.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        random
            .is_some_and(|text| text.len() == RANDOM && text.iter().all(u8::is_ascii_alphanumeric))
    };
    for entry in fs::read_dir(directory(path))? {
        let entry = entry?;
        if is_unfinished(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The beginning of the names of a file's temporary files.
fn prefix(path: &Path) -> OsString {
    beside(path, ".")
}

/// The hidden name with this end for a file that belongs to `path`.
pub(crate) fn beside(path: &Path, end: &str) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(end);
    name
}

/// The file that a path names after all symbolic links, which need not exist.
///
/// # Errors
/// When there are too many links.
pub fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            // It is not a link, or does not exist.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The directory of a file.
pub(crate) fn directory(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Flushes the directory of a file to the disk, and with it the renaming by [`replace`].
///
/// # Errors
/// When the directory cannot be flushed. The file has its new content all the same.
#[cfg(unix)]
pub fn flush_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

/// On Windows, a directory cannot be flushed.
#[cfg(not(unix))]
pub fn flush_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_temporary_file_has_the_old_permissions_from_the_start() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("state.json");
        for mode in [0o600, 0o400] {
            fs::write(&path, "old").expect("it can be written");
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(&path, permissions).expect("it is ours");

            let unfinished = temporary(&path, 0o666).expect("it can be created");

            let metadata = unfinished.as_file().metadata().expect("it is open");
            assert_eq!(metadata.permissions().mode() & 0o777, mode);
            drop(unfinished);
            fs::remove_file(&path).expect("it is ours");
        }
    }
}
