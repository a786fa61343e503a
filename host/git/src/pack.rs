//! Reads packs: <https://git-scm.com/docs/gitformat-pack>. Every size is checked before memory is reserved for it.
//!
//! `gix-pack` reads packs, too, but from files, and without a bound for the bytes that an entry is unpacked to.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use gix_hash::ObjectId;

use crate::{
    limits::{Bound, Limits},
    object::{Kind, Object, compute_id},
};

/// The bytes of a pack's header and trailer.
const HEADER_BYTES: usize = 12;
const TRAILER_BYTES: usize = 20;
/// The bytes of an object's id.
const ID_BYTES: usize = 20;

/// Why a pack can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PackError {
    Limit(Bound),
    Corrupt(String),
    /// Nobody waits for it any more.
    Cancelled,
}

fn corrupt(reason: impl ToString) -> PackError {
    PackError::Corrupt(reason.to_string())
}

/// Objects by their ids, from all packs of a fetch. The ids are computed from the contents.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_id: HashMap<ObjectId, Object>,
    entries: u64,
    unpacked_bytes: u64,
}

/// An entry of a pack that is a delta: how the object differs from another one.
struct Delta {
    base: Base,
    instructions: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Base {
    /// The offset of the base's entry in the pack.
    Offset(usize),
    Id(ObjectId),
}

/// An object whose deltas are applied next.
struct Resolved {
    offset: usize,
    id: ObjectId,
    depth: u64,
}

impl Objects {
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.by_id.get(id)
    }

    /// Adds the objects of a pack.
    ///
    /// # Errors
    ///
    /// Returns the bound that is exceeded, or what is wrong with the pack.
    pub(crate) fn add(&mut self, pack: &[u8], limits: &Limits, cancelled: &AtomicBool) -> Result<(), PackError> {
        let count = check_frame(pack)?;
        self.entries += u64::from(count);
        if self.entries > limits.max_objects {
            return Err(PackError::Limit(Bound::Objects));
        }
        let end = pack.len() - TRAILER_BYTES;
        let entries = pack.get(..end).unwrap_or_default();
        let mut deltas = Vec::new();
        let mut ready = Vec::new();
        let mut at = HEADER_BYTES;
        for _ in 0..count {
            check_cancelled(cancelled)?;
            let offset = at;
            let header = EntryHeader::read(entries, &mut at, offset)?;
            let data = self.inflate(entries, &mut at, header.size, limits)?;
            match header.content {
                Content::Whole(kind) => {
                    let id = self.insert(kind, data)?;
                    ready.push(Resolved { offset, id, depth: 0 });
                }
                Content::Delta(base) => deltas.push((
                    offset,
                    Delta {
                        base,
                        instructions: data,
                    },
                )),
            }
        }
        if at != end {
            return Err(corrupt("there are bytes after its last entry"));
        }
        self.apply_deltas(deltas, ready, limits, cancelled)
    }

    fn apply_deltas(
        &mut self,
        deltas: Vec<(usize, Delta)>,
        mut ready: Vec<Resolved>,
        limits: &Limits,
        cancelled: &AtomicBool,
    ) -> Result<(), PackError> {
        let mut left = deltas.len();
        let mut by_offset: HashMap<usize, Vec<(usize, Vec<u8>)>> = HashMap::new();
        let mut by_id: HashMap<ObjectId, Vec<(usize, Vec<u8>)>> = HashMap::new();
        for (offset, delta) in deltas {
            let entry = (offset, delta.instructions);
            match delta.base {
                Base::Offset(base) => by_offset.entry(base).or_default().push(entry),
                Base::Id(base) => by_id.entry(base).or_default().push(entry),
            }
        }
        while let Some(base) = ready.pop() {
            let of_offset = by_offset.remove(&base.offset).unwrap_or_default();
            let of_id = by_id.remove(&base.id).unwrap_or_default();
            for (offset, instructions) in of_offset.into_iter().chain(of_id) {
                check_cancelled(cancelled)?;
                let depth = base.depth + 1;
                if depth > limits.max_delta_depth {
                    return Err(PackError::Limit(Bound::DeltaDepth));
                }
                let Some(object) = self.get(&base.id).cloned() else {
                    return Err(corrupt("the base of a delta is missing"));
                };
                let size = delta_result_size(&object.data, &instructions)?;
                self.reserve(size.bytes, limits)?;
                let data = apply_delta(&object.data, &instructions, &size)?;
                let id = self.insert(object.kind, data)?;
                ready.push(Resolved { offset, id, depth });
                left -= 1;
            }
        }
        if left > 0 {
            return Err(corrupt(format!("the bases of {left} deltas are missing")));
        }
        Ok(())
    }

