//! Checks every folder from the root to a path.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, DirBuilder, Metadata},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use crate::NotPrivate;

/// The maximum number of symbolic links, as in Linux.
const MAX_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const GROUP_AND_OTHERS_WRITE: u32 = 0o022;

/// Returns an absolute path without links, after checking every folder and link on it. Missing folders are created.
pub(crate) fn resolve_folder(path: &Path) -> Result<PathBuf, NotPrivate> {
    let mut left: VecDeque<OsString> = steps(path);
    let mut here = PathBuf::from("/");
    check_folder(&here, &metadata(&here)?, left.is_empty())?;
    let mut links = 0;
    while let Some(step) = left.pop_front() {
        if step == ".." {
            // It contains no links.
            here.pop();
            continue;
        }
        let next = here.join(&step);
        let found = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_folder(&next)?;
                metadata(&next)?
            }
            found => found.map_err(NotPrivate::io(&next))?,
        };
        if found.is_symlink() {
            check_owner(&next, &found)?;
            links += 1;
            if links > MAX_LINKS {
                return Err(NotPrivate::Links(path.to_owned()));
            }
            let target = fs::read_link(&next).map_err(NotPrivate::io(&next))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for step in steps(&target).into_iter().rev() {
                left.push_front(step);
            }
        } else {
            check_folder(&next, &found, left.is_empty())?;
            here = next;
        }
    }
    // The last step may have been `..` or a link to the root.
    check_folder(&here, &metadata(&here)?, true)?;
    Ok(here)
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let is_step = |component: &Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    let steps = path.components().filter(is_step);
    steps.map(|component| component.as_os_str().to_owned()).collect()
}

fn metadata(path: &Path) -> Result<Metadata, NotPrivate> {
    fs::symlink_metadata(path).map_err(NotPrivate::io(path))
}

/// Creates one folder, whose parent was checked.
fn create_folder(path: &Path) -> Result<(), NotPrivate> {
    match DirBuilder::new().mode(0o700).create(path) {
        // Another process created it first; it is checked like any other.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(NotPrivate::io(path)),
    }
}

fn check_folder(path: &Path, found: &Metadata, is_last: bool) -> Result<(), NotPrivate> {
    if !found.is_dir() {
        return Err(NotPrivate::NotAFolder(path.to_owned()));
    }
    check_owner(path, found)?;
    // Others can add files to a sticky folder, so only a parent may be one.
    let is_guarded = found.mode() & STICKY != 0 && !is_last;
    if found.mode() & GROUP_AND_OTHERS_WRITE != 0 && !is_guarded {
        return Err(writable_error(path, found));
    }
    Ok(())
}

fn check_owner(path: &Path, found: &Metadata) -> Result<(), NotPrivate> {
    if [0, rustix::process::geteuid().as_raw()].contains(&found.uid()) {
        return Ok(());
    }
    Err(NotPrivate::Owner {
        path: path.to_owned(),
        owner: found.uid(),
    })
}

fn writable_error(path: &Path, found: &Metadata) -> NotPrivate {
    NotPrivate::Writable {
        path: path.to_owned(),
        mode: found.mode() & 0o7777,
    }
}

