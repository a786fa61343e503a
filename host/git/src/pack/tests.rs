//! Packs, made by hand: each with one mistake.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

use super::*;

const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;
const ID_DELTA: u8 = 7;

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The header of an entry: its type, and how many bytes it says that it has.
fn header(kind: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![(kind << 4) | u8::try_from(size & 0x0f).unwrap()];
    let mut rest = size >> 4;
    while rest > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push(u8::try_from(rest & 0x7f).unwrap());
        rest >>= 7;
    }
    bytes
}

fn blob(data: &[u8]) -> Vec<u8> {
    [header(BLOB, data.len()), deflate(data)].concat()
}

/// A delta whose base is so many bytes before it, less than 128.
fn delta(distance: usize, instructions: &[u8]) -> Vec<u8> {
    let base = vec![u8::try_from(distance).unwrap()];
    [header(OFFSET_DELTA, instructions.len()), base, deflate(instructions)].concat()
}

/// Frames entries as a pack with a correct checksum.
fn pack(count: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = [b"PACK\0\0\0\x02".as_slice(), &count.to_be_bytes()].concat();
    pack.extend(entries.concat());
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pack);
    pack.extend_from_slice(digest.as_ref());
    pack
}

fn small() -> Limits {
    Limits {
        max_objects: 10,
        max_object_bytes: 1000,
        max_unpacked_bytes: 3000,
        max_delta_depth: 3,
        ..Limits::default()
    }
}

fn add(pack: &[u8]) -> Result<Objects, PackError> {
    let mut objects = Objects::default();
    objects.add(pack, &small(), &AtomicBool::new(false)).map(|()| objects)
}

