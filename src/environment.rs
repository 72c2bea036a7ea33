//! The variables that tell a program where the emulator is, and those that lead its calls to Tencent's hosts
//! to the emulator.

use crate::control_client::reachable;
use crate::java_options::java_options;
use crate::own_proxy;
use crate::trust::{self, Bundles};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use tencent_chat_emulator::CONTROL_PREFIX;

/// A running emulator.
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) tls_addr: Option<SocketAddr>,
    /// Whether it has the control API.
    pub(crate) is_controlled: bool,
    pub(crate) control_token: Option<String>,
    pub(crate) app: AppKeys,
    /// The certificate of the CA, PEM; `None` with a certificate of the user's own.
    pub(crate) ca: Option<String>,
}

/// The keys that sign the calls of an app.
pub(crate) struct AppKeys {
    pub(crate) sdkappid: String,
    pub(crate) secret_key: String,
    pub(crate) admin: String,
    /// The admin's UserSig.
    pub(crate) usersig: String,
}

/// A variable and its value; `None` means that the variable must not be set.
pub(crate) type Variable = (&'static str, Option<OsString>);

pub(crate) struct Environment {
    pub(crate) variables: Vec<Variable>,
    /// What will not work as a user expects, in sentences.
    pub(crate) warnings: Vec<String>,
}

/// The names of all variables without `--intercept`, except those of NO_PROXY.
const NAMES: [&str; 9] = [
    "TENCENT_CHAT_EMULATOR_URL",
    "TENCENT_CHAT_EMULATOR_TLS_URL",
    "TENCENT_CHAT_EMULATOR_SDKAPPID",
    "TENCENT_CHAT_EMULATOR_SECRET_KEY",
    "TENCENT_CHAT_EMULATOR_ADMIN",
    "TENCENT_CHAT_EMULATOR_USERSIG",
    "TENCENT_CHAT_EMULATOR_CONTROL_URL",
    "TENCENT_CHAT_EMULATOR_CONTROL_TOKEN",
    "TENCENT_CHAT_EMULATOR_CA",
];

/// The names that `--intercept` adds.
const INTERCEPTION_NAMES: [&str; 11] = [
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "NODE_USE_ENV_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "JAVA_TOOL_OPTIONS",
];

/// The description of the variables in the help of commands.
pub(crate) const HELP: &str = "\
Variables:
  TENCENT_CHAT_EMULATOR_URL            The base URL, http://
  TENCENT_CHAT_EMULATOR_TLS_URL        The base URL, https://
  TENCENT_CHAT_EMULATOR_SDKAPPID       The app's SDKAppID
  TENCENT_CHAT_EMULATOR_SECRET_KEY     The app's key, which signs UserSigs
  TENCENT_CHAT_EMULATOR_ADMIN          The app's first admin
  TENCENT_CHAT_EMULATOR_USERSIG        A UserSig of the admin, valid for 180 days
  TENCENT_CHAT_EMULATOR_CONTROL_URL    The base URL of the control API
  TENCENT_CHAT_EMULATOR_CONTROL_TOKEN  The token of the control API, if it requires one
  TENCENT_CHAT_EMULATOR_CA             A PEM file with the CA of the HTTPS certificate
  NO_PROXY, no_proxy                   If variables name a proxy of your own: your entries and the emulator's address

With --intercept, calls to https://console.tim.qq.com and Tencent's other hosts get to the emulator:
  HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy, NODE_USE_ENV_PROXY
                                       The emulator is the proxy
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
                                       The system's root certificates and the CA, as PEM
  NODE_EXTRA_CA_CERTS                  The CA for Node.js
  JAVA_TOOL_OPTIONS                    The proxy, and the same certificates as PKCS#12";

impl Target {
    /// All variables, and the files that they name, in a directory. `intercepted` are the hosts whose calls are
    /// to get to the emulator.
    pub(crate) fn environment(
        &self,
        directory: &Path,
        intercepted: Option<&[String]>,
    ) -> Result<Environment, String> {
        let ca = self.ca.as_deref();
        let ca_file = ca.map(|ca| trust::write_ca(directory, ca)).transpose()?;
        let url = format!("http://{}", reachable(self.addr));
        let tls_url = self
            .tls_addr
            .map(|addr| format!("https://{}", reachable(addr)));
        let control_url = self.is_controlled.then(|| format!("{url}{CONTROL_PREFIX}"));
        let app = &self.app;
        let text = |text: &String| Some(OsString::from(text));
        let mut variables = vec![
            ("TENCENT_CHAT_EMULATOR_URL", Some(url.into())),
            ("TENCENT_CHAT_EMULATOR_TLS_URL", tls_url.map(OsString::from)),
            ("TENCENT_CHAT_EMULATOR_SDKAPPID", text(&app.sdkappid)),
            ("TENCENT_CHAT_EMULATOR_SECRET_KEY", text(&app.secret_key)),
            ("TENCENT_CHAT_EMULATOR_ADMIN", text(&app.admin)),
            ("TENCENT_CHAT_EMULATOR_USERSIG", text(&app.usersig)),
            (
                "TENCENT_CHAT_EMULATOR_CONTROL_URL",
                control_url.map(OsString::from),
            ),
            (
                "TENCENT_CHAT_EMULATOR_CONTROL_TOKEN",
                self.control_token.as_ref().and_then(text),
            ),
            ("TENCENT_CHAT_EMULATOR_CA", ca_file.map(OsString::from)),
        ];
        let mut warnings = Vec::new();
        if intercepted.is_some() || own_proxy::is_set() {
            let addrs = [Some(self.addr), self.tls_addr].into_iter().flatten();
            let ips: Vec<_> = addrs.map(|addr| reachable(addr).ip()).collect();
            let no_proxy = own_proxy::no_proxy(intercepted.unwrap_or_default(), &ips);
            let no_proxy = Some(OsString::from(no_proxy));
            variables.extend([("NO_PROXY", no_proxy.clone()), ("no_proxy", no_proxy)]);
        }
        if let Some(hosts) = intercepted {
            warnings.extend(own_proxy::replaced());
            let bundles = ca
                .map(|ca| trust::write_bundles(directory, ca, &mut warnings))
                .transpose()?;
            variables.extend(self.interception(bundles.as_ref(), hosts));
            if self.control_token.is_some() {
                let warning = "Java cannot use the proxy, because the proxy requires a token, and Java's system \
                               properties cannot give one.";
                warnings.push(warning.to_owned());
            }
        }
        Ok(Environment {
            variables,
            warnings,
        })
    }

    /// The variables that lead calls to `hosts` to the emulator. Without bundles, the program itself must trust
    /// the emulator's certificate.
    fn interception(&self, bundles: Option<&Bundles>, hosts: &[String]) -> Vec<Variable> {
        let proxy = Some(OsString::from(self.proxy_url()));
        let java = java_options(reachable(self.addr), bundles, hosts);
        let mut variables = vec![
            ("HTTPS_PROXY", proxy.clone()),
            ("https_proxy", proxy),
            ("NODE_USE_ENV_PROXY", Some("1".into())),
            ("JAVA_TOOL_OPTIONS", Some(java)),
        ];
        if let Some(bundles) = bundles {
            let roots = Some(OsString::from(&bundles.roots));
            variables.extend([
                ("SSL_CERT_FILE", roots.clone()),
                ("REQUESTS_CA_BUNDLE", roots.clone()),
                ("CURL_CA_BUNDLE", roots.clone()),
                ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", roots),
                ("NODE_EXTRA_CA_CERTS", Some(OsString::from(&bundles.node))),
            ]);
        }
        variables
    }

    /// The URL of the proxy, with the token that it requires.
    fn proxy_url(&self) -> String {
        let token = self.control_token.as_ref().map(|token| {
            let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
            format!("emulator:{token}@")
        });
        let addr = reachable(self.addr);
        format!("http://{}{addr}", token.unwrap_or_default())
    }
}

/// The variables without values: those that `env` can have set, with or without `--intercept`. Without it,
/// NO_PROXY is not among them: it has the user's own entries, and those of an emulator that has ended do no harm.
pub(crate) fn unset(intercept: bool) -> Vec<Variable> {
    let added = INTERCEPTION_NAMES.iter().filter(|_| intercept);
    let names = NAMES.iter().chain(added);
    names.map(|name| (*name, None)).collect()
}

/// The commands of a shell that set the variables, whatever is in the values.
pub(crate) fn exports(variables: &[Variable]) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in variables {
        let Some(value) = value else {
            text.extend_from_slice(format!("unset {name}\n").as_bytes());
            continue;
        };
        text.extend_from_slice(format!("export {name}='").as_bytes());
        for byte in value.as_encoded_bytes() {
            match byte {
                b'\'' => text.extend_from_slice(br"'\''"),
                _ => text.push(*byte),
            }
        }
        text.extend_from_slice(b"'\n");
    }
    text
}
