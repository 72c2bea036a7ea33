//! The token of the control API.

use crate::config::{Config, ControlToken};
use crate::protocol::user_sig::SecretKey;
use sha2::{Digest, Sha256};

/// A token. Its `Debug` output does not show it.
#[derive(Debug)]
pub(crate) struct Token(SecretKey);

impl Token {
    /// The configured token, or a random token if the emulator listens off loopback, for HTTP or for HTTPS.
    /// `None` if the control API needs no token.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        match &config.control.token {
            ControlToken::Given(token) => Some(Self(token.clone())),
            ControlToken::None => None,
            ControlToken::Default => {
                let addresses = [Some(config.listen), config.tls.listen];
                let mut addresses = addresses.iter().flatten();
                let is_local = addresses.all(|listen| listen.ip().is_loopback());
                (!is_local).then(|| Self(SecretKey::random()))
            }
        }
    }

    /// The token in clear text.
    pub(crate) fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether `given` is the token. Hashes are compared, so that the time taken reveals nothing.
    pub(crate) fn matches(&self, given: &str) -> bool {
        Sha256::digest(given) == Sha256::digest(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn off_loopback_one_is_made_and_it_is_never_shown() {
        let mut config = Config::load(&Sources::default()).expect("the defaults are good");
        for (listen, is_made) in [
            ("127.0.0.1:0", false),
            ("127.9.9.9:0", false),
            ("[::1]:0", false),
            ("0.0.0.0:0", true),
            ("[::]:0", true),
            ("192.0.2.1:0", true),
            ("[::ffff:192.0.2.1]:0", true),
        ] {
            config.listen = "127.0.0.1:0".parse().expect("an address");
            config.tls.listen = Some(listen.parse().expect("an address"));
            assert_eq!(Token::of(&config).is_some(), is_made, "HTTPS on {listen}");
            config.listen = listen.parse().expect("an address");
            config.tls.listen = None;
            let token = Token::of(&config);
            assert_eq!(token.is_some(), is_made, "{listen}");
            let Some(token) = token else { continue };
            assert!(token.matches(token.text()) && !token.matches(""));
            assert_eq!(format!("{token:?}"), "Token(SecretKey(***))");
        }
    }
}
