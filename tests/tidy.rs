//! The walls of the house: who may not know of whom. See the map in `src/lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the words that must not stand in it.
const WALLS: [(&str, &[&str]); 11] = [
    (
        "src/protocol",
        &[
            "axum",
            "tokio",
            "dashmap",
            "tracing",
            "crate::sns",
            "crate::store",
            "crate::state",
            "crate::config",
            "SystemTime",
            "Instant",
            "Mutex",
        ],
    ),
    (
        "src/sns",
        &[
            "axum",
            "tokio",
            "dashmap",
            "tracing",
            "crate::store",
            "crate::commands",
            "crate::state",
            "SystemTime",
            "Instant",
            "Mutex",
            "rand",
        ],
    ),
    (
        "src/profile.rs",
        &[
            "axum",
            "tokio",
            "serde",
            "crate::store",
            "crate::commands",
            "Mutex",
        ],
    ),
    (
        "src/strict.rs",
        &[
            "axum",
            "tokio",
            "crate::config",
            "crate::control",
            "crate::state",
        ],
    ),
    (
        "src/store",
        &[
            "axum",
            "tracing",
            "crate::commands",
            "crate::gateway",
            "crate::config",
            "crate::state",
        ],
    ),
    (
        "src/gateway",
        &["crate::commands", "crate::store", "crate::sns"],
    ),
    ("src/commands", &["crate::control", "DashMap", "SystemTime"]),
    ("src/faults", ABOVE_THE_WORLD),
    ("src/journal.rs", ABOVE_THE_WORLD),
    ("src/apps.rs", ABOVE_THE_WORLD),
    (
        "src/world.rs",
        &[
            "crate::state",
            "crate::commands",
            "crate::control",
            "crate::gateway",
        ],
    ),
];

/// What the rooms may not know that a world is made of.
const ABOVE_THE_WORLD: &[&str] = &[
    "crate::world",
    "crate::state",
    "crate::commands",
    "crate::control",
    "crate::gateway",
];

/// The files of a room, which may be a single one.
fn sources(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let entries = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path());
    let files = entries.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    // Tests may use whatever they need.
    files
        .filter(|path| {
            !path.ends_with("contract.rs") && !path.to_string_lossy().ends_with("_tests.rs")
        })
        .collect()
}

/// The lines of code above a file's tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn no_room_knows_of_what_lies_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (room, forbidden) in WALLS {
        let files = sources(&root.join(room));
        assert!(!files.is_empty(), "{room}");
        for file in files {
            let text = fs::read_to_string(&file).expect("readable");
            for word in forbidden
                .iter()
                .filter(|word| code(&text).any(|line| has_word(line, word)))
            {
                broken.push(format!("{} names {word}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// `word`, and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}
