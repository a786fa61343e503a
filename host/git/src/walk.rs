//! Finds the files below the named paths in the folders of a commit, and follows its symbolic links within the repository.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use gix_hash::ObjectId;

use crate::{
    error::{GitError, nearest},
    http::Session,
    limits::Bound,
    object::{Kind, tree_entries},
    pack::Objects,
    path::{RepositoryPath, check_name},
    revision::short,
    snapshot::{File, FileMode, SkipReason, Skipped},
};

/// The longest chain of symbolic links, as on Linux.
const MAX_LINKS: usize = 40;
/// The most bytes of a link's target.
const MAX_TARGET_BYTES: usize = 4096;
/// How a file begins whose contents are elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    Folder,
    File { is_executable: bool },
    Link,
    Submodule,
}

/// The entries of a folder by their names.
type Folder = BTreeMap<String, Entry>;

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: EntryKind,
    id: ObjectId,
}

/// A file or link that is part of the result.
struct Found {
    id: ObjectId,
    mode: FileMode,
}

/// A path that has to be followed.
struct Task {
    /// The parts of the path, which may contain links.
    parts: Vec<String>,
    /// The link that leads there; `None` for a path that the user named.
    link: Option<String>,
}

/// Where a path leads.
enum Place {
    Entry {
        path: Vec<String>,
        entry: Option<Entry>,
    },
    /// A link's target isn't there yet.
    Unread,
    Missing,
    Outside {
        link: String,
        target: String,
    },
}

