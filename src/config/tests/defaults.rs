//! Defaults of a command, in place of the built-in ones.

use super::*;

#[test]
fn a_commands_own_defaults_replace_only_the_built_in_ones() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    std::fs::write(&path, "[log]\nlevel = \"error\"\n").expect("a file");
    let config = Config::load(&Sources {
        defaults: vec![
            ("listen", "127.0.0.1:0"),
            ("tls.ca_directory", ""),
            ("log.level", "warn"),
            ("proxy.others", "tunnel"),
        ],
        file: Some(path.clone()),
        env: vec![("EMULATOR__PROXY__OTHERS".into(), "refuse".into())],
        flags: Vec::new(),
    });
    let config = config.expect("it is valid");

    assert_eq!(config.listen.port(), 0);
    assert_eq!(config.tls.ca_directory, Some(PathBuf::new()));
    assert_eq!(config.log.level, LevelFilter::ERROR);
    assert_eq!(config.proxy.others, OtherHosts::Refuse);
    let origin = |key: &str| {
        let mut settings = config.settings.iter();
        let setting = settings.find(|setting| setting.key == key);
        setting.expect("it is set").origin.clone()
    };
    assert_eq!(origin("listen"), "the defaults of the command");
    assert_eq!(origin("tls.ca_directory"), "the defaults of the command");
    assert_eq!(origin("log.level"), format!("{}:2", path.display()));
    assert_eq!(
        origin("proxy.others"),
        "environment variable EMULATOR__PROXY__OTHERS"
    );
}
