//! Reads a Git repository without running git: where its work tree is, which commit is checked out, which remotes it has.
//!
//! A repository's configuration can name programs that git runs (`core.fsmonitor`, `filter.*.clean`, `core.sshCommand`, aliases). Here it
//! is only read as text, and only for addresses and a few booleans. Formats: <https://git-scm.com/docs/gitrepository-layout>.

use std::{
    fs,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

/// The most bytes of a file of a repository; a longer one isn't read.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The most bytes of the list of all references.
const MAX_PACKED_REFS_BYTES: u64 = 64 << 20;
/// The longest chain of symbolic references.
const MAX_REFERENCE_DEPTH: usize = 5;

/// A repository with a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The root of the work tree, canonical.
    pub root: PathBuf,
    /// The folder with `HEAD` and the index of this work tree.
    pub git_dir: PathBuf,
    /// The folder with the rest; another one for a linked work tree.
    pub common_dir: PathBuf,
}

impl Repository {
    /// Finds the repository whose work tree contains a folder. Like git, it doesn't search the folders of `GIT_CEILING_DIRECTORIES`
    /// (`ceilings`) and above, except for the folder itself. A bare repository has no work tree, and isn't found.
    pub fn find(folder: &Path, ceilings: &[PathBuf]) -> Option<Repository> {
        let folder = folder.canonicalize().ok()?;
        let is_searched = |at: &&Path| *at == folder || !ceilings.iter().any(|ceiling| ceiling == at);
        folder.ancestors().take_while(is_searched).find_map(Repository::open)
    }

    /// Opens the repository with this root of its work tree.
    pub fn open(root: &Path) -> Option<Repository> {
        let dot_git = root.join(".git");
        let git_dir = if dot_git.is_dir() {
            dot_git
        } else {
            let text = read_short_file(&dot_git, MAX_FILE_BYTES)?;
            root.join(text.strip_prefix("gitdir:")?.trim())
        };
        let git_dir = git_dir.canonicalize().ok()?;
        let common_dir = match read_short_file(&git_dir.join("commondir"), MAX_FILE_BYTES) {
            Some(text) => git_dir.join(text.trim()).canonicalize().ok()?,
            None => git_dir.clone(),
        };
        let is_repository = git_dir.join("HEAD").is_file() && common_dir.join("objects").is_dir();
        is_repository.then(|| Repository {
            root: root.to_owned(),
            git_dir,
            common_dir,
        })
    }

    /// Returns the id of the commit that is checked out.
    pub fn commit(&self) -> Option<String> {
        let mut text = read_short_file(&self.git_dir.join("HEAD"), MAX_FILE_BYTES)?;
        for _ in 0..MAX_REFERENCE_DEPTH {
            let Some(name) = text.strip_prefix("ref:").map(str::trim) else {
                let id = text.trim();
                return is_id(id).then(|| id.to_owned());
            };
            let name = name.to_owned();
            text = self.reference(&name)?;
        }
        None
    }

    /// Returns the value of a reference: an id, or another reference.
    fn reference(&self, name: &str) -> Option<String> {
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !name.starts_with("refs/") || !Path::new(name).components().all(is_plain) {
            return None;
        }
        let loose = [&self.git_dir, &self.common_dir]
            .into_iter()
            .find_map(|folder| read_short_file(&folder.join(name), MAX_FILE_BYTES));
        loose.or_else(|| {
            let packed = read_short_file(&self.common_dir.join("packed-refs"), MAX_PACKED_REFS_BYTES)?;
            let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
            let (id, _) = lines.find(|(_, known)| *known == name)?;
            Some(id.to_owned())
        })
    }

    /// Returns the addresses of its remotes.
    pub fn remotes(&self) -> Vec<String> {
        let of_remote = |entry: ConfigEntry| (entry.section == "remote" && entry.key == "url").then_some(entry.value);
        self.configuration().into_iter().filter_map(of_remote).collect()
    }

    /// Returns the settings by which this file system and this checkout differ from usual, if their values are words of git. None of them
    /// names a program.
    pub fn checkout_settings(&self) -> Vec<(String, String)> {
        const KEYS: [&str; 5] = ["autocrlf", "filemode", "ignorecase", "precomposeunicode", "symlinks"];
        let known = |entry: ConfigEntry| {
            let is_known = entry.section == "core" && KEYS.contains(&entry.key.as_str());
            let is_word = ["true", "false", "input"].contains(&entry.value.as_str());
            (is_known && is_word).then_some((entry.key, entry.value))
        };
        self.configuration().into_iter().filter_map(known).collect()
    }

