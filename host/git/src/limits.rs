//! Bounds for everything that a remote repository may send.

use std::{fmt, time::Duration};

/// Bounds for one fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a whole fetch may take, with all its requests.
    pub deadline: Duration,
    /// How long establishing a connection may take.
    pub connect_timeout: Duration,
    /// How many redirects are followed, all on the same host.
    pub max_redirects: usize,
    /// The most references in an answer to `ls-refs`.
    pub max_references: u64,
    /// The most bytes of the capabilities, or of an answer to `ls-refs`.
    pub max_reference_bytes: u64,
    /// The most bytes of all packs of a fetch, as they are sent.
    pub max_pack_bytes: u64,
    /// The most objects in all packs of a fetch.
    pub max_objects: u64,
    /// The most bytes of one object: a commit, a folder or a file.
    pub max_object_bytes: u64,
    /// The most bytes of all objects of a fetch.
    pub max_unpacked_bytes: u64,
    /// The longest chain of deltas. git makes chains of 50, and of 250 with `git gc --aggressive`.
    pub max_delta_depth: u64,
    /// The most entries in all folders that are read or walked through. Few folders can be many if they contain each other often.
    pub max_entries: u64,
    /// The most files below the named paths.
    pub max_files: u64,
    /// The most bytes of a path in the repository.
    pub max_path_bytes: u64,
    /// The most folders within each other.
    pub max_path_depth: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            deadline: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(10),
            max_redirects: 5,
            max_references: 20_000,
            max_reference_bytes: 4 << 20,
            max_pack_bytes: 128 << 20,
            max_objects: 500_000,
            max_object_bytes: 32 << 20,
            max_unpacked_bytes: 256 << 20,
            max_delta_depth: 256,
            max_entries: 500_000,
            max_files: 20_000,
            max_path_bytes: 1024,
            max_path_depth: 64,
        }
    }
}

/// One of the bounds that count something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// [`Limits::max_references`].
    References,
    /// [`Limits::max_reference_bytes`].
    ReferenceBytes,
    /// [`Limits::max_pack_bytes`].
    PackBytes,
    /// [`Limits::max_objects`].
    Objects,
    /// [`Limits::max_object_bytes`].
    ObjectBytes,
    /// [`Limits::max_unpacked_bytes`].
    UnpackedBytes,
    /// [`Limits::max_delta_depth`].
    DeltaDepth,
    /// [`Limits::max_entries`].
    Entries,
    /// [`Limits::max_files`].
    Files,
    /// [`Limits::max_path_bytes`].
    PathBytes,
    /// [`Limits::max_path_depth`].
    PathDepth,
}

impl Bound {
    /// Returns the value of this bound.
    pub fn of(self, limits: &Limits) -> u64 {
        match self {
            Bound::References => limits.max_references,
            Bound::ReferenceBytes => limits.max_reference_bytes,
            Bound::PackBytes => limits.max_pack_bytes,
            Bound::Objects => limits.max_objects,
            Bound::ObjectBytes => limits.max_object_bytes,
            Bound::UnpackedBytes => limits.max_unpacked_bytes,
            Bound::DeltaDepth => limits.max_delta_depth,
            Bound::Entries => limits.max_entries,
            Bound::Files => limits.max_files,
            Bound::PathBytes => limits.max_path_bytes,
            Bound::PathDepth => limits.max_path_depth,
        }
    }
}

/// Continues "the repository has more than 5 ...".
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::References => "references of the requested kind",
            Bound::ReferenceBytes => "bytes of references",
            Bound::PackBytes => "bytes in its packs",
            Bound::Objects => "objects in its packs",
            Bound::ObjectBytes => "bytes in one object",
            Bound::UnpackedBytes => "bytes in its unpacked objects",
            Bound::DeltaDepth => "deltas in one chain",
            Bound::Entries => "entries in its folders",
            Bound::Files => "files below the named paths",
            Bound::PathBytes => "bytes in one path",
            Bound::PathDepth => "folders within each other",
        })
    }
}
