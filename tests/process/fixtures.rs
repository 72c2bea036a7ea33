//! The recipes in `config/fixtures`: the test runners of other languages run them as they stand, and their schemas
//! and the emulator accept the files for containers.

use crate::fixture::{ADMIN, APP, Server, program, text, wait_for};
use crate::tools::{run, tool, tools};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use tencent_chat_emulator::protocol::hosts::HOSTS;

/// A file of tests for a test runner.
struct Recipe {
    file: &'static str,
    /// The command that runs the file, for a shell.
    command: &'static str,
    /// What the runner prints when both tests have passed.
    passed: &'static str,
}

const PYTEST: Recipe = Recipe {
    file: "test_emulator.py",
    command: "pytest",
    passed: " 2 passed ",
};

const NODE: Recipe = Recipe {
    file: "emulator.test.mjs",
    command: "node --test",
    passed: "pass 2\n",
};

const GO: Recipe = Recipe {
    file: "emulator_test.go",
    // It uses only the standard library.
    command: "GOPROXY=off go test -v -count=1 emulator_test.go",
    passed: "--- PASS: TestBlockedAccountAddsNobody",
};

const JUNIT: Recipe = Recipe {
    file: "EmulatorTest.java",
    command: "javac -cp /usr/share/java/junit-jupiter-api.jar -d classes EmulatorTest.java
        java -Djunit.jupiter.execution.parallel.enabled=true \
            -jar /usr/share/java/junit-platform-console-standalone.jar --class-path classes --scan-class-path",
    passed: "[         2 tests successful      ]",
};

/// The code that the second test of each recipe expects.
const EXPECTED: &str = "30525";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config/fixtures")
        .join(name)
}

/// A folder with the recipe, as a user has it.
fn project(recipe: &Recipe) -> TempDir {
    let dir = TempDir::new().expect("a place for files");
    fs::copy(fixture(recipe.file), dir.path().join(recipe.file)).expect("it is there");
    dir
}

/// The test runner, which finds programs in `bin` in the folder. A runner that hangs is ended.
fn runner(recipe: &Recipe, dir: &Path) -> Command {
    let line = format!("PATH=\"$PWD/bin:$PATH\"\n{}", recipe.command);
    let mut command = tool("timeout");
    command.args(["300", "sh", "-ec", &line]).current_dir(dir);
    // Whatever the runner keeps is in the folder, except that all tests share what Go has compiled.
    for (name, folder) in [("HOME", "home"), ("TMPDIR", "tmp")] {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder).expect("a new folder");
        command.env(name, folder);
    }
    for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env_remove(name);
    }
    command
        .env("GOCACHE", tools().join("go-build"))
        .env("GOENV", "off")
        .env("GOPATH", dir.join("home/go"))
        .env_remove("TENCENT_CHAT_EMULATOR_URL")
        .stdin(Stdio::null());
    command
}

fn printed(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// Asserts that the recipe starts and stops the program, which is in PATH, that its tests pass, and that the
/// second fails if it expects another code.
#[track_caller]
fn passes_and_can_fail(recipe: &Recipe) {
    let dir = project(recipe);
    fs::create_dir(dir.path().join("bin")).expect("a new folder");
    let copy = dir.path().join("bin/tencent-chat-emulator");
    fs::copy(program(&[]).get_program(), &copy).expect("a new file");

    let passed = run(&mut runner(recipe, dir.path()));
    assert!(passed.contains(recipe.passed), "{passed}");

    let file = dir.path().join(recipe.file);
    let text = fs::read_to_string(&file).expect("it is there");
    assert_eq!(text.matches(EXPECTED).count(), 1);
    fs::write(&file, text.replace(EXPECTED, "30526")).expect("a changed file");
    let failed = runner(recipe, dir.path()).output().expect("it starts");
    let printed = printed(&failed);
    assert!(!failed.status.success(), "{printed}");
    assert!(printed.contains(EXPECTED), "{printed}");

    wait_for("the end of all emulators", || {
        processes_of(&copy).is_empty().then_some(())
    });
}

/// The processes that run this program.
fn processes_of(program: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("Linux has it");
    let paths = processes.map(|process| process.expect("readable").path());
    let runs = |path: &PathBuf| fs::read_link(path.join("exe")).is_ok_and(|exe| exe == program);
    paths.filter(runs).collect()
}

#[test]
fn the_recipe_for_pytest_passes_as_it_stands_and_can_fail() {
    passes_and_can_fail(&PYTEST);
}

#[test]
fn the_recipe_for_nodes_test_runner_passes_as_it_stands_and_can_fail() {
    passes_and_can_fail(&NODE);
}

#[test]
fn the_recipe_for_node_says_how_to_get_a_program_that_is_missing() {
    let dir = project(&NODE);
    let mut node = tool("node");
    let node = node.arg("--test").env("PATH", "").current_dir(dir.path());

    let output = node.env_remove("TENCENT_CHAT_EMULATOR_URL").output();

    let output = output.expect("it starts");
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains(
            "no tencent-chat-emulator in PATH: run `cargo install --path .` in its repository"
        ),
        "{printed}"
    );
    assert!(!printed.contains("uncaught"), "{printed}");
}

#[test]
fn the_recipe_for_go_passes_as_it_stands_and_can_fail() {
    passes_and_can_fail(&GO);
}