/// The walk through the folders of one commit.
pub(crate) struct Walk<'a> {
    session: &'a Session<'a>,
    commit: ObjectId,
    root: ObjectId,
    tasks: Vec<Task>,
    found: BTreeMap<String, Found>,
    skipped: BTreeMap<String, SkipReason>,
    visited: BTreeSet<String>,
    folders: HashMap<ObjectId, Arc<Folder>>,
    /// The number of entries in `folders`.
    read_entries: u64,
    /// The number of entries that were walked through. It is larger where several paths lead to one folder.
    walked_entries: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        session: &'a Session<'a>,
        commit: ObjectId,
        root: ObjectId,
        paths: &[RepositoryPath],
    ) -> Walk<'a> {
        let task = |path: &RepositoryPath| Task {
            parts: split(path.as_str()),
            link: None,
        };
        Walk {
            session,
            commit,
            root,
            tasks: paths.iter().map(task).collect(),
            found: BTreeMap::new(),
            skipped: BTreeMap::new(),
            visited: BTreeSet::new(),
            folders: HashMap::new(),
            read_entries: 0,
            walked_entries: 0,
        }
    }

    /// Walks as far as the objects allow. Returns the ids of files and links that are missing; none if the walk is complete.
    pub(crate) fn advance(&mut self, objects: &Objects) -> Result<Vec<ObjectId>, GitError> {
        let mut waiting = Vec::new();
        while let Some(task) = self.tasks.pop() {
            let place = self.locate(objects, &task.parts)?;
            match (place, task.link) {
                (Place::Unread, link) => waiting.push(Task {
                    parts: task.parts,
                    link,
                }),
                (Place::Outside { link, target }, _) => {
                    return Err(GitError::Link {
                        url: self.session.url.to_string(),
                        commit: short(&self.commit),
                        path: link,
                        target,
                    });
                }
                (Place::Missing, Some(link)) => {
                    self.skipped.insert(link, SkipReason::DanglingLink);
                }
                (Place::Missing, None) => return Err(self.unknown_path(objects, &task.parts)?),
                (Place::Entry { path, entry }, _) => self.collect(objects, path, entry)?,
            }
        }
        self.tasks = waiting;
        let missing = self.found.values().map(|found| found.id);
        let missing: BTreeSet<ObjectId> = missing.filter(|id| objects.get(id).is_none()).collect();
        Ok(missing.into_iter().collect())
    }

    /// Returns the files of the complete walk, and what was left out.
    pub(crate) fn finish(self, objects: &Objects) -> Result<(Vec<File>, Vec<Skipped>), GitError> {
        let mut files = Vec::new();
        let mut skipped = self.skipped;
        for (path, found) in self.found {
            let object = objects.get(&found.id).filter(|object| object.kind == Kind::Blob);
            let Some(object) = object else {
                return Err(self
                    .session
                    .malformed("a pack", format!("`{path}` is not a file in it")));
            };
            if object.data.starts_with(LFS_POINTER) {
                skipped.insert(path.clone(), SkipReason::LfsPointer);
            }
            files.push(File {
                path,
                mode: found.mode,
                contents: object.data.clone(),
            });
        }
        let skipped = skipped.into_iter().map(|(path, reason)| Skipped { path, reason });
        Ok((files, skipped.collect()))
    }

    /// Follows a path from the root, as an operating system does: every link that is met is replaced by its target.
    fn locate(&mut self, objects: &Objects, parts: &[String]) -> Result<Place, GitError> {
        let mut todo: VecDeque<String> = parts.iter().cloned().collect();
        // The path so far, without links.
        let mut path: Vec<String> = Vec::new();
        let mut links: Vec<(String, String)> = Vec::new();
        while let Some(part) = todo.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." if path.pop().is_some() => continue,
                ".." => {
                    let (link, target) = links.into_iter().next().unwrap_or_default();
                    return Ok(Place::Outside { link, target });
                }
                _ => {}
            }
            let entry = self.entry(objects, &path, &part)?;
            path.push(part);
            let Some(entry) = entry else {
                return Ok(missing(path.len(), &todo, links));
            };
            match entry.kind {
                EntryKind::Folder => {}
                EntryKind::File { .. } | EntryKind::Submodule if todo.is_empty() => {
                    return Ok(Place::Entry {
                        path,
                        entry: Some(entry),
                    });
                }
                EntryKind::File { .. } | EntryKind::Submodule => return Ok(missing(path.len(), &todo, links)),
                EntryKind::Link => {
                    let link = path.join("/");
                    self.add(link.clone(), entry.id, FileMode::Link)?;
                    let Some(object) = objects.get(&entry.id) else {
                        return Ok(Place::Unread);
                    };
                    if links.len() >= MAX_LINKS {
                        return Ok(Place::Missing);
                    }
                    let shown = String::from_utf8_lossy(object.data.get(..MAX_TARGET_BYTES).unwrap_or(&object.data));
                    let target = shown.into_owned();
                    let is_relative = object.data.len() <= MAX_TARGET_BYTES
                        && std::str::from_utf8(&object.data).is_ok()
                        && !target.starts_with('/')
                        && !target.contains(['\\', '\0', ':']);
                    if !is_relative || split(&target).iter().any(|part| part.eq_ignore_ascii_case(".git")) {
                        return Ok(Place::Outside { link, target });
                    }
                    path.pop();
                    for part in split(&target).into_iter().rev() {
                        todo.push_front(part);
                    }
                    links.push((link, target));
                }
            }
        }
        Ok(Place::Entry { path, entry: None })
    }

    /// Adds a file, or all files in a folder.
    fn collect(&mut self, objects: &Objects, path: Vec<String>, entry: Option<Entry>) -> Result<(), GitError> {
        if let Some(entry) = entry {
            return self.add_entry(path.join("/"), &entry);
        }
        let mut folders = vec![path];
        while let Some(folder) = folders.pop() {
            if folder.len() as u64 > Bound::PathDepth.of(&self.session.http.access().limits) {
                return Err(self.session.limit_error(Bound::PathDepth));
            }
            if !self.visited.insert(folder.join("/")) {
                continue;
            }
            let Some(entries) = self.folder(objects, &folder)? else {
                continue;
            };
            self.walked_entries += entries.len() as u64;
            self.check_entries(self.walked_entries)?;
            for (name, entry) in entries.iter() {
                let mut path = folder.clone();
                path.push(name.clone());
                match entry.kind {
                    EntryKind::Folder => folders.push(path),
                    EntryKind::Link => {
                        let link = path.join("/");
                        self.add(link.clone(), entry.id, FileMode::Link)?;
                        self.tasks.push(Task {
                            parts: path,
                            link: Some(link),
                        });
                    }
                    EntryKind::File { .. } | EntryKind::Submodule => self.add_entry(path.join("/"), entry)?,
                }
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, path: String, entry: &Entry) -> Result<(), GitError> {
        match entry.kind {
            EntryKind::File { is_executable: true } => self.add(path, entry.id, FileMode::Executable),
            EntryKind::File { is_executable: false } => self.add(path, entry.id, FileMode::Regular),
            EntryKind::Submodule => {
                self.skipped.insert(path, SkipReason::Submodule);
                Ok(())
            }
            EntryKind::Folder | EntryKind::Link => Ok(()),
        }
    }

    fn add(&mut self, path: String, id: ObjectId, mode: FileMode) -> Result<(), GitError> {
        let limits = &self.session.http.access().limits;
        if path.len() as u64 > limits.max_path_bytes {
            return Err(self.session.limit_error(Bound::PathBytes));
        }
        self.found.insert(path, Found { id, mode });
        if self.found.len() as u64 > limits.max_files {
            return Err(self.session.limit_error(Bound::Files));
        }
        Ok(())
    }

    /// Returns the entry of a folder with this name.
    fn entry(&mut self, objects: &Objects, folder: &[String], name: &str) -> Result<Option<Entry>, GitError> {
        let entries = self.folder(objects, folder)?;
        Ok(entries.and_then(|entries| entries.get(name).copied()))
    }

    /// Returns the entries of a folder, which is named without links; `None` if there is no such folder.
    fn folder(&mut self, objects: &Objects, path: &[String]) -> Result<Option<Arc<Folder>>, GitError> {
        let mut entries = self.tree(objects, self.root, "")?;
        for (at, part) in path.iter().enumerate() {
            let entry = entries.get(part);
            let Some(id) = entry
                .filter(|entry| entry.kind == EntryKind::Folder)
                .map(|entry| entry.id)
            else {
                return Ok(None);
            };
            let parts = path.get(..=at).unwrap_or_default();
            entries = self.tree(objects, id, &parts.join("/"))?;
        }
        Ok(Some(entries))
    }

    fn tree(&mut self, objects: &Objects, id: ObjectId, path: &str) -> Result<Arc<Folder>, GitError> {
        if let Some(known) = self.folders.get(&id) {
            return Ok(Arc::clone(known));
        }
        // Every repository has an empty folder, whether it is stored or not.
        let object = objects.get(&id).filter(|object| object.kind == Kind::Tree);
        let data = match object {
            Some(object) => object.data.clone(),
            None if id.is_empty_tree() => bytes::Bytes::new(),
            None => {
                return Err(self
                    .session
                    .malformed("a pack", format!("the folder `{path}` is missing in it")));
            }
        };
        let mut entries = Folder::new();
        let parsed = tree_entries(&data);
        for entry in parsed.ok_or_else(|| self.session.malformed("a folder", format!("`{path}` is damaged")))? {
            let shown = || format!("{path}/{}", String::from_utf8_lossy(entry.name).escape_debug());
            let wrong = |reason: String| GitError::Entry {
                url: self.session.url.to_string(),
                commit: short(&self.commit),
                path: shown().trim_start_matches('/').to_owned(),
                reason,
            };
            let kind = match entry.mode {
                0o040_000 => EntryKind::Folder,
                // Early versions of git stored whether the group may write.
                0o100_644 | 0o100_664 => EntryKind::File { is_executable: false },
                0o100_755 => EntryKind::File { is_executable: true },
                0o120_000 => EntryKind::Link,
                0o160_000 => EntryKind::Submodule,
                other => return Err(wrong(format!("its mode is {other:o}"))),
            };
            let name = check_name(entry.name, kind == EntryKind::Link)
                .map_err(wrong)?
                .to_owned();
            if entries.insert(name, Entry { kind, id: entry.id }).is_some() {
                return Err(wrong("its folder has two entries of this name".to_owned()));
            }
            self.read_entries += 1;
            self.check_entries(self.read_entries)?;
        }
        let entries = Arc::new(entries);
        self.folders.insert(id, Arc::clone(&entries));
        Ok(entries)
    }

    fn check_entries(&self, count: u64) -> Result<(), GitError> {
        if count > self.session.http.access().limits.max_entries {
            return Err(self.session.limit_error(Bound::Entries));
        }
        Ok(())
    }

    /// Makes the error about a path that doesn't exist, with the nearest names in the deepest folder that does.
    fn unknown_path(&mut self, objects: &Objects, parts: &[String]) -> Result<GitError, GitError> {
        let mut near = Vec::new();
        let mut count = 0;
        for depth in (0..parts.len()).rev() {
            let folder = parts.get(..depth).unwrap_or_default();
            let Some(entries) = self.folder(objects, folder)? else {
                continue;
            };
            let missing = parts.get(depth).map(String::as_str).unwrap_or_default();
            count = entries.len();
            let names = entries.keys().cloned().collect();
            let path = |name: String| folder.iter().cloned().chain([name]).collect::<Vec<_>>().join("/");
            near = nearest(missing, names).into_iter().map(path).collect();
            break;
        }
        Ok(GitError::UnknownPath {
            url: self.session.url.to_string(),
            commit: short(&self.commit),
            path: parts.join("/"),
            near,
            count,
        })
    }
}

/// Says where a path leads that meets something which is not a folder. An operating system stops there; other programs shorten
/// `nowhere/..` before they look, so that it may lead out of the repository, too.
fn missing(depth: usize, rest: &VecDeque<String>, links: Vec<(String, String)>) -> Place {
    let mut depth = Some(depth);
    for part in rest {
        depth = match (part.as_str(), depth) {
            (".", depth) => depth,
            ("..", depth) => depth.and_then(|depth| depth.checked_sub(1)),
            (_, depth) => depth.map(|depth| depth + 1),
        };
    }
    match (depth, links.into_iter().next()) {
        (None, Some((link, target))) => Place::Outside { link, target },
        _ => Place::Missing,
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
