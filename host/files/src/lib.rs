//! Writes files atomically: whole or not at all, under a temporary name until they are complete, and readable only by their owner where
//! they may contain secrets.
#![forbid(unsafe_code)]

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use tempfile::Builder;

/// Who may read a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner (`0600`): it may contain secrets.
    Owner,
    /// As for the file that is replaced; for a new one as the umask says.
    Inherited,
}

/// Writes a file atomically: to a temporary file with a random name in the same folder, which then replaces `path`.
///
/// A symbolic link at `path` is replaced, and its target is left unchanged, because in a folder that other users can write to it may be a trap.
/// Special files like `/dev/stdout` or a named pipe are written to directly.
///
/// # Errors
///
/// Returns why it can't be written. `path` is then unchanged.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    if is_special(path) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    set_mode(&mut builder, readers);
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let (Readers::Inherited, Ok(old)) = (readers, fs::symlink_metadata(path))
        && old.is_file()
    {
        // The umask applied to the mode of the new file. The mode of the old file was chosen.
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder);
    Ok(())
}

/// Creates a file that doesn't exist yet, in a folder that is a cache: neither atomically nor durably. A symbolic link at `path` is an
/// existing file.
///
/// # Errors
///
/// Returns why it can't be created.
pub fn create(path: &Path, bytes: &[u8], is_executable: bool) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_executable { 0o755 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = is_executable;
    options.open(path)?.write_all(bytes)
}

/// Creates a symbolic link. On systems where not everybody may do that, creates a file with the target, as git does there.
///
/// # Errors
///
/// Returns why it can't be created.
pub fn create_link(path: &Path, target: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
    }
    #[cfg(not(unix))]
    create(path, target, false)
}

/// Returns whether a path is written to directly: a device, a pipe, an open file of a process.
fn is_special(path: &Path) -> bool {
    let is_of_system = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    is_of_system || fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

#[cfg(unix)]
fn set_mode(builder: &mut Builder<'_, '_>, readers: Readers) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(fs::Permissions::from_mode(match readers {
        Readers::Owner => 0o600,
        Readers::Inherited => 0o666,
    }));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: Readers) {}

/// Makes the rename durable. Not every file system supports that; the file itself is safe in any case.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        folder.sync_all().ok();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    #[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_holds_secrets_is_for_its_owner_alone_also_where_others_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new", Readers::Owner).unwrap();
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), mode(&path)),
            ("new", 0o600)
        );
    }

    #[test]
    fn other_files_keep_the_permissions_that_they_had() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sh");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        write(&path, b"new", Readers::Inherited).unwrap();
        assert_eq!(mode(&path), 0o750);
    }

    #[test]
    fn a_file_with_a_name_beside_it_is_left_alone_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("p.new"), "mine").unwrap();
        write(&folder.path().join("p.json"), b"{}", Readers::Owner).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("p.new")).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        write(&link, b"ours", Readers::Owner).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        // A link to nothing neither makes what it leads to.
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("nothing"), &dangling).unwrap();
        write(&dangling, b"ours", Readers::Inherited).unwrap();
        assert!(!folder.path().join("nothing").exists());
    }

    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        write(Path::new("/dev/null"), b"gone", Readers::Owner).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = write(Path::new("/dev/full"), b"gone", Readers::Owner);
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&folder.path().join("no/file"), b"", Readers::Inherited).is_err());
        assert!(write(folder.path(), b"", Readers::Inherited).is_err());
        assert!(folder.path().is_dir());
    }
}
