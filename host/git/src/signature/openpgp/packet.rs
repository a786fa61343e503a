//! Packets of OpenPGP, and what is hashed for signatures.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// Types of packets.
pub(super) mod tag {
    pub(crate) const SIGNATURE: u8 = 2;
    pub(crate) const SECRET_KEY: u8 = 5;
    pub(crate) const PUBLIC_KEY: u8 = 6;
    pub(crate) const SECRET_SUBKEY: u8 = 7;
    pub(crate) const USER_ID: u8 = 13;
    pub(crate) const PUBLIC_SUBKEY: u8 = 14;
    pub(crate) const USER_ATTRIBUTE: u8 = 17;
}

/// Types of subpackets of signatures.
mod subpacket {
    pub(super) const CREATED: u8 = 2;
    pub(super) const LIFETIME: u8 = 3;
    pub(super) const KEY_LIFETIME: u8 = 9;
    pub(super) const ISSUER: u8 = 16;
    pub(super) const KEY_FLAGS: u8 = 27;
    pub(super) const EMBEDDED: u8 = 32;
    pub(super) const ISSUER_FINGERPRINT: u8 = 33;
    /// Those that change nothing of what a signature means here, so that they may be marked as critical: exportable, trust, preferences,
    /// primary user, policy, features, reason for revocation, the signer's user.
    pub(super) const WITHOUT_EFFECT: [u8; 14] = [4, 5, 7, 11, 21, 22, 23, 24, 25, 26, 28, 29, 30, 34];
}

/// Reads packets: their types and bodies.
pub(super) struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Packets<'a> {
        Packets { rest: bytes }
    }

    fn read(&mut self) -> Option<(u8, &'a [u8])> {
        let (first, rest) = self.rest.split_first()?;
        let (tag, length, rest) = if first & 0x40 == 0 {
            // The old form: the length of the length is in the first byte.
            let bytes = match first & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => return None,
            };
            let (length, rest) = rest.split_at_checked(bytes)?;
            ((first >> 2) & 0x0f, number(length), rest)
        } else {
            let (length, rest) = new_length(rest)?;
            (first & 0x3f, length, rest)
        };
        let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        (first & 0x80 != 0).then_some((tag, body))
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<(u8, &'a [u8]), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.read();
        if packet.is_none() {
            self.rest = &[];
        }
        Some(packet.ok_or_else(|| "its packets are damaged".to_owned()))
    }
}

/// Reads a length of one, two or five bytes. Partial lengths are for streams, which neither keys nor signatures are.
fn new_length(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((u64::from(*first), rest)),
        192..=223 => {
            let (second, rest) = rest.split_first()?;
            Some(((u64::from(*first) - 192) * 256 + u64::from(*second) + 192, rest))
        }
        224..=254 => None,
        255 => {
            let (length, rest) = rest.split_at_checked(4)?;
            Some((number(length), rest))
        }
    }
}

/// Reads a number of at most eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A signature of version 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignaturePacket {
    pub(super) kind: u8,
    pub(super) algorithm: u8,
    pub(super) hash: u8,
    /// When it was made, in seconds of Unix time.
    pub(super) created: u64,
    /// How many seconds it counts.
    pub(super) lifetime: Option<u64>,
    /// How many seconds after its creation the key counts.
    pub(super) key_lifetime: Option<u64>,
    pub(super) key_flags: Option<u8>,
    pub(super) issuer_fingerprint: Option<Vec<u8>>,
    pub(super) issuer_id: Option<Vec<u8>>,
    pub(super) embedded: Option<Box<SignaturePacket>>,
    /// What is hashed after the content.
    pub(super) trailer: Vec<u8>,
    /// The numbers of the signature, in the form of its algorithm.
    pub(super) value: Vec<u8>,
}

impl SignaturePacket {
    pub(super) fn parse(body: &[u8]) -> Result<SignaturePacket, String> {
        SignaturePacket::parse_nested(body, true)
    }

