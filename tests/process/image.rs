//! The Dockerfile, without a Docker engine: its facts, a linter, and, on request, its steps one by one.

use crate::fixture::{Server, program};
use crate::tools::{run, tool};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// An instruction of the Dockerfile: its name and its arguments.
type Instruction = (String, String);

/// The instructions of the two stages: of the build, and of the image.
fn stages() -> [Vec<Instruction>; 2] {
    let text = include_str!("../../Dockerfile");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let text = lines.join("\n").replace("\\\n", " ");
    let instructions = text.lines().filter_map(|line| line.split_once(' '));
    let instructions = instructions.map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()));
    let instructions: Vec<_> = instructions.collect();
    let mut stages = instructions.split(|(name, _)| name == "FROM").skip(1);
    [(); 2].map(|()| stages.next().expect("two stages").to_vec())
}

/// The arguments of the instructions with this name.
fn all<'a>(stage: &'a [Instruction], name: &str) -> Vec<&'a str> {
    let named = stage.iter().filter(|(each, _)| each == name);
    named.map(|(_, arguments)| arguments.as_str()).collect()
}

/// The arguments of the only instruction with this name.
fn only<'a>(stage: &'a [Instruction], name: &str) -> &'a str {
    let [arguments] = all(stage, name)[..] else {
        panic!("not exactly one {name}");
    };
    arguments
}

