//! The names of the emulator's environment variables.

use crate::protocol::ids::SdkAppId;
use crate::strict::nearest;
use serde_json::{Map, Value};

/// The prefix of all names; `__` separates the parts of a key.
pub(super) const PREFIX: &str = "EMULATOR__";

/// The beginning of names that are probably meant for the emulator.
const BEGINNING: &str = "EMULATOR_";

/// The most names that get a warning.
const MAX_WARNINGS: usize = 20;

/// The keys in a name after the prefix, in lower case; a UserID keeps its case.
pub(super) fn path(name: &str) -> Vec<String> {
    let mut path = Vec::<String>::new();
    for part in name.split("__") {
        let is_user = path.last().is_some_and(|last| last == "accounts");
        path.push(match is_user {
            true => part.to_owned(),
            false => part.to_lowercase(),
        });
    }
    path
}

/// A warning for each name that has the beginning but not the prefix, such as `EMULATOR_SNS_MAX_FRIENDS`.
/// It never has a value, which can be a secret.
pub(super) fn unused<'a>(
    names: impl Iterator<Item = &'a str>,
    schema: &Value,
    apps: impl Iterator<Item = &'a SdkAppId>,
) -> Vec<String> {
    let mut unused: Vec<_> = names
        .filter(|name| name.starts_with(BEGINNING) && !name.starts_with(PREFIX))
        .take(MAX_WARNINGS)
        .collect();
    if unused.is_empty() {
        return Vec::new();
    }
    unused.sort_unstable();
    let apps: Vec<_> = apps.map(SdkAppId::to_string).collect();
    let mut known = Vec::new();
    add_names(BEGINNING.trim_end_matches('_'), schema, &apps, &mut known);
    let warning = |name: &str| {
        let advice = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the names of the emulator's variables begin with {PREFIX}"),
        };
        format!("the environment variable {name} is not used; {advice}")
    };
    unused.into_iter().map(warning).collect()
}

/// Collects the names of the keys in a schema.
fn add_names(parent: &str, schema: &Value, apps: &[String], names: &mut Vec<String>) {
    for (key, field) in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
    {
        let name = format!("{parent}__{}", key.to_uppercase());
        match key.as_str() {
            "apps" => {
                for app in apps {
                    let app = format!("{name}__{app}");
                    add_names(&app, &field["additionalProperties"], apps, names);
                }
            }
            _ if field["properties"].is_object() => add_names(&name, field, apps, names),
            _ => names.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};

    fn warnings(names: &[&str]) -> Vec<String> {
        let variable = |name: &&str| (name.into(), "a secret".into());
        let config = Config::load(&Sources {
            env: names.iter().map(variable).collect(),
            ..Sources::default()
        });
        config.expect("no error").warnings
    }

    #[test]
    fn a_name_with_one_underscore_gets_the_right_one() {
        for (name, meant) in [
            ("EMULATOR_SNS_MAX_FRIENDS", "EMULATOR__SNS__MAX_FRIENDS"),
            ("EMULATOR_SNS__MAX_FRIENDS", "EMULATOR__SNS__MAX_FRIENDS"),
            ("EMULATOR_LISTEN", "EMULATOR__LISTEN"),
            ("EMULATOR_LISTN", "EMULATOR__LISTEN"),
            ("EMULATOR_STRICT_BODY", "EMULATOR__STRICT_BODY"),
            (
                "EMULATOR_APPS_88888888_SECRET_KEY",
                "EMULATOR__APPS__88888888__SECRET_KEY",
            ),
        ] {
            let warning =
                format!("the environment variable {name} is not used; did you mean {meant}?");
            assert_eq!(warnings(&[name]), [warning]);
        }
    }

    #[test]
    fn another_name_is_said_to_be_unused_and_no_value_is_shown() {
        let found = warnings(&[
            "EMULATOR_PORT_8080_TCP",
            "EMULATORS",
            "PATH",
            "emulator_listen",
        ]);
        let warning = "the environment variable EMULATOR_PORT_8080_TCP is not used; the names of \
            the emulator's variables begin with EMULATOR__";
        assert_eq!(found, [warning]);
        assert_eq!(warnings(&[]), [""; 0]);
    }

    #[test]
    fn a_good_name_gives_no_warning() {
        let config = Config::load(&Sources {
            env: vec![("EMULATOR__SNS__MAX_FRIENDS".into(), "7".into())],
            ..Sources::default()
        });
        assert_eq!(config.expect("good").warnings, [""; 0]);
    }
}
