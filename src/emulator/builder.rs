//! The settings of a new emulator.

use super::app::user_id;
use super::error::Error;
use super::{AccountSeed, Emulator};
use crate::accounts::AccountDocument;
use crate::config::{AppConfig, Config, Sources};
use crate::protocol::ids::{SdkAppId, UserId};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The settings of a new emulator, from [`Emulator::builder`]. Without any, it has the built-in configuration:
/// the app 88888888 with the admin "administrator" and the documented rate limits.
///
/// It reads neither a file nor an environment variable unless it is told to.
#[derive(Clone, Debug)]
#[must_use = "an emulator starts with `start`"]
pub struct Builder {
    base: Base,
    listen: SocketAddr,
    apps: BTreeMap<SdkAppId, AppConfig>,
    seeds: Vec<(String, AccountSeed)>,
    tls: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug)]
enum Base {
    BuiltIn,
    File(PathBuf),
    Given(Box<Config>),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            base: Base::BuiltIn,
            listen: free_port(),
            apps: BTreeMap::new(),
            seeds: Vec::new(),
            tls: false,
        }
    }
}

/// A free port on loopback.
fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

impl Builder {
    /// Starts from this configuration, in place of the built-in one or a file. Its `listen` is not used.
    pub fn config(mut self, config: Config) -> Self {
        self.base = Base::Given(Box::new(config));
        self
    }

    /// Starts from the built-in configuration and this TOML file. Its `listen` is not used.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.base = Base::File(path.into());
        self
    }

    /// The address to listen on. The default is a free port of 127.0.0.1, so that tests can run in parallel.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen = addr;
        self
    }

    /// An app. If there is one with this SDKAppID, it is replaced. The app of the built-in configuration exists
    /// only if there is no other.
    pub fn app(mut self, sdkappid: SdkAppId, app: AppConfig) -> Self {
        self.apps.insert(sdkappid, app);
        self
    }

    /// An account of the default app, which has the lowest SDKAppID. It exists at the start and after a reset.
    /// If the account is already configured, it is replaced. For accounts of other apps, see
    /// [`AppConfig::accounts`] and [`AppHandle::put_account`](super::AppHandle::put_account).
    pub fn seed(mut self, user: &str, account: impl Into<AccountSeed>) -> Self {
        self.seeds.push((user.to_owned(), account.into()));
        self
    }

    /// Serves HTTPS as well, on a free port of 127.0.0.1, with a CA that is made at the start and kept in memory.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts the emulator on the current Tokio runtime.
    ///
    /// # Errors
    /// When the configuration cannot be read, a seed is invalid (an [`Error`]), and as [`Emulator::start`].
    pub async fn start(self) -> io::Result<Emulator> {
        Emulator::start(self.into_config()?).await
    }

    fn into_config(self) -> io::Result<Config> {
        let load = |file| {
            let sources = Sources {
                file,
                ..Sources::default()
            };
            Config::load(&sources).map_err(invalid_input)
        };
        let mut config = match self.base {
            Base::Given(config) => *config,
            Base::File(path) => load(Some(path))?,
            Base::BuiltIn => {
                let mut config = load(None)?;
                if !self.apps.is_empty() {
                    config.apps.clear();
                }
                config
            }
        };
        config.listen = self.listen;
        config.apps.extend(self.apps);
        if self.tls {
            config.tls.listen = Some(free_port());
            config.tls.ca_directory = Some(PathBuf::new());
        }
        if let Some(mut app) = config.apps.first_entry() {
            for (user, seed) in self.seeds {
                let account = read(&user, seed).map_err(|mut error| {
                    let of_user = |message| format!("seed {user}: {message}");
                    error.messages = error.messages.into_iter().map(of_user).collect();
                    invalid_input(error)
                })?;
                let accounts = &mut app.get_mut().accounts;
                accounts.insert(account.0, Some(Box::new(account.1)));
            }
        }
        Ok(config)
    }
}

fn read(user: &str, seed: AccountSeed) -> Result<(UserId, AccountDocument), Error> {
    let user = user_id(user)?;
    Ok((user, seed.draft().checked(|_, _| Vec::new())?))
}

fn invalid_input(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_served_on_a_free_port_with_a_ca_in_memory_and_only_if_it_is_asked_for() {
        let config = Builder::default().into_config();
        assert_eq!(config.expect("the defaults are good").tls.listen, None);

        let config = Builder::default().tls().into_config();

        let tls = config.expect("the defaults are good").tls;
        assert_eq!(tls.listen, Some(free_port()));
        assert_eq!(tls.ca_directory, Some(PathBuf::new()));
    }
}