#[test]
fn the_recipe_for_junit_passes_as_it_stands_and_can_fail() {
    passes_and_can_fail(&JUNIT);
}

/// The accounts of all tests have the same names. Without apps of their own, they would be friends already, or
/// block each other.
#[test]
fn all_recipes_at_once_share_an_emulator() {
    let server = Server::start();
    let recipes = [PYTEST, PYTEST, NODE, NODE, GO, GO, JUNIT, JUNIT];
    let projects: Vec<_> = recipes.iter().map(project).collect();
    let runners: Vec<_> = std::iter::zip(&recipes, &projects)
        .map(|(recipe, dir)| {
            let mut runner = runner(recipe, dir.path());
            runner.env("TENCENT_CHAT_EMULATOR_URL", &server.url);
            runner.stdout(Stdio::piped()).stderr(Stdio::piped());
            runner.spawn().expect("it starts")
        })
        .collect();

    for (recipe, runner) in std::iter::zip(&recipes, runners) {
        let output = runner.wait_with_output().expect("it ends");
        let printed = printed(&output);
        assert!(printed.contains(recipe.passed), "{printed}");
    }

    let get = |route: &str| {
        let answer =
            run(Command::new("curl")
                .args(["-sSf", &format!("{}/_emulator/v1/{route}", server.url)]));
        serde_json::from_str::<Value>(&answer).expect("JSON")
    };
    // One call of each test; the app that it was for has been removed.
    assert_eq!(get("requests")["last_id"], 16);
    assert_eq!(get("apps").as_array().expect("apps").len(), 1);
}

/// As a user runs them: without a server, and with its variables from `exec`.
#[test]
fn recipes_use_the_emulator_of_exec() {
    for recipe in [PYTEST, NODE] {
        let dir = project(&recipe);
        let path = runner(&recipe, dir.path());
        let mut exec = program(&["exec", "--"]);
        exec.arg(path.get_program()).args(path.get_args());
        let variables = path
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        exec.envs(variables).current_dir(dir.path());
        let passed = run(&mut exec);
        assert!(passed.contains(recipe.passed), "{passed}");
    }
}

/// A YAML file as JSON, after its schema has accepted it.
fn checked(name: &str, schema: &str) -> Value {
    let file = fixture(name);
    run(tool("check-jsonschema")
        .args(["--builtin-schema", schema])
        .arg(&file));
    let script = "import json, ruamel.yaml, sys; print(json.dumps(ruamel.yaml.YAML(typ='safe').load(open(sys.argv[1]))))";
    let printed = run(tool("python").args(["-c", script]).arg(&file));
    serde_json::from_str(&printed).expect("JSON")
}

#[test]
fn the_compose_file_gives_the_emulator_all_of_tencents_names() {
    let compose = checked("compose.yaml", "vendor.compose-spec");
    let emulator = &compose["services"]["emulator"];
    let app = &compose["services"]["app"];

    assert_eq!(emulator["networks"]["default"]["aliases"], json!(HOSTS));
    // The emulator accepts its variables; clients reach the address at the port of https.
    let variables = emulator["environment"].as_object().expect("a table");
    let variables = variables
        .iter()
        .map(|(name, value)| (name, value.as_str().expect("text")));
    let mut user_sig = program(&["user-sig", "--sdkappid", APP, "--identifier", ADMIN]);
    run(user_sig.envs(variables));
    assert_eq!(
        emulator["environment"]["EMULATOR__TLS__LISTEN"],
        "0.0.0.0:443"
    );
    // The CA is where the image keeps it, and where the application looks for it.
    assert_eq!(emulator["volumes"], json!(["ca:/data"]));
    assert_eq!(app["volumes"], json!(["ca:/ca:ro"]));
    assert!(include_str!("../../Dockerfile").contains("EMULATOR__TLS__CA_DIRECTORY=/data\n"));
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        assert_eq!(app["environment"][name], "/ca/ca.pem", "{name}");
    }
    // The health check is the image's, and the application waits for it.
    let check = emulator["healthcheck"]["test"]
        .as_array()
        .expect("a command");
    assert_eq!(check[0], "CMD");
    let check = serde_json::to_string(&check[1..]).expect("JSON");
    let check = check.replace(',', ", ");
    assert!(include_str!("../../Dockerfile").contains(&format!("CMD {check}\n")));
    assert_eq!(
        app["depends_on"]["emulator"]["condition"],
        "service_healthy"
    );
}

#[test]
fn the_workflow_publishes_the_port_that_its_tests_use() {
    let workflow = checked("github-actions.yaml", "vendor.github-workflows");
    let job = &workflow["jobs"]["tests"];
    let emulator = &job["services"]["emulator"];

    let port = emulator["ports"][0]
        .as_str()
        .and_then(|ports| ports.split(':').next());
    let url = format!("http://127.0.0.1:{}", port.expect("a port"));
    assert_eq!(job["env"], json!({"TENCENT_CHAT_EMULATOR_URL": url}));
    let version = format!("/tencent-chat-emulator:{}", env!("CARGO_PKG_VERSION"));
    assert!(
        emulator["image"]
            .as_str()
            .is_some_and(|image| image.ends_with(&version))
    );
}
