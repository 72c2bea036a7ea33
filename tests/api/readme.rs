//! The generated tables in README.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Asserts that README has exactly this table between `<!-- name -->` and `<!-- end of name -->`.
/// With `EMULATOR_WRITE_README=1`, it writes the table instead.
#[track_caller]
pub(crate) fn hold(name: &str, table: &str) {
    // Tests run in parallel, and two of them write README.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let place = |text: String| {
        (
            readme.find(&text).expect("README has its marks"),
            text.len(),
        )
    };
    let (begin, length) = place(format!("<!-- {name} -->\n"));
    let (begin, end) = (begin + length, place(format!("<!-- end of {name} -->")).0);

    if std::env::var_os("EMULATOR_WRITE_README").is_some() {
        let written = format!("{}{table}{}", &readme[..begin], &readme[end..]);
        return std::fs::write(&path, written).expect("the README can be written");
    }

    assert_eq!(
        &readme[begin..end],
        table,
        "EMULATOR_WRITE_README=1 cargo test readme writes it"
    );
}
