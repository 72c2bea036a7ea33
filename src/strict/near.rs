//! Names that a client may have meant, and short lists of the names that exist.

use std::fmt::Display;

/// The most names in a list of what exists.
const MAX_LISTED: usize = 8;

/// The minimum length of a name that may be an abbreviation of a longer one, such as `delay` of
/// `delay_ms`.
const MIN_BEGINNING: usize = 4;

/// Says that a name is unknown, and suggests the nearest valid one, if it is near.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("is unknown; did you mean {near}?"),
        None => "is unknown".to_owned(),
    }
}

/// The same, but says where the valid names are listed if none is near.
pub(crate) fn unknown_in_list<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    list: &str,
) -> String {
    match nearest(name, known) {
        Some(near) => format!("is unknown; did you mean {near}?"),
        None => format!("is unknown; {list}"),
    }
}

/// The known name that `name` is probably a misspelling of.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &'a str| Some((distance_if_near(name, other)?, other));
    let near = known.filter_map(distance);
    Some(near.min_by_key(|(distance, _)| *distance)?.1)
}

/// The number of edits between two names, if they are near. Names of 3 to 8 letters may differ in one edit,
/// names of 9 to 19 in two, longer names in one seventh of their letters. Upper case and the characters
/// between words do not count.
fn distance_if_near(name: &str, other: &str) -> Option<usize> {
    /// No known name is longer, and the work grows with the square of the length.
    const MAX_LENGTH: usize = 200;
    if name.len() > MAX_LENGTH {
        return None;
    }
    let [one, two] = [name, other].map(letters);
    let distance = strsim::osa_distance(&one, &two);
    let allowed = match one.chars().count().max(two.chars().count()) {
        0..3 => 0,
        3..9 => 1,
        9..20 => 2,
        length => length / 7,
    };
    let is_beginning = |short: &str, long: &str| {
        let rest = long.strip_prefix(short);
        short.len() >= MIN_BEGINNING && rest.is_some_and(|rest| rest.starts_with('_'))
    };
    let is_near = distance <= allowed || is_beginning(name, other) || is_beginning(other, name);
    is_near.then_some(distance)
}

fn letters(name: &str) -> String {
    let letters = name.chars().filter(|c| !['_', '-', ' ', '.'].contains(c));
    letters.flat_map(char::to_lowercase).collect()
}

/// What exists, for a message about a name that does not: `there are a, b (and 7 more)`. The iterator
/// should have the first names in order; `total` counts all.
pub(crate) fn listed<T: Display>(names: impl Iterator<Item = T>, total: usize) -> String {
    let names: Vec<_> = names
        .take(MAX_LISTED)
        .map(|name| name.to_string())
        .collect();
    let listed = names.join(", ");
    match (names.len(), total.saturating_sub(names.len())) {
        (0, _) => "none exists".to_owned(),
        (1, 0) => format!("there is {listed}"),
        (_, 0) => format!("there are {listed}"),
        (_, more) => format!("there are {listed} (and {more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near() {
        for (name, known) in [
            ("tmes", "times"),
            ("tiems", "times"),
            ("comand", "command"),
            ("resultcode", "result_code"),
            ("ResultCode", "result_code"),
            ("result-code", "result_code"),
            ("max_freinds", "max_friends"),
            ("max_body_byte", "max_body_bytes"),
            ("friend_ad", "friend_add"),
            ("firend_add", "friend_add"),
            ("NeedConfrim", "NeedConfirm"),
            ("answr", "answer"),
            ("acounts", "accounts"),
            ("admin", "admins"),
            ("delay", "delay_ms"),
            ("secret", "secret_key"),
            ("expire", "expire_seconds"),
            ("FromAccount", "From_Account"),
            ("identifer", "identifier"),
            ("custom_freind_felds", "custom_friend_fields"),
        ] {
            assert!(distance_if_near(name, known).is_some(), "{name} {known}");
        }
    }

    #[test]
    fn other_words_are_not_near() {
        for (name, known) in [
            ("colour", "control"),
            ("reject", "agree"),
            ("foo", "to"),
            ("x", "id"),
            ("id", "to"),
            ("at", "to"),
            ("sent", "seed"),
            ("name", "times"),
            ("code", "close"),
            ("status", "seed"),
            ("limit", "listen"),
            ("friend_remove", "friend_delete"),
            ("friend_update", "friend_delete"),
            ("group_del", "group_get"),
            ("black_list_add", "black_list_get"),
            ("accounts", "admins"),
            ("timeout", "times"),
            ("user", "usersig"),
            ("to", "to_account"),
            ("sendmsg", "getmsg_history"),
            ("", "id"),
            (&"x".repeat(1 << 20), "times"),
        ] {
            assert_eq!(distance_if_near(name, known), None, "{name:.30} {known}");
        }
    }

    #[test]
    fn the_nearest_of_several_is_suggested() {
        let known = ["friend_get_list", "friend_get", "friend_add"];
        assert_eq!(nearest("frend_get", known.into_iter()), Some("friend_get"));
        assert_eq!(nearest("friend_got", known.into_iter()), Some("friend_get"));
        assert_eq!(nearest("portrait", known.into_iter()), None);
    }

    #[test]
    fn a_list_is_short() {
        assert_eq!(listed([1; 0].into_iter(), 0), "none exists");
        assert_eq!(listed([7].into_iter(), 1), "there is 7");
        assert_eq!(listed([7, 8].into_iter(), 2), "there are 7, 8");
        let many = listed(1..=100, 100);
        assert_eq!(many, "there are 1, 2, 3, 4, 5, 6, 7, 8 (and 92 more)");
    }
}