    fn parse_nested(body: &[u8], may_embed: bool) -> Result<SignaturePacket, String> {
        let cut = || "it is cut".to_owned();
        let (head, rest) = body.split_first_chunk::<6>().ok_or_else(cut)?;
        let [version, kind, algorithm, hash, length @ ..] = head;
        if *version != 4 {
            return Err(format!("its version is {version}, and 4 is supported"));
        }
        let (hashed, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or_else(cut)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        let (unhashed, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or_else(cut)?;
        // The first 16 bits of the digest.
        let (_, value) = rest.split_at_checked(2).ok_or_else(cut)?;
        let hashed_part = body.get(..6 + hashed.len()).unwrap_or_default();
        let length = u32::try_from(hashed_part.len()).map_err(|_| cut())?;
        let trailer = [hashed_part, &[4, 0xff], &length.to_be_bytes()].concat();
        let mut packet = SignaturePacket {
            kind: *kind,
            algorithm: *algorithm,
            hash: *hash,
            created: 0,
            lifetime: None,
            key_lifetime: None,
            key_flags: None,
            issuer_fingerprint: None,
            issuer_id: None,
            embedded: None,
            trailer,
            value: value.to_vec(),
        };
        let mut has_time = false;
        for Subpacket {
            kind,
            is_critical,
            data,
        } in subpackets(hashed)?
        {
            let seconds = || (data.len() == 4).then(|| number(data)).ok_or_else(cut);
            match kind {
                subpacket::CREATED => {
                    packet.created = seconds()?;
                    has_time = true;
                }
                // Zero is not a limit.
                subpacket::LIFETIME => packet.lifetime = Some(seconds()?).filter(|seconds| *seconds > 0),
                subpacket::KEY_LIFETIME => packet.key_lifetime = Some(seconds()?).filter(|seconds| *seconds > 0),
                subpacket::KEY_FLAGS => packet.key_flags = Some(data.first().copied().unwrap_or_default()),
                _ if packet.take_unhashed(kind, data, may_embed)? => {}
                _ if is_critical && !subpacket::WITHOUT_EFFECT.contains(&kind) => {
                    return Err(format!(
                        "it has a critical subpacket of the type {kind}, which is not supported"
                    ));
                }
                _ => {}
            }
        }
        if !has_time {
            return Err("it doesn't say when it was made".to_owned());
        }
        for Subpacket { kind, data, .. } in subpackets(unhashed)? {
            packet.take_unhashed(kind, data, may_embed)?;
        }
        Ok(packet)
    }

    /// Takes a subpacket that proves itself, wherever it is: who made the signature, and a signature of its own. Says whether it is one.
    fn take_unhashed(&mut self, kind: u8, data: &[u8], may_embed: bool) -> Result<bool, String> {
        match (kind, data) {
            (subpacket::ISSUER_FINGERPRINT, [4, fingerprint @ ..]) if fingerprint.len() == 20 => {
                self.issuer_fingerprint.get_or_insert_with(|| fingerprint.to_vec());
            }
            (subpacket::ISSUER, id) if id.len() == 8 => {
                self.issuer_id.get_or_insert_with(|| id.to_vec());
            }
            (subpacket::EMBEDDED, body) if may_embed => {
                self.embedded = Some(Box::new(SignaturePacket::parse_nested(body, false)?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns who made it, for people.
    pub(super) fn issuer(&self) -> String {
        match self.issuer_fingerprint.as_ref().or(self.issuer_id.as_ref()) {
            Some(id) => format!("OpenPGP {}", hex(id)),
            None => "an OpenPGP key that it doesn't name".to_owned(),
        }
    }
}

/// A subpacket of a signature.
struct Subpacket<'a> {
    kind: u8,
    is_critical: bool,
    data: &'a [u8],
}

fn subpackets(mut bytes: &[u8]) -> Result<Vec<Subpacket<'_>>, String> {
    let damaged = || "its subpackets are damaged".to_owned();
    let mut found = Vec::new();
    while let Some(first) = bytes.first() {
        let (length, rest) = match first {
            // Here these, too, are lengths of two bytes.
            224..=254 => {
                let (length, rest) = bytes.split_at_checked(2).ok_or_else(damaged)?;
                (number(length) - (192 << 8) + 192, rest)
            }
            _ => new_length(bytes).ok_or_else(damaged)?,
        };
        let length = usize::try_from(length).map_err(|_| damaged())?;
        let (subpacket, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let (kind, data) = subpacket.split_first().ok_or_else(damaged)?;
        found.push(Subpacket {
            kind: kind & 0x7f,
            is_critical: kind & 0x80 != 0,
            data,
        });
        bytes = rest;
    }
    Ok(found)
}

/// Returns the bytes that stand for a key in what is signed.
pub(super) fn hashed_key(body: &[u8]) -> Vec<u8> {
    // Keys are far shorter than 64 KiB: `KeyMaterial::parse` sees to it.
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x99], length.as_slice(), body].concat()
}

/// Returns the bytes that stand for a user in what is signed.
pub(super) fn hashed_user(prefix: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[prefix], length.as_slice(), body].concat()
}

/// Returns the fingerprint of a key of version 4. It is a SHA-1 digest; the attack on it makes two keys of one's own alike.
pub(super) fn fingerprint(body: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed_key(body)).as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"))
}
