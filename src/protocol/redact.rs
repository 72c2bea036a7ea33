//! Removes UserSigs and keys from texts that are logged or shown, because a client may have put one in the
//! wrong place.

/// The beginning of every UserSig: a zlib header in base64.
const BEGINNING: [u8; 2] = *b"eJ";

/// The minimum length of a UserSig, in bytes. A UserID is always shorter.
const SHORTEST_SIG: usize = 60;

/// The length of Tencent's secret keys, in hexadecimal digits.
const SHORTEST_KEY: usize = 64;

/// White space ends a secret if fewer letters stand before it, as after a word of a sentence. Lines of
/// base64 are longer.
const SHORTEST_LINE: usize = 16;

/// A text can be percent-escaped this many times, as the value of a URL in a URL is.
const ESCAPES: u8 = 2;

/// Replaces each part of a text that may be a UserSig or a secret key with `***`. The part may be
/// percent-escaped, and white space may stand within it.
pub fn redact_text(text: &str) -> String {
    let redacted = replace_runs(text, is_of_sig, |run| {
        let start = run
            .windows(2)
            .position(|pair| [pair[0].byte, pair[1].byte] == BEGINNING)?;
        (run.len() - start >= SHORTEST_SIG).then_some(start)
    });
    let is_key = |run: &[Letter]| (run.len() >= SHORTEST_KEY).then_some(0);
    replace_runs(&redacted, |byte| byte.is_ascii_hexdigit(), is_key)
}

/// The URL of a webhook for the log and the control API: with `***` for each value of its query, and without
/// secrets elsewhere.
pub fn redact_url(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return redact_text(url);
    };
    let redacted = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    });
    redact_text(&format!(
        "{path}?{}",
        redacted.collect::<Vec<_>>().join("&")
    ))
}

/// The beginning of a text, at most `max` bytes, without secrets: a secret that is cut first would not be
/// found any more.
pub fn redact_beginning(text: &str, max: usize) -> String {
    let mut text = redact_text(text);
    text.truncate(text.floor_char_boundary(max));
    text
}

/// A byte of a text that may be percent-escaped.
#[derive(Clone, Copy)]
struct Letter {
    byte: u8,
    /// The place of its first byte in the text.
    start: usize,
    /// The place after its last byte.
    end: usize,
}

/// Replaces runs of letters for which `is_part` is true. `from` says from which letter of a run on.
fn replace_runs(
    text: &str,
    is_part: impl Fn(u8) -> bool,
    from: impl Fn(&[Letter]) -> Option<usize>,
) -> String {
    let (mut replaced, mut copied) = (String::new(), 0);
    let (mut run, mut at, mut line_start) = (Vec::<Letter>::new(), 0, 0);
    loop {
        let letter = unescaped(&text.as_bytes()[at..], ESCAPES);
        if let Some((byte, length)) = letter {
            let (start, end) = (at, at + length);
            at = end;
            if is_part(byte) {
                run.push(Letter { byte, start, end });
                continue;
            }
            let length = run.len() - line_start;
            let is_between = length >= SHORTEST_LINE || length == 0;
            if byte.is_ascii_whitespace() && is_between {
                line_start = run.len();
                continue;
            }
        }
        if let (Some(from), Some(last)) = (from(&run), run.last()) {
            replaced.push_str(&text[copied..run[from].start]);
            replaced.push_str("***");
            copied = last.end;
        }
        run.clear();
        line_start = 0;
        if letter.is_none() {
            replaced.push_str(&text[copied..]);
            return replaced;
        }
    }
}

/// Whether a byte can stand in a UserSig: in Tencent's base64 or in the standard one.
fn is_of_sig(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-_+/=".contains(&byte)
}

/// The first byte of a text that may be percent-escaped up to `times` times, and the length of its
/// spelling. `None` at the end of the text.
fn unescaped(text: &[u8], times: u8) -> Option<(u8, usize)> {
    let Some(times) = times.checked_sub(1) else {
        return Some((*text.first()?, 1));
    };
    let (sign, length) = unescaped(text, times)?;
    let escaped = || {
        let (high, high_length) = unescaped(&text[length..], times)?;
        let (low, low_length) = unescaped(&text[length + high_length..], times)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = u8::try_from(16 * digit(high)? + digit(low)?).ok()?;
        Some((byte, length + high_length + low_length))
    };
    let byte = if sign == b'%' { escaped() } else { None };
    Some(byte.unwrap_or((sign, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// `text` with `between` after every `every` characters.
    fn split(text: &str, every: usize, between: &str) -> String {
        let pieces: Vec<_> = text.as_bytes().chunks(every).collect();
        let pieces = pieces
            .iter()
            .map(|piece| std::str::from_utf8(piece).expect("ASCII"));
        pieces.collect::<Vec<_>>().join(between)
    }

    #[test]
    fn a_secret_is_replaced_however_it_is_escaped_or_split() {
        let sig = format!("eJw{}_-*+/=", "x9".repeat(40));
        let key = "0123456789abcdefABCDEF0123456789".repeat(2);
        for secret in [sig, key] {
            let escapes = [
                secret.clone(),
                secret.replace('*', "%2A"),
                escaped(&secret),
                escaped(&escaped(&secret)),
            ];
            for spelling in escapes {
                for between in ["", " ", "\n", "\r\n  \t", "%20", "%2520", "%0a"] {
                    for every in [16, 40, 76] {
                        // White space within an escape is not white space within the secret.
                        let whole = !spelling.contains('%');
                        let split = match whole {
                            true => split(&spelling, every, between),
                            false => spelling.clone(),
                        };
                        for (before, after) in
                            [("", ""), ("a ", "!"), ("é\"", "\"}"), ("&usersig=", "&b")]
                        {
                            let text = format!("{before}{split}{after}");
                            let redacted = redact_text(&text);
                            assert!(redacted.contains("***"), "{text}");
                            assert!(redacted.ends_with(after), "{text}: {redacted}");
                            assert!(redacted.len() <= 20, "{text}: {redacted}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "%",
            "%2",
            "%zz%25",
            "eJust a text, which is not long",
            "JoeJust wanted to say hello and to ask you whether you play chess on Saturday as last week",
            "100 % of é and \u{1f642}",
            "From_Account: invalid type, expected a string",
            &"x".repeat(200),
            &format!("eJ{}", "x".repeat(50)),
            &"0123456789abcdef".repeat(3),
        ] {
            assert_eq!(redact_text(text), text);
        }
    }
}
