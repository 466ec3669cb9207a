//! What the client commands need of the environment.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;

use super::variables::VARIABLES;
use super::{Fallback, is_no_color};

/// What the client commands need of the environment.
///
/// Unknown names are no problem here: an operator's shell may hold anything.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The service to talk to.
    pub url: String,
    /// The token to present.
    pub token: Option<SecretString>,
    /// Where to look for a generated token.
    pub data_dir: PathBuf,
    /// Whether colours are unwanted (`NO_COLOR`, see no-color.org).
    pub no_color: bool,
}

impl ClientConfig {
    /// Reads the variables of the client commands; those that are no UTF-8 count as unset.
    pub fn from_vars(vars: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut config = Self {
            url: default_of("AUTOLOG_URL").to_owned(),
            token: None,
            data_dir: default_of("AUTOLOG_DATA_DIR").into(),
            no_color: false,
        };
        for (name, value) in vars {
            config.no_color |= is_no_color(&name, &value);
            let Some(text) = value
                .to_str()
                .map(str::trim)
                .filter(|text| !text.is_empty())
            else {
                continue;
            };
            match name.to_str() {
                Some("AUTOLOG_URL") => text.clone_into(&mut config.url),
                Some("AUTOLOG_TOKEN") => config.token = Some(text.into()),
                Some("AUTOLOG_DATA_DIR") => config.data_dir = text.into(),
                _ => {}
            }
        }
        config
    }
}

/// Reads where to reach the admin listener of a service with the same environment.
///
/// A listener on every address is reached over loopback. None if the variable holds no address.
pub fn admin_address(vars: impl Iterator<Item = (OsString, OsString)>) -> Option<SocketAddr> {
    const NAME: &str = "AUTOLOG_ADMIN_LISTEN";
    let given = vars
        .filter(|(name, _)| name == NAME)
        .filter_map(|(_, value)| value.into_string().ok())
        .find(|value| !value.trim().is_empty());
    let text = given.as_deref().unwrap_or_else(|| default_of(NAME));
    let mut address: SocketAddr = text.trim().parse().ok()?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    Some(address)
}

fn default_of(name: &str) -> &'static str {
    let variable = VARIABLES.iter().find(|variable| variable.name == name);
    match variable.map(|variable| variable.default) {
        Some(Fallback::Text(text)) => text,
        Some(Fallback::Derived(_) | Fallback::Nothing | Fallback::Secret) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
    }

    #[test]
    fn a_listener_on_every_address_is_probed_over_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:5001", "127.0.0.1:5001"),
            ("[::]:7000", "[::1]:7000"),
            ("10.1.2.3:5001", "10.1.2.3:5001"),
            ("", "127.0.0.1:5001"),
        ] {
            let address = admin_address(vars(&[("AUTOLOG_ADMIN_LISTEN", listen)]));
            assert_eq!(address, Some(expected.parse().unwrap()), "{listen}");
        }
        assert_eq!(admin_address(vars(&[("AUTOLOG_ADMIN_LISTEN", "x")])), None);
    }

    #[test]
    fn client_commands_have_defaults_and_ignore_other_names() {
        let config = ClientConfig::from_vars(vars(&[("AUTOLOG_NONSENSE", "1")]));
        assert_eq!(config.url, "http://127.0.0.1:5000");
        assert_eq!(config.data_dir, PathBuf::from("./data"));
        assert!(config.token.is_none() && !config.no_color);
        let config = ClientConfig::from_vars(vars(&[
            ("AUTOLOG_URL", "https://autolog.example"),
            ("AUTOLOG_TOKEN", "not-a-real-token"),
            ("NO_COLOR", "1"),
        ]));
        assert_eq!(config.url, "https://autolog.example");
        assert!(config.token.is_some() && config.no_color);
        assert!(!format!("{config:?}").contains("not-a-real"));
    }
}
