//! What `cargo package` packs. `.ci/run` builds from it.

use crate::fixture::text;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The packed files outside `src`. Cargo makes `Cargo.toml.orig` and `.cargo_vcs_info.json`, the latter only in
/// a git repository.
const OUTSIDE_SRC: [&str; 13] = [
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE",
    "README.md",
    "config/emulator.toml",
    "config/fixtures/EmulatorTest.java",
    "config/fixtures/compose.yaml",
    "config/fixtures/emulator.rs",
    "config/fixtures/emulator.test.mjs",
    "config/fixtures/emulator_test.go",
    "config/fixtures/github-actions.yaml",
    "config/fixtures/test_emulator.py",
];

fn packed() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = output.expect("cargo is there");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_package_has_the_sources_without_their_tests_and_what_a_user_reads() {
    let packed = packed();
    let (src, others): (Vec<_>, Vec<_>) = packed.iter().partition(|path| path.starts_with("src/"));
    let others = others.into_iter();
    let others: Vec<_> = others
        .filter(|path| *path != ".cargo_vcs_info.json")
        .collect();
    let tests: Vec<_> = src
        .iter()
        .filter(|path| path.contains("tests") || path.ends_with("contract.rs"))
        .collect();

    assert_eq!(others, OUTSIDE_SRC);
    assert!(src.len() > 100, "{}", src.len());
    assert!(tests.is_empty(), "{tests:?}");
}

#[test]
fn the_readme_has_every_recipe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("config/fixtures")).expect("the recipes are there");
    let readme = fs::read_to_string(root.join("README.md")).expect("it is there");
    for file in files {
        let name = file
            .expect("readable")
            .file_name()
            .into_string()
            .expect("UTF-8");
        assert!(
            readme.contains(&format!("(config/fixtures/{name})")),
            "{name}"
        );
    }
}

#[test]
fn the_readme_links_only_to_packed_files() {
    let packed = packed();
    let readme = include_str!("../../README.md");
    let links = readme.split("](").skip(1);
    let links = links.map(|rest| rest.split(')').next().unwrap_or_default());
    let missing: Vec<_> = links
        .filter(|link| !link.starts_with("https://") && !link.starts_with('#'))
        // A link to a folder is one to its files.
        .filter(|link| !packed.iter().any(|path| path.starts_with(link)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