    /// Reads the repository's own configuration, without the files that it includes, and without evaluating anything.
    fn configuration(&self) -> Vec<ConfigEntry> {
        let text = read_short_file(&self.common_dir.join("config"), MAX_FILE_BYTES).unwrap_or_default();
        let mut section = String::new();
        let mut entries = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                let name = header.split([']', ' ', '"']).next().unwrap_or_default();
                section = name.to_ascii_lowercase();
            } else if let Some((key, value)) = line.split_once('=') {
                entries.push(ConfigEntry {
                    section: section.clone(),
                    key: key.trim().to_ascii_lowercase(),
                    value: value.trim().trim_matches('"').to_owned(),
                });
            }
        }
        entries
    }
}

struct ConfigEntry {
    section: String,
    key: String,
    value: String,
}

/// Says whether a text is the id of an object: SHA-1 or SHA-256.
fn is_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads a regular file with at most `most` bytes. Other files, such as pipes, might block or never end.
pub(crate) fn read_short_file(path: &Path, most: u64) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    let is_short = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
    is_short.then(|| String::from_utf8(bytes).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn repository(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join(".git/objects")).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (folder, root)
    }

    fn commit(files: &[(&str, &str)]) -> Option<String> {
        let (_folder, root) = repository(files);
        Repository::open(&root)?.commit()
    }

    #[test]
    fn a_commit_is_read_as_git_stores_it() {
        let head = (".git/HEAD", "ref: refs/heads/main\n");
        let id = format!("{ID}\n");
        assert_eq!(commit(&[(".git/HEAD", &id)]).as_deref(), Some(ID), "detached");
        assert_eq!(commit(&[head, (".git/refs/heads/main", &id)]).as_deref(), Some(ID));
        let packed = format!("# pack-refs with: peeled\n{ID} refs/heads/main\n^{ID}\n");
        assert_eq!(commit(&[head, (".git/packed-refs", &packed)]).as_deref(), Some(ID));
        assert_eq!(commit(&[head]), None, "nothing is committed");
        let circle = (".git/refs/heads/main", "ref: refs/heads/main\n");
        assert_eq!(commit(&[head, circle]), None);
    }

    #[test]
    fn a_reference_leads_nowhere_else() {
        for name in ["refs/../../../etc/passwd", "/etc/passwd", "config", "refs//../x"] {
            let head = format!("ref: {name}\n");
            assert_eq!(commit(&[(".git/HEAD", &head)]), None, "{name}");
        }
        assert_eq!(
            commit(&[(".git/HEAD", "root:x:0:0\n")]),
            None,
            "what is not an id isn't shown"
        );
    }

    #[test]
    fn a_linked_work_tree_has_its_own_head() {
        let (_folder, root) = repository(&[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/refs/heads/side", ID),
            (".git/worktrees/side/HEAD", "ref: refs/heads/side\n"),
            (".git/worktrees/side/commondir", "../..\n"),
            ("side/.git", "gitdir: ../.git/worktrees/side\n"),
            ("side/deploy/a.yaml", ""),
        ]);
        let found = Repository::find(&root.join("side/deploy"), &[]).unwrap();
        assert_eq!(
            (found.root.clone(), found.commit().as_deref()),
            (root.join("side"), Some(ID))
        );
        assert_eq!(Repository::find(&root, &[]).unwrap().root, root);
    }

    #[test]
    fn a_bare_repository_among_files_is_none() {
        let (_folder, root) = repository(&[
            (".git/HEAD", ID),
            ("deploy/HEAD", "ref: refs/heads/main\n"),
            ("deploy/config", "[core]\n\tfsmonitor = \"touch PWNED\"\n"),
            ("deploy/objects/x", ""),
        ]);
        assert_eq!(Repository::find(&root.join("deploy"), &[]).unwrap().root, root);
    }

    #[test]
    fn remotes_are_read_as_text() {
        let config = "[core]\n\tfilemode = false\n\tfsmonitor = \"touch PWNED\"\n\tsshCommand = evil\n[remote \"origin\"]\n\
                      \turl = https://example.com/store.git\n[include]\n\tpath = /etc/passwd\n[Remote \"two\"]\n  URL = git@b:c\n";
        let (_folder, root) = repository(&[(".git/HEAD", ID), (".git/config", config)]);
        let found = Repository::open(&root).unwrap();
        assert_eq!(found.remotes(), ["https://example.com/store.git", "git@b:c"]);
        assert_eq!(found.checkout_settings(), [("filemode".to_owned(), "false".to_owned())]);
    }
}