fn reason(result: Result<Objects, PackError>) -> String {
    match result.unwrap_err() {
        PackError::Corrupt(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn id(data: &[u8]) -> ObjectId {
    compute_id(Kind::Blob, data).unwrap()
}

#[test]
fn deltas_of_both_kinds_are_applied() {
    let base = blob(b"0123456789");
    // Copies five bytes from the offset 2, and inserts `ab`.
    let by_offset = delta(base.len(), &[10, 7, 0x91, 2, 5, 2, b'a', b'b']);
    let instructions = [7, 3, 0x90, 3];
    let base_id = id(b"23456ab");
    let by_id = [
        header(ID_DELTA, instructions.len()),
        base_id.as_slice().to_vec(),
        deflate(&instructions),
    ]
    .concat();
    let objects = add(&pack(3, &[base, by_offset, by_id])).unwrap();
    for data in [b"0123456789".as_slice(), b"23456ab", b"234"] {
        assert_eq!(objects.get(&id(data)).unwrap().data, data);
    }
}

#[test]
fn every_bound_is_checked_before_memory_is_reserved() {
    let limit = |pack: &[u8]| match add(pack) {
        Err(PackError::Limit(bound)) => bound,
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(&pack(11, &[])), Bound::Objects);
    assert_eq!(limit(&pack(u32::MAX, &[])), Bound::Objects);
    assert_eq!(limit(&pack(1, &[blob(&[0; 1001])])), Bound::ObjectBytes);
    // It says that it has a petabyte.
    assert_eq!(limit(&pack(1, &[header(BLOB, 1 << 50)])), Bound::ObjectBytes);
    assert_eq!(limit(&pack(4, &vec![blob(&[0; 1000]); 4])), Bound::UnpackedBytes);
    // A delta of a few bytes that makes a gigabyte.
    let base = blob(b"0123456789");
    let bomb = delta(base.len(), &[10, 0x80, 0x80, 0x80, 0x80, 0x04, 0x90, 3]);
    assert_eq!(limit(&pack(2, &[base.clone(), bomb])), Bound::ObjectBytes);
    let again = delta(base.len(), &[10, 10, 0x90, 10]);
    let chain: Vec<Vec<u8>> = (0..4).map(|_| delta(again.len(), &[10, 10, 0x90, 10])).collect();
    let chain: Vec<Vec<u8>> = [base, again].into_iter().chain(chain).collect();
    assert_eq!(limit(&pack(6, &chain)), Bound::DeltaDepth);
    assert!(add(&pack(4, &chain[..4])).is_ok());
    // Bounds hold for all packs of a fetch together.
    let mut objects = Objects::default();
    let (pack, go) = (pack(2, &[blob(&[0; 1000]), blob(&[1; 900])]), AtomicBool::new(false));
    objects.add(&pack, &small(), &go).unwrap();
    assert_eq!(
        objects.add(&pack, &small(), &go),
        Err(PackError::Limit(Bound::UnpackedBytes))
    );
}

#[test]
fn a_damaged_pack_says_what_is_wrong() {
    let base = blob(b"0123456789");
    let with = |instructions: &[u8]| reason(add(&pack(2, &[base.clone(), delta(base.len(), instructions)])));
    assert!(with(&[9, 1, 0x90, 1]).contains("another size"));
    assert!(with(&[10, 1, 0x91, 10, 1]).contains("leads nowhere"));
    assert!(with(&[10, 1, 0x91]).contains("cut"));
    assert!(with(&[10, 1, 0]).contains("leads nowhere"));
    assert!(with(&[10, 1, 3, b'a']).contains("leads nowhere"));
    assert!(with(&[10, 1, 0x90, 2]).contains("more bytes"));
    assert!(with(&[10, 3, 0x90, 2]).contains("fewer bytes"));
    assert!(with(&[0x80; 20]).contains("too long"));
    for (entries, count, expected) in [
        (vec![delta(1, &[10, 1, 0x90, 1])], 1, "bases of 1 deltas are missing"),
        (vec![delta(100, &[10, 1, 0x90, 1])], 1, "before its beginning"),
        (vec![delta(0, &[10, 1, 0x90, 1])], 1, "before its beginning"),
        (vec![[header(5, 1), deflate(b"a")].concat()], 1, "unknown type 5"),
        (vec![[header(BLOB, 1), deflate(b"ab")].concat()], 1, "another size"),
        (
            vec![[header(BLOB, 1), deflate(b"abcdefgh")].concat()],
            1,
            "longer than it says",
        ),
        (vec![[header(BLOB, 3), deflate(b"ab")].concat()], 1, "another size"),
        (
            vec![[header(BLOB, 2), b"not zlib".to_vec()].concat()],
            1,
            "isn't compressed",
        ),
        (vec![blob(b"a"), blob(b"b")], 1, "after its last entry"),
        (vec![blob(b"a")], 2, "cut"),
        (vec![vec![0xff; 20]], 1, "too long"),
    ] {
        let found = reason(add(&pack(count, &entries)));
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let whole = pack(1, &[blob(b"a")]);
    let mut changed = whole.clone();
    changed[15] ^= 1;
    assert!(reason(add(&changed)).contains("checksum"));
    assert!(reason(add(b"")).contains("cut"));
    assert!(reason(add(&[0; 40])).contains("`PACK`"));
    let cancelled = Objects::default().add(&whole, &small(), &AtomicBool::new(true));
    assert_eq!(cancelled, Err(PackError::Cancelled));
}

/// Whatever is cut or changed, the result is an error or objects with the ids of their contents: nothing panics, nothing takes long.
#[test]
fn no_damage_makes_it_panic() {
    let base = blob(b"0123456789");
    let entries = [base.clone(), delta(base.len(), &[10, 7, 0x91, 2, 5, 2, b'a', b'b'])];
    let whole = pack(2, &entries);
    for at in HEADER_BYTES..whole.len() - TRAILER_BYTES {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut entries = whole[HEADER_BYTES..whole.len() - TRAILER_BYTES].to_vec();
            entries[at - HEADER_BYTES] = value;
            if let Ok(objects) = add(&pack(2, &[entries])) {
                for (id, object) in &objects.by_id {
                    assert_eq!(compute_id(object.kind, &object.data).unwrap(), *id);
                }
            }
        }
        let cut = pack(2, &[whole[HEADER_BYTES..at].to_vec()]);
        assert!(add(&cut).is_err(), "{at}");
    }
}
