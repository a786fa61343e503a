//! The proxy for the API server, by kubectl's rules (Go's `net/http.ProxyFromEnvironment`): a kubeconfig's `proxy-url` is always used for
//! its cluster. Else it is `HTTPS_PROXY` or `HTTP_PROXY`, by the scheme of the server's URL, but not for this machine itself and not for
//! the hosts in `NO_PROXY`.

use std::net::IpAddr;

use http::Uri;

/// The proxies that environment variables name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`, for servers over TLS.
    pub https: Option<String>,
    /// `HTTP_PROXY`, for servers without TLS.
    pub http: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are reached directly, separated by commas.
    pub exceptions: Option<String>,
}

impl ProxyVariables {
    /// Reads the variables. Those in lower case are used where the others are absent; empty ones are ignored.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> ProxyVariables {
        let either = |name: &str| {
            let found = variable(name).or_else(|| variable(&name.to_lowercase()))?;
            Some(found.trim().to_owned()).filter(|found| !found.is_empty())
        };
        ProxyVariables {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            exceptions: either("NO_PROXY"),
        }
    }
}

/// Returns the proxy for a server whose kubeconfig names none; `None` when it is reached directly.
pub fn proxy_for(server: &Uri, variables: &ProxyVariables) -> Option<String> {
    let proxy = match server.scheme_str() {
        Some("http") => variables.http.clone(),
        Some(_) | None => variables.https.clone(),
    }?;
    let host = server.host()?.trim_matches(['[', ']']).to_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return None;
    }
    let exceptions = variables.exceptions.clone().unwrap_or_default();
    let is_excepted = exceptions
        .split(',')
        .any(|exception| matches(exception.trim(), &host, address, port(server)));
    if is_excepted {
        return None;
    }
    Some(if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    })
}

fn port(server: &Uri) -> u16 {
    let usual = if server.scheme_str() == Some("http") { 80 } else { 443 };
    server.port_u16().unwrap_or(usual)
}

/// Says whether one entry of `NO_PROXY` matches a host: `*`, an address, a network, or a domain with its subdomains, each with or without
/// a port.
fn matches(exception: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    if let Some((network, bits)) = exception.split_once('/') {
        let (Ok(network), Ok(bits), Some(address)) = (network.parse(), bits.parse(), address) else {
            return false;
        };
        return is_in_network(network, bits, address);
    }
    let (name, excepted_port) = match exception.rsplit_once(':') {
        // An IPv6 address has colons of its own.
        Some((name, excepted_port)) if !name.contains(':') || name.ends_with(']') => {
            (name, excepted_port.parse::<u16>().ok())
        }
        Some(_) | None => (exception, None),
    };
    if excepted_port.is_some_and(|excepted_port| excepted_port != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']).to_lowercase();
    if let Ok(named) = name.parse::<IpAddr>() {
        return address == Some(named);
    }
    let (domain, is_exact) = match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
        Some(domain) => (domain, false),
        None => (name.as_str(), true),
    };
    let is_inside = host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'));
    !domain.is_empty() && address.is_none() && (is_inside || (is_exact && host == domain))
}

/// Says whether the first `bits` bits of two addresses are the same.
fn is_in_network(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32_u32.saturating_sub(bits);
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128_u32.saturating_sub(bits);
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let look_up = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        proxy_for(&server.parse().unwrap(), &ProxyVariables::from_environment(&look_up))
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_variable() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2")];
        assert_eq!(proxy("https://k8s.acme.io", &both).as_deref(), Some("http://a:1"));
        assert_eq!(proxy("http://k8s.acme.io", &both).as_deref(), Some("http://b:2"));
        assert_eq!(proxy("https://k8s.acme.io", &[("HTTPS_PROXY", " ")]), None);
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for server in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"] {
            assert_eq!(proxy(server, &[("HTTPS_PROXY", "http://a:1")]), None, "{server}");
        }
    }

    #[test]
    fn what_no_proxy_names_is_reached_directly() {
        let is_direct = |server: &str, exceptions: &str| {
            proxy(server, &[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", exceptions)]).is_none()
        };
        for (server, exceptions) in [
            ("https://k8s.acme.io", "*"),
            ("https://k8s.acme.io", "other.io, acme.io,"),
            ("https://K8S.acme.io", "k8s.ACME.io"),
            ("https://k8s.acme.io", ".acme.io"),
            ("https://k8s.acme.io", "*.acme.io"),
            ("https://k8s.acme.io:6443", "k8s.acme.io:6443"),
            ("https://10.1.2.3:6443", "10.0.0.0/8"),
            ("https://10.1.2.3:6443", "10.1.2.3"),
            ("https://[fd00::7]:6443", "fd00::/8"),
            ("https://[fd00::7]:6443", "fd00::7"),
        ] {
            assert!(is_direct(server, exceptions), "{server} {exceptions}");
        }
        for (server, exceptions) in [
            ("https://k8s.acme.io", "cme.io"),
            ("https://acme.io", ".acme.io"),
            ("https://k8s.acme.io:6443", "k8s.acme.io:443"),
            ("https://11.1.2.3:6443", "10.0.0.0/8"),
            ("https://10.1.2.3:6443", "10.1.2.3:443"),
            ("https://[fe00::7]:6443", "fd00::/8"),
            ("https://k8s.acme.io", ""),
        ] {
            assert!(!is_direct(server, exceptions), "{server} {exceptions}");
        }
    }
}
