//! Hosts of URLs: patterns for them, and which addresses are too near to be called without being asked for.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

/// Which hosts: `api.example.com`, `*.example.com` for all below it, `*` for any; with a port, only that one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    host: String,
    port: Option<u16>,
}

impl HostPattern {
    /// Says whether a host, in lower case, and its port are meant.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && covers(&self.host, host)
    }

    /// Returns what both mean; nothing when they have nothing in common.
    pub(super) fn and(&self, other: &HostPattern) -> Option<HostPattern> {
        let host = if covers(&self.host, &other.host) {
            &other.host
        } else if covers(&other.host, &self.host) {
            &self.host
        } else {
            return None;
        };
        let port = match (self.port, other.port) {
            (Some(one), Some(two)) if one != two => return None,
            (one, two) => one.or(two),
        };
        Some(HostPattern {
            host: host.clone(),
            port,
        })
    }
}

/// Says whether a pattern means a host, or all that another pattern means.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => pattern == host,
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<HostPattern, String> {
        let wrong = || {
            format!("`{text}` is no host: write `api.example.com`, `*.example.com`, `*`, or one of them with `:PORT`")
        };
        let (host, port) = split_port(&text).ok_or_else(wrong)?;
        let host = host.to_ascii_lowercase();
        let bare = host.strip_prefix("*.").unwrap_or(&host);
        if host != "*" && !is_host(bare) {
            return Err(wrong());
        }
        Ok(HostPattern { host, port })
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> String {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// A URL, as far as it decides who is called. Only what nobody can read in two ways is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it is `https`.
    pub is_secure: bool,
    /// The host, in lower case; an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Url {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Url, String> {
        let wrong = |why: &str| Err(format!("the URL can't be called: {why}"));
        if text.len() > 8 << 10 {
            return wrong("it is longer than 8 KiB");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
            return wrong("it has letters that must be written as %XX");
        }
        let (is_secure, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) | None => return wrong("it doesn't begin with http:// or https://"),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return wrong("it has a user name in it; put credentials into a header");
        }
        let Some((host, port)) = split_port(authority).filter(|(host, _)| is_host(host)) else {
            return wrong("it has no host");
        };
        Ok(Url {
            is_secure,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(if is_secure { 443 } else { 80 }),
        })
    }

    /// Says whether the host, as it is written, is this machine or its link. What a name resolves to is looked at when it is called.
    pub fn is_near(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let name = self.host.trim_end_matches('.');
        match bare.parse::<IpAddr>() {
            Ok(address) => is_near(address),
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Splits `host:port`; an IPv6 address has brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { 0 };
    match text.get(end..)?.split_once(':') {
        Some((rest, port)) => Some((text.get(..end + rest.len())?, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 253 && text.trim_end_matches('.').split('.').all(label)
}

/// Says whether an address is this machine, its link, or nobody: what is called only if that was granted by name. A cloud's metadata
/// service is on the link.
pub fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_near_v4(address),
        IpAddr::V6(address) => {
            let [first, ..] = address.segments();
            let is_link = first & 0xffc0 == 0xfe80;
            let is_v4 = within_v6(address).is_some_and(is_near_v4);
            address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link || is_v4
        }
    }
}

fn is_near_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    // 0.0.0.0/8 is this machine for Linux.
    address.is_loopback() || address.is_link_local() || address.is_multicast() || first == 0 || first >= 240
}

/// Returns the IPv4 address that an IPv6 address stands for: mapped, compatible, or behind NAT64.
fn within_v6(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., high, low] = address.segments();
    let v4 = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    let is_nat64 = matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..]);
    address
        .to_ipv4_mapped()
        .or_else(|| is_nat64.then_some(v4))
        .or_else(|| matches!(address.segments(), [0, 0, 0, 0, 0, 0, ..]).then_some(v4))
}