/// Checks an open file.
pub(crate) fn check_file(path: &Path, found: &Metadata) -> Result<(), NotPrivate> {
    check_owner(path, found)?;
    if found.mode() & GROUP_AND_OTHERS_WRITE != 0 {
        return Err(writable_error(path, found));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::PrivateFolder;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        PrivateFolder::open(path).unwrap_err().to_string()
    }

    /// A folder without links in its path, as in macOS's `/tmp`.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn a_missing_folder_is_made_for_this_user_alone() {
        let (_guard, place) = place();
        let folder = PrivateFolder::open(&place.join("deep/plugins")).unwrap();
        assert_eq!(folder.path(), place.join("deep/plugins"));
        for made in ["deep", "deep/plugins"] {
            assert_eq!(metadata(&place.join(made)).unwrap().mode() & 0o777, 0o700, "{made}");
        }
        folder.write("a", &[b"x"]).unwrap();
        assert_eq!(metadata(&place.join("deep/plugins/a")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used_wherever_it_is_in_the_path() {
        for mode in [0o777, 0o775, 0o757, 0o720, 0o702] {
            for at in ["a", "a/b", "a/b/c"] {
                let (_guard, place) = place();
                fs::create_dir_all(place.join("a/b/c")).unwrap();
                for folder in ["a", "a/b", "a/b/c"] {
                    chmod(&place.join(folder), 0o755);
                }
                PrivateFolder::open(&place.join("a/b/c")).unwrap();
                chmod(&place.join(at), mode);
                let wrong = place.join(at);
                let wrong = wrong.display();
                assert_eq!(
                    refusal(&place.join("a/b/c")),
                    format!("other users can write to {wrong} (mode {mode:04o}); to fix it: chmod go-w {wrong}")
                );
            }
        }
    }

    #[test]
    fn nothing_is_made_in_a_folder_that_others_can_write_to() {
        let (_guard, place) = place();
        chmod(&place, 0o777);
        assert!(refusal(&place.join("plugins")).contains("to fix it: chmod go-w"));
        assert!(!place.join("plugins").exists());
    }

    #[test]
    fn a_sticky_folder_may_be_above_and_is_not_used_itself() {
        let (_guard, place) = place();
        chmod(&place, 0o1777);
        PrivateFolder::open(&place.join("plugins")).unwrap();
        assert!(refusal(&place).contains("(mode 1777)"));
    }

    #[test]
    fn links_of_our_own_are_followed_and_what_they_lead_through_is_judged() {
        let (_guard, place) = place();
        fs::create_dir_all(place.join("real/plugins")).unwrap();
        symlink("real", place.join("link")).unwrap();
        symlink(place.join("link/../link/plugins"), place.join("far")).unwrap();
        let folder = PrivateFolder::open(&place.join("far")).unwrap();
        assert_eq!(folder.path(), place.join("real/plugins"));
        chmod(&place.join("real"), 0o770);
        assert!(refusal(&place.join("far")).contains("real (mode 0770)"));
        symlink(place.join("round"), place.join("round")).unwrap();
        assert!(refusal(&place.join("round")).ends_with("has too many symbolic links in its path"));
        fs::write(place.join("file"), "").unwrap();
        assert!(refusal(&place.join("file")).ends_with("file is not a folder"));
    }

    #[test]
    fn what_belongs_to_another_user_is_not_used() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can give a file to another user");
            return;
        }
        let (_guard, place) = place();
        let folder = PrivateFolder::open(&place.join("theirs/plugins")).unwrap();
        folder.write("code", &[b"x"]).unwrap();
        folder.read("code").unwrap();
        chown(place.join("theirs/plugins/code"), Some(2000), None).unwrap();
        let error = folder.read("code").unwrap_err().to_string();
        assert!(error.contains("code belongs to user 2000"), "{error}");

        chown(place.join("theirs"), Some(2000), None).unwrap();
        assert!(refusal(&place.join("theirs/plugins")).contains("theirs belongs to user 2000"));

        fs::create_dir(place.join("ours")).unwrap();
        symlink(place.join("ours"), place.join("link")).unwrap();
        std::os::unix::fs::lchown(place.join("link"), Some(2000), None).unwrap();
        assert!(refusal(&place.join("link")).contains("link belongs to user 2000"));
    }

    #[test]
    fn a_file_is_opened_once_and_stays_the_one_that_was_opened() {
        use std::io::Read as _;
        let (_guard, place) = place();
        let folder = PrivateFolder::open(&place).unwrap();
        folder.write("code", &[b"on", b"e"]).unwrap();
        let mut file = folder.read("code").unwrap();
        folder.write("code", &[b"two"]).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one");
        chmod(&place.join("code"), 0o620);
        assert!(folder.read("code").unwrap_err().to_string().contains("(mode 0620)"));
        fs::create_dir(place.join("dir")).unwrap();
        assert!(
            folder
                .read("dir")
                .unwrap_err()
                .to_string()
                .ends_with("is not a regular file")
        );
        assert!(folder.read("none").unwrap_err().is_missing());
    }
}