/// The variables that a stage sets. A value may be in quotes.
fn variables(stage: &[Instruction]) -> Vec<(String, String)> {
    let words = all(stage, "ENV").into_iter().flat_map(words);
    let pairs = words.map(|word| {
        let (name, value) = word.split_once('=').expect("NAME=value");
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

/// The words of a line, in which quotes protect blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.last_mut().expect("one word").push_str(part);
            continue;
        }
        for (at, piece) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("one word").push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The command of an instruction in JSON form.
fn command(arguments: &str) -> Vec<String> {
    serde_json::from_str(arguments).expect("an array of words")
}

/// The command of the health check.
fn health_check(image: &[Instruction]) -> Vec<String> {
    let (_, check) = only(image, "HEALTHCHECK")
        .split_once("CMD ")
        .expect("a command");
    command(check)
}

#[test]
fn hadolint_finds_nothing() {
    run(tool("hadolint").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Dockerfile")));
}

#[test]
fn the_labels_are_those_of_the_package() {
    let [_, image] = stages();
    let label = |name: &str, value: &str| format!("org.opencontainers.image.{name}={value}");
    let expected = [
        label("title", env!("CARGO_PKG_NAME")),
        label("description", env!("CARGO_PKG_DESCRIPTION")),
        label("version", env!("CARGO_PKG_VERSION")),
        label("licenses", "MIT"),
    ];
    assert_eq!(words(only(&image, "LABEL")), expected);
}

#[test]
fn what_is_copied_is_exactly_what_dockerignore_lets_through() {
    let [build, _] = stages();
    let mut copied: Vec<_> = all(&build, "COPY")
        .into_iter()
        .flat_map(|copy| {
            let (sources, _) = copy.rsplit_once(' ').expect("a target");
            sources.split(' ').map(|source| format!("!{source}"))
        })
        .collect();
    copied.sort();
    let ignore = include_str!("../../.dockerignore");
    let ignore: Vec<_> = ignore
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(ignore[0], "*");
    assert_eq!(copied, ignore[1..]);
}

#[test]
fn the_images_variables_ports_and_health_check_belong_together() {
    let [build, image] = stages();
    let env = variables(&image);
    let value = |name: &str| {
        let found = env.iter().find(|(each, _)| each == name);
        found.map(|(_, value)| value.as_str()).expect("it is set")
    };
    let port = value("EMULATOR__LISTEN").strip_prefix("0.0.0.0:");
    assert_eq!(
        only(&image, "EXPOSE"),
        format!("{} 8443", port.expect("all addresses"))
    );
    // The unprivileged user has a folder of its own, which is where the CA is kept.
    let [made] = all(&build, "RUN")[1..] else {
        panic!("two steps");
    };
    let data = value("EMULATOR__TLS__CA_DIRECTORY");
    assert!(made.contains(&format!("mkdir -p /volume{data}")), "{made}");
    let user = only(&image, "USER");
    let copied = format!("--from=build --chown={user} /volume/ /");
    assert!(all(&image, "COPY").contains(&copied.as_str()), "{copied}");

    // The emulator accepts the variables, and the health check finds it. Only the port is another.
    let [entry] = &command(only(&image, "ENTRYPOINT"))[..] else {
        panic!("one word");
    };
    let mut server = program(&[]);
    server
        .env_clear()
        .envs(env.clone())
        .args(["--listen", "0.0.0.0:0"]);
    let server = Server::spawn(server);
    let check = health_check(&image);
    assert_eq!(check[0], *entry);
    let mut check = program(&check[1..].iter().map(String::as_str).collect::<Vec<_>>());
    check.env_clear().envs(env.clone());
    let listen = server.url.replace("http://", "");
    run(check.env("EMULATOR__LISTEN", listen));

    // The control API needs no token, and the log names no variable that is not used.
    let apps = format!("http://127.0.0.1:{}/_emulator/v1/apps", server.addr.port());
    let printed = run(Command::new("curl").args(["-sSf", &apps]));
    assert!(printed.contains("88888888"), "{printed}");
    assert!(!server.stdout().contains("token"), "{}", server.stdout());
    let log = server.stop();
    assert!(!log.contains("WARN"), "{log}");
}

/// Carries out every step of the Dockerfile as it is written, in a folder that looks like the whole system
/// (overlayfs, so only root can), and starts the image in an empty root as its user. Takes minutes.
#[test]
#[ignore = "builds a release; needs root, Linux and iproute2"]
fn every_step_of_the_dockerfile_works_without_docker() {
    let dir = TempDir::new().expect("a place for files");
    let [layer, image] = ["layer", "image"].map(|name| dir.path().join(name));
    for name in ["layer", "work", "merged", "image"] {
        fs::create_dir(dir.path().join(name)).expect("a new folder");
    }
    let [build_stage, image_stage] = stages();
    let context = Path::new(env!("CARGO_MANIFEST_DIR"));
    let in_dir = |script: &str, env: &[(String, String)], arguments: &[&str]| {
        let mut shell = Command::new("unshare");
        shell
            .args(["--mount", "--net", "sh", "-ec", script, "sh"])
            .args(arguments);
        shell
            .current_dir(dir.path())
            .env_clear()
            .envs(env.iter().cloned());
        shell.envs(["PATH", "HOME"].map(|name| (name, std::env::var_os(name).expect("set"))));
        run(&mut shell)
    };

    for (name, arguments) in &build_stage {
        match name.as_str() {
            "WORKDIR" => fs::create_dir(layer.join(&arguments[1..])).expect("a new folder"),
            "COPY" => copy(context, &words(arguments), &layer.join("build")),
            "RUN" => drop(in_dir(IN_OVERLAY, &variables(&build_stage), &[arguments])),
            _ => assert_eq!(name, "ENV"),
        }
    }
    for arguments in all(&image_stage, "COPY") {
        let mut words = words(arguments);
        assert_eq!(words.remove(0), "--from=build");
        copy(&layer, &words, &image);
    }
    assert_eq!(entries(&image).len(), 2);
    let entry = command(only(&image_stage, "ENTRYPOINT")).join(" ");
    let check = health_check(&image_stage).join(" ");
    let user = only(&image_stage, "USER");
    let printed = in_dir(IN_IMAGE, &variables(&image_stage), &[user, &entry, &check]);

    assert!(
        printed.contains("listens on http://0.0.0.0:8080\n"),
        "{printed}"
    );
    assert!(printed.contains("\nok"), "{printed}");
    // The image's user can change only its own folder.
    let owner = |name: &str| fs::metadata(image.join(name)).expect("it is there").uid();
    assert_eq!(owner("tencent-chat-emulator"), 0);
    assert_eq!(owner("data"), 65532);
    assert_eq!(owner("data/ca.pem"), 65532);
}

/// Runs the step `$1` in a root that has the system's files and the new ones.
const IN_OVERLAY: &str = r#"
mount -t overlay overlay -o lowerdir=/,upperdir=layer,workdir=work merged
mount --rbind /dev merged/dev
mount -t proc proc merged/proc
chroot merged sh -ec "cd /build; $1"
"#;

/// Runs the image as the user `$1`, with the program `$2` and the health check `$3`, and with nothing but its
/// variables and the devices that an engine adds, until it is healthy and answers over HTTPS.
const IN_IMAGE: &str = r#"
exec_in_image() {
    exec env -i $(env | grep ^EMULATOR__) EMULATOR__TLS__LISTEN=0.0.0.0:8443 \
        "$(command -v chroot)" --userspec="$user" image "$@"
}
user=$1
ip link set lo up
mkdir image/dev
mount --rbind /dev image/dev
exec_in_image $2 &
trap "kill $!" EXIT
tries=100
until (exec_in_image $3); do
    tries=$((tries - 1))
    [ $tries -gt 0 ]
    sleep 0.1
done
curl -sSf --cacert image/data/ca.pem https://localhost:8443/healthz
"#;

/// Carries out a COPY. The files get an old time, as the files of a checkout can have.
fn copy(from: &Path, words: &[String], to: &Path) {
    let owner = words[0].strip_prefix("--chown=");
    let (target, sources) = words.split_last().expect("a target");
    let target = to.join(target.trim_start_matches('/'));
    fs::create_dir_all(&target).expect("a folder");
    for source in &sources[usize::from(owner.is_some())..] {
        let source = from.join(source.trim_start_matches('/'));
        let files = match source.is_dir() {
            true => entries(&source),
            false => vec![source],
        };
        for file in files {
            let name = file.file_name().expect("a name");
            run(Command::new("cp").arg("-R").args([&file, &target]));
            run(Command::new("chown")
                .args(["-R", owner.unwrap_or("0:0")])
                .arg(target.join(name)));
        }
    }
    let old = "-type f -exec touch -d 2020-01-01 {} +".split(' ');
    run(Command::new("find").arg(&target).args(old));
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("readable").path())
        .collect()
}
