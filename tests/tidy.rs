//! Checks that no module uses a module above it. `src/lib.rs` describes the layers.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders or files, and the words that their code must not use.
const FORBIDDEN: [(&str, &[&str]); 15] = [
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
        "src/strict",
        &[
            "axum",
            "tokio",
            "crate::config",
            "crate::control",
            "crate::state",
        ],
    ),
    (
        "src/tls",
        &[
            "axum",
            "crate::commands",
            "crate::control",
            "crate::gateway",
            "crate::state",
        ],
    ),
    (
        "src/stub",
        &[
            "axum",
            "tokio",
            "crate::config",
            "crate::apps",
            "crate::commands",
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
        "src/accounts",
        &[
            "axum",
            "tokio",
            "crate::config",
            "crate::apps",
            "crate::commands",
            "crate::control",
            "crate::state",
        ],
    ),
    (
        "src/gateway",
        &["crate::commands", "crate::store", "crate::sns"],
    ),
    ("src/control", &["crate::emulator", "crate::server"]),
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

/// The modules that the parts of a world must not use.
const ABOVE_THE_WORLD: &[&str] = &[
    "crate::world",
    "crate::state",
    "crate::commands",
    "crate::control",
    "crate::gateway",
];

/// The source files at a path, which is a folder or one file.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path());
    let files = entries.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    // Tests may use all modules.
    files
        .filter(|path| {
            !path.ends_with("contract.rs") && !path.to_string_lossy().ends_with("_tests.rs")
        })
        .collect()
}

/// The lines of code of a file, without comments and tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn no_module_uses_a_module_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (module, forbidden) in FORBIDDEN {
        let files = sources(&root.join(module));
        assert!(!files.is_empty(), "{module}");
        for file in files {
            let text = fs::read_to_string(&file).expect("readable");
            for word in forbidden
                .iter()
                .filter(|word| code(&text).any(|line| has_word(line, word)))
            {
                broken.push(format!("{} uses {word}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Whether a line has `word` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}
