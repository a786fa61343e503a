//! Which addresses an outgoing connection may lead to, where the URL comes from somebody else: a plugin, a repository's user.
//!
//! A name is judged by the addresses that it resolves to for the connection, and only these are connected to. So a name server that
//! answers differently the next time gains nothing.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use capstan_core::model::grant::is_restricted_address;

/// An address of this machine, its link or a cloud's metadata service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAddress {
    /// The name or address in the URL.
    pub name: String,
    /// The address that it leads to.
    pub address: IpAddr,
}

/// Checks a host that is written as an address. Such a host isn't resolved. A name passes; [`allowed_addresses`] checks it later.
///
/// # Errors
///
/// Returns the address if it is local.
pub fn check_literal(host: &str) -> Result<(), LocalAddress> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) if is_local(address) => Err(LocalAddress {
            name: host.to_owned(),
            address,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns the addresses of a name that aren't local; all of them with `allows_local`.
///
/// # Errors
///
/// Returns a local address if the name has no other ones.
pub fn allowed_addresses(
    name: &str,
    resolved: Vec<SocketAddr>,
    allows_local: bool,
) -> Result<Vec<SocketAddr>, LocalAddress> {
    let (local, allowed): (Vec<SocketAddr>, Vec<SocketAddr>) = resolved
        .into_iter()
        .partition(|address| !allows_local && is_local(address.ip()));
    match (allowed.is_empty(), local.first()) {
        (true, Some(address)) => Err(LocalAddress {
            name: name.to_owned(),
            address: address.ip(),
        }),
        (_, _) => Ok(allowed),
    }
}

fn is_local(address: IpAddr) -> bool {
    is_restricted_address(address) || is_own(address)
}

/// Says whether an address belongs to this machine: only to such an address can a socket be bound. Where the system allows to bind to any
/// address (`ip_nonlocal_bind`), all of them count as its own.
fn is_own(address: IpAddr) -> bool {
    // A mapped address is the IPv4 address.
    UdpSocket::bind((address.to_canonical(), 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_this_machine_or_its_link_is_refused_unless_allowed() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        for local in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "::127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            let refused = allowed_addresses("evil.example", vec![at(local)], false).unwrap_err();
            assert_eq!(refused.name, "evil.example");
            assert_eq!(refused.address, at(local).ip());
            assert_eq!(
                allowed_addresses("mine.example", vec![at(local)], true).unwrap(),
                [at(local)]
            );
        }
        for far in ["10.1.2.3", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::1"] {
            assert_eq!(
                allowed_addresses("api.example", vec![at(far)], false).unwrap(),
                [at(far)]
            );
        }
        assert!(is_own("127.0.0.1".parse().unwrap()) && !is_own("192.0.2.1".parse().unwrap()));
        // Nothing is sent: this only asks which address of ours would be used.
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        if socket.connect(("192.0.2.1", 9)).is_ok() {
            let own = SocketAddr::new(socket.local_addr().unwrap().ip(), 0);
            assert!(allowed_addresses("own.example", vec![own], false).is_err(), "{own}");
            assert_eq!(allowed_addresses("own.example", vec![own], true).unwrap(), [own]);
            assert!(check_literal(&own.ip().to_string()).is_err(), "{own}");
        }
        assert!(check_literal("[::1]").is_err() && check_literal("[fd00:ec2::254]").is_err());
        assert!(check_literal("192.0.2.1").is_ok() && check_literal("api.example").is_ok());
        // Of several, only those that aren't local.
        let both = vec![at("127.0.0.1"), at("10.1.2.3")];
        assert_eq!(
            allowed_addresses("both.example", both, false).unwrap(),
            [at("10.1.2.3")]
        );
    }
}
