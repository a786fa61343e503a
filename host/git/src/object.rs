//! Objects: <https://git-scm.com/book/en/v2/Git-Internals-Git-Objects>.

use std::fmt;

use bytes::Bytes;
use gix_hash::ObjectId;

/// An unpacked object of a pack: its type and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) data: Bytes,
}

/// The type of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag];

    fn name(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Computes the id of an object.
///
/// # Errors
///
/// Returns that the object was made to have the same SHA-1 digest as another one (<https://shattered.io>). git refuses such objects, too.
pub(crate) fn compute_id(kind: Kind, data: &[u8]) -> Result<ObjectId, String> {
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(format!("{kind} {}\0", data.len()).as_bytes());
    hasher.update(data);
    hasher.try_finalize().map_err(|error| error.to_string())
}

/// An entry of a folder.
pub(crate) struct TreeEntry<'a> {
    /// The type and permissions: `0o100644`.
    pub(crate) mode: u32,
    pub(crate) name: &'a [u8],
    pub(crate) id: ObjectId,
}

/// Reads the entries of a folder: `MODE NAME`, a NUL, and the id in bytes.
///
/// # Errors
///
/// Returns `None` for an entry that is damaged.
pub(crate) fn tree_entries(mut data: &[u8]) -> Option<Vec<TreeEntry<'_>>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = data.split_at_checked(space)?;
        let mode = std::str::from_utf8(mode).ok().filter(|mode| mode.len() <= 6)?;
        let mode = mode
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| u32::from_str_radix(mode, 8).ok())??;
        let rest = rest.get(1..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = rest.split_at_checked(end)?;
        let (id, rest) = rest.get(1..)?.split_first_chunk::<20>()?;
        data = rest;
        entries.push(TreeEntry {
            mode,
            name,
            id: ObjectId::from(*id),
        });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_git() {
        for (kind, data, id) in [
            (Kind::Blob, b"".as_slice(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            (Kind::Tree, b"", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            (Kind::Blob, b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
        ] {
            assert_eq!(compute_id(kind, data).unwrap().to_string(), id);
        }
    }

    #[test]
    fn a_damaged_folder_is_none() {
        let whole = [b"100644 a\0".as_slice(), &[1; 20], b"40000 b\0", &[2; 20]].concat();
        let entries = tree_entries(&whole).unwrap();
        let shown: Vec<(u32, &[u8])> = entries.iter().map(|entry| (entry.mode, entry.name)).collect();
        assert_eq!(shown, [(0o100_644, b"a".as_slice()), (0o40000, b"b")]);
        for end in 1..whole.len() {
            assert_eq!(tree_entries(&whole[..end]).is_some(), end == 29, "{end}");
        }
        for damaged in [b"+00644 a\0".as_slice(), b"1006449 a\0", b"100648 a\0", b" a\0"] {
            assert!(tree_entries(&[damaged, &[1; 20]].concat()).is_none());
        }
    }
}
