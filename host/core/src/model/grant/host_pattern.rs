//! Patterns for hosts of URLs, and the addresses that may only be called with an explicit permission.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

/// A pattern for hosts: `api.example.com`, `*.example.com` for all subdomains, `*` for all; with a port, only that one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    host: String,
    port: Option<u16>,
}

impl HostPattern {
    /// Returns whether the pattern matches a host, in lower case, and its port.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && matches_pattern(&self.host, host)
    }

    /// Returns the pattern for what both match; `None` if they have nothing in common.
    pub(super) fn intersect(&self, other: &HostPattern) -> Option<HostPattern> {
        let host = if matches_pattern(&self.host, &other.host) {
            &other.host
        } else if matches_pattern(&other.host, &self.host) {
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

/// Returns whether a pattern matches a host, or everything that another pattern matches.
fn matches_pattern(pattern: &str, host: &str) -> bool {
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
            format!(
                "`{text}` is not a host: write `api.example.com`, `*.example.com`, `*`, or one of them with `:PORT`"
            )
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

/// The parts of a URL that determine which server is called. URLs that can be read in two ways are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether the scheme is `https`.
    pub is_secure: bool,
    /// The host, in lower case; an IPv6 address in brackets.
    pub host: String,
    /// The port, also if the URL doesn't name one.
    pub port: u16,
}

impl Url {
    /// Parses a URL.
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

    /// Returns whether the host, as written, is a loopback or link-local address. Resolved addresses are checked when the call is made.
    pub fn is_restricted_host(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let name = self.host.trim_end_matches('.');
        match bare.parse::<IpAddr>() {
            Ok(address) => is_restricted_address(address),
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

/// Addresses of metadata services, which return credentials, outside of the link-local range: Alibaba Cloud, Azure's `WireServer`.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
/// The same for IPv6: AWS and Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Returns whether an address needs an explicit permission: loopback, link-local, unspecified, multicast, or a cloud's metadata service.
/// Private addresses don't, because Services and pods have them.
pub fn is_restricted_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_restricted_v4(address),
        IpAddr::V6(address) => {
            let [first, ..] = address.segments();
            // fe80::/10, and fec0::/10, which RFC 3879 deprecates.
            let is_link = first & 0xff80 == 0xfe80;
            let is_v4 = embedded_v4(address).is_some_and(is_restricted_v4);
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || is_link
                || is_v4
                || METADATA_V6.contains(&address)
        }
    }
}

fn is_restricted_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    // 0.0.0.0/8 is the local host on Linux. 192.0.0.0/24 is for protocols (RFC 6890); Oracle Cloud's metadata service is in it.
    address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || first == 0
        || first >= 240
        || (first, second, third) == (192, 0, 0)
        || METADATA_V4.contains(&address)
}

/// Returns the IPv4 address in an IPv6 address: mapped, compatible, translated (RFC 2765), behind NAT64 (RFC 6052, and RFC 8215 for local
/// use), or 6to4 (RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_a_machine_about_itself_is_near() {
        for near in [
            "127.0.0.1",
            "0.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:127.0.0.1",
            "::ffff:100.100.100.200",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::168.63.129.16",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2002:7f00:1::",
        ] {
            assert!(is_restricted_address(near.parse().unwrap()), "{near}");
        }
        for far in [
            "10.96.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.2.1",
            "8.8.8.8",
            "2001:db8::1",
            "fd00::1",
            "fd00:ec2::253",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_restricted_address(far.parse().unwrap()), "{far}");
        }
        let url = Url::parse("http://[fd00:ec2::254]/latest/meta-data").unwrap();
        assert!(url.is_restricted_host());
    }
}