    fn insert(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId, PackError> {
        let id = compute_id(kind, &data).map_err(corrupt)?;
        let data = Bytes::from(data);
        self.by_id.insert(id, Object { kind, data });
        Ok(id)
    }

    /// Counts bytes against the bounds, before they are reserved.
    fn reserve(&mut self, bytes: u64, limits: &Limits) -> Result<usize, PackError> {
        if bytes > limits.max_object_bytes {
            return Err(PackError::Limit(Bound::ObjectBytes));
        }
        self.unpacked_bytes += bytes;
        if self.unpacked_bytes > limits.max_unpacked_bytes {
            return Err(PackError::Limit(Bound::UnpackedBytes));
        }
        usize::try_from(bytes).map_err(|_| PackError::Limit(Bound::ObjectBytes))
    }

    /// Unpacks the data of an entry, which begins at `at`, and moves `at` behind it.
    fn inflate(&mut self, pack: &[u8], at: &mut usize, size: u64, limits: &Limits) -> Result<Vec<u8>, PackError> {
        let size = self.reserve(size, limits)?;
        // One byte more, so that data that is longer than the header says is noticed.
        let mut output = vec![0; size + 1];
        let mut zlib = Decompress::new(true);
        loop {
            let (read_before, written_before) = (zlib.total_in(), zlib.total_out());
            let read = usize::try_from(read_before).unwrap_or(usize::MAX);
            let written = usize::try_from(written_before).unwrap_or(usize::MAX);
            let input = pack.get(at.saturating_add(read)..).unwrap_or_default();
            let room = output.get_mut(written..).unwrap_or_default();
            let status = zlib.decompress(input, room, FlushDecompress::None);
            match status.map_err(|_| corrupt("an entry isn't compressed by zlib"))? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {
                    if zlib.total_in() == read_before && zlib.total_out() == written_before {
                        return Err(corrupt("an entry is cut, or longer than it says"));
                    }
                }
            }
        }
        if zlib.total_out() != size as u64 {
            return Err(corrupt("an entry has another size than it says"));
        }
        *at += usize::try_from(zlib.total_in()).unwrap_or(usize::MAX);
        output.truncate(size);
        Ok(output)
    }
}

fn check_cancelled(cancelled: &AtomicBool) -> Result<(), PackError> {
    if cancelled.load(Ordering::Relaxed) {
        return Err(PackError::Cancelled);
    }
    Ok(())
}

/// Checks header and trailer, and returns the number of entries.
fn check_frame(pack: &[u8]) -> Result<u32, PackError> {
    let Some((content, trailer)) = pack.split_last_chunk::<TRAILER_BYTES>() else {
        return Err(corrupt("it is cut"));
    };
    let Some((header, _)) = content.split_first_chunk::<HEADER_BYTES>() else {
        return Err(corrupt("it is cut"));
    };
    let [b'P', b'A', b'C', b'K', version @ .., a, b, c, d] = header else {
        return Err(corrupt("it doesn't begin with `PACK`"));
    };
    if !matches!(version, [0, 0, 0, 2 | 3]) {
        return Err(corrupt("its version is neither 2 nor 3"));
    }
    // The trailer is not a protection, as whoever changes a pack can compute it: the ids of objects are. It notices damage early.
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, content);
    if digest.as_ref() != trailer {
        return Err(corrupt("its checksum is wrong"));
    }
    Ok(u32::from_be_bytes([*a, *b, *c, *d]))
}

enum Content {
    Whole(Kind),
    Delta(Base),
}

struct EntryHeader {
    content: Content,
    /// The number of bytes of the data when it is unpacked.
    size: u64,
}

