//! A free port that stays free: between two starts of a server nobody else takes it.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::Context;

/// Below the range that Linux and macOS hand out by themselves.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A TCP port on loopback. As long as this lives, no other cluster takes it: all hold the UDP port of the same number.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _token: UdpSocket,
}

impl Port {
    pub(crate) fn reserve() -> anyhow::Result<Self> {
        let start = getrandom::u32().context("failed to draw a port")? % u32::from(COUNT);
        (0..COUNT)
            .map(|step| FIRST + (u16::try_from(start).unwrap_or_default() + step) % COUNT)
            .find_map(|number| {
                let token = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
                // Every address: some servers listen on more than loopback.
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).ok()?;
                Some(Self { number, _token: token })
            })
            .with_context(|| format!("no port of {FIRST}-{} is free", FIRST + COUNT - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_free_for_its_owner_and_taken_for_others() {
        let port = Port::reserve().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port.number)).unwrap();
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port.number)).is_err());
    }
}
