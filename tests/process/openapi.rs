//! `openapi.json` in the hands of others' tools, which `tests/install` installs: a client is generated
//! from it, and its style is checked.

use crate::fixture::Server;
use crate::tools::{run, tool};
use tempfile::TempDir;

fn document(server: &Server) -> String {
    format!("{}/_emulator/v1/openapi.json", server.url)
}

/// The client calls friend_add and the control API: see `client.py`.
#[test]
fn a_generated_python_client_works() {
    let server = Server::start();
    let dir = TempDir::new().expect("a place for files");
    let generated = dir.path().join("emulator_client");

    let printed = run(tool("openapi-python-client")
        .args([
            "generate",
            "--meta",
            "none",
            "--url",
            &document(&server),
            "--output-path",
        ])
        .arg(&generated));
    let called = run(tool("python")
        .args([
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/client.py"),
            &server.url,
        ])
        .env("PYTHONPATH", dir.path()));

    // The generator leaves out what it does not understand: only the media types of the metrics and of PEM.
    assert_eq!(printed.matches("WARNING").count(), 2, "{printed}");
    for route in ["/metrics", "/_emulator/v1/tls/ca"] {
        let warning = format!("WARNING parsing GET {route}");
        assert!(printed.contains(&warning), "{printed}");
    }
    assert!(!printed.contains("Unable to"), "{printed}");
    assert_eq!(called, "done\n");
}

#[test]
fn redocly_finds_no_error() {
    let server = Server::start();
    let printed =
        run(tool("redocly").args(["lint", "--extends", "recommended", &document(&server)]));
    assert!(
        printed.contains("Your API description is valid"),
        "{printed}"
    );
}