impl EntryHeader {
    fn read(pack: &[u8], at: &mut usize, offset: usize) -> Result<EntryHeader, PackError> {
        let first = next_byte(pack, at)?;
        let mut size = u64::from(first & 0x0f);
        let mut shift = 4;
        let mut byte = first;
        while byte & 0x80 != 0 {
            byte = next_byte(pack, at)?;
            if shift > 56 {
                return Err(corrupt("the size of an entry is too long"));
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        let content = match (first >> 4) & 7 {
            1 => Content::Whole(Kind::Commit),
            2 => Content::Whole(Kind::Tree),
            3 => Content::Whole(Kind::Blob),
            4 => Content::Whole(Kind::Tag),
            6 => {
                let distance = read_distance(pack, at)?;
                let base = usize::try_from(distance).ok().filter(|distance| *distance > 0);
                let base = base.and_then(|distance| offset.checked_sub(distance));
                Content::Delta(Base::Offset(
                    base.ok_or_else(|| corrupt("a delta's base is before its beginning"))?,
                ))
            }
            7 => {
                let id = pack.get(*at..*at + ID_BYTES).and_then(|id| ObjectId::try_from(id).ok());
                *at += ID_BYTES;
                Content::Delta(Base::Id(id.ok_or_else(|| corrupt("it is cut"))?))
            }
            other => return Err(corrupt(format!("an entry is of the unknown type {other}"))),
        };
        Ok(EntryHeader { content, size })
    }
}

fn next_byte(bytes: &[u8], at: &mut usize) -> Result<u8, PackError> {
    let byte = bytes.get(*at).copied().ok_or_else(|| corrupt("it is cut"))?;
    *at += 1;
    Ok(byte)
}

/// Reads how far a delta's base is before the delta. Every byte but the last adds one.
fn read_distance(pack: &[u8], at: &mut usize) -> Result<u64, PackError> {
    let mut byte = next_byte(pack, at)?;
    let mut value = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = next_byte(pack, at)?;
        if value >= 1 << 50 {
            return Err(corrupt("a delta's base is too far away"));
        }
        value = ((value + 1) << 7) | u64::from(byte & 0x7f);
    }
    Ok(value)
}

/// The size of a delta's result, and where its instructions begin.
struct ResultSize {
    bytes: u64,
    instructions_at: usize,
}

fn delta_result_size(base: &[u8], delta: &[u8]) -> Result<ResultSize, PackError> {
    let mut at = 0;
    if read_size(delta, &mut at)? != base.len() as u64 {
        return Err(corrupt("a delta is for a base of another size"));
    }
    let bytes = read_size(delta, &mut at)?;
    Ok(ResultSize {
        bytes,
        instructions_at: at,
    })
}

fn read_size(delta: &[u8], at: &mut usize) -> Result<u64, PackError> {
    let (mut size, mut shift) = (0, 0);
    loop {
        let byte = next_byte(delta, at)?;
        if shift > 56 {
            return Err(corrupt("a size in a delta is too long"));
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
}

/// Makes an object from its base. Every instruction copies a part of the base, or inserts bytes of its own.
fn apply_delta(base: &[u8], delta: &[u8], size: &ResultSize) -> Result<Vec<u8>, PackError> {
    let length = usize::try_from(size.bytes).map_err(|_| PackError::Limit(Bound::ObjectBytes))?;
    let mut result = Vec::with_capacity(length);
    let mut at = size.instructions_at;
    while at < delta.len() {
        let instruction = next_byte(delta, &mut at)?;
        let part = if instruction & 0x80 == 0 {
            let length = usize::from(instruction);
            let part = delta.get(at..at + length).filter(|part| !part.is_empty());
            at += length;
            part
        } else {
            let mut read = |bits: std::ops::Range<u32>| -> Result<usize, PackError> {
                let mut value = 0;
                for (shift, bit) in bits.enumerate() {
                    if instruction & (1 << bit) != 0 {
                        value |= usize::from(next_byte(delta, &mut at)?) << (shift * 8);
                    }
                }
                Ok(value)
            };
            let from = read(0..4)?;
            let length = match read(4..7)? {
                0 => 0x10000,
                length => length,
            };
            from.checked_add(length).and_then(|to| base.get(from..to))
        };
        let part = part.ok_or_else(|| corrupt("an instruction of a delta leads nowhere"))?;
        if result.len() + part.len() > length {
            return Err(corrupt("a delta makes more bytes than it says"));
        }
        result.extend_from_slice(part);
    }
    if result.len() != length {
        return Err(corrupt("a delta makes fewer bytes than it says"));
    }
    Ok(result)
}

#[cfg(test)]
mod tests;
