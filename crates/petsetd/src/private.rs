//! Files and directories that only their owner may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a private file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateError {
    #[error("{} can be read by others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("{} can be changed by others (mode {mode:03o}); run: chmod go-w {}", path.display(), path.display())]
    Writable { path: PathBuf, mode: u32 },
    #[error("{} belongs to the user {owner}, not to the one that runs petsetd; run: chown {user} {}", path.display(), path.display())]
    Owner { path: PathBuf, owner: u32, user: u32 },
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("make the directory {} (--data-dir and --runtime-dir name others)", path.display())]
    MakeDir { path: PathBuf, source: io::Error },
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Makes a directory, and those above it, for its owner alone. One that exists is left as it is.
pub(crate) fn make_dir(path: &Path) -> Result<(), PrivateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| PrivateError::MakeDir { path: path.to_owned(), source })
}

/// Makes sure of a directory on which all others rest: it is ours or root's, and nobody else can put a file in it.
///
/// One that others may only look into is left as it is: what is secret in it has a mode of its own.
pub(crate) fn check_dir(path: &Path) -> Result<(), PrivateError> {
    let there = fs::metadata(path).map_err(|source| PrivateError::Read { path: path.to_owned(), source })?;
    check_owner(path, &there)?;
    let mode = there.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(PrivateError::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Makes a directory for its owner alone, and closes one that is open to others, with a warning.
pub(crate) fn close_dir(path: &Path) -> Result<(), PrivateError> {
    make_dir(path)?;
    let failed = |source| PrivateError::MakeDir { path: path.to_owned(), source };
    let there = fs::symlink_metadata(path).map_err(failed)?;
    check_owner(path, &there)?;
    let mode = there.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        tracing::warn!(path = %path.display(), mode = format!("{mode:03o}"), "was open to others, and is closed now");
    }
    Ok(())
}

fn check_owner(path: &Path, there: &fs::Metadata) -> Result<(), PrivateError> {
    let (owner, user) = (there.uid(), nix::unistd::geteuid().as_raw());
    if owner == user || owner == 0 {
        return Ok(());
    }
    Err(PrivateError::Owner { path: path.to_owned(), owner, user })
}

/// Reads a file, if it exists. Errors where others than its owner could have read it.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PrivateError> {
    let failed = |source| PrivateError::Read { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let there = file.metadata().map_err(failed)?;
    check_owner(path, &there)?;
    let mode = there.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateError::Readable { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// Writes a file as [`write()`] does, unless that is what it holds: a full disk is no reason against a start that changes
/// nothing.
pub(crate) fn keep(path: &Path, text: &str) -> Result<(), PrivateError> {
    match read(path) {
        Ok(Some(there)) if there == text => Ok(()),
        // One that others can read is made anew too.
        Ok(_) | Err(_) => write(path, text),
    }
}

/// Writes a file in one step: whoever reads it sees the old content or the new, also after a crash.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), PrivateError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = || {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    written().map_err(|source| PrivateError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        make_dir(&inner).unwrap();
        assert_eq!((mode(&dir.path().join("a")), mode(&inner)), (0o700, 0o700));
        let file = inner.join("token");
        assert_eq!(read(&file).unwrap(), None);
        write(&file, "first").unwrap();
        fs::write(inner.join("token.new"), "left by a crash").unwrap();
        write(&file, "second").unwrap();
        assert_eq!((read(&file).unwrap().as_deref(), mode(&file)), (Some("second"), 0o600));
        assert!(!inner.join("token.new").exists());

        let inode = || fs::metadata(&file).unwrap().ino();
        let before = inode();
        keep(&file, "second").unwrap();
        assert_eq!(inode(), before, "what is so already is not written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        keep(&file, "second").unwrap();
        assert_eq!((read(&file).unwrap().as_deref(), mode(&file)), (Some("second"), 0o600));
        keep(&file, "third").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("third"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_helps() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        fs::write(&file, "secret").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let place = file.display();
        assert_eq!(
            read(&file).unwrap_err().to_string(),
            format!("{place} can be read by others (mode 640); run: chmod 600 {place}")
        );
    }

    #[test]
    fn a_directory_that_others_can_change_is_refused_and_one_that_holds_objects_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        for (mode, expected) in
            [(0o700, None), (0o755, None), (0o775, Some("775")), (0o757, Some("757")), (0o1777, Some("1777"))]
        {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            let expected =
                expected.map(|mode| format!("{place} can be changed by others (mode {mode}); run: chmod go-w {place}"));
            assert_eq!(check_dir(dir.path()).err().map(|error| error.to_string()), expected);
        }
        let store = dir.path().join("store");
        fs::create_dir(&store).unwrap();
        fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
        close_dir(&store).unwrap();
        assert_eq!(mode(&store), 0o700);
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        fs::write(&file, "secret").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        if std::os::unix::fs::chown(&file, Some(12345), None).is_err() {
            assert_eq!(read(&file).unwrap().as_deref(), Some("secret"));
            return;
        }
        let place = file.display();
        let expected =
            format!("{place} belongs to the user 12345, not to the one that runs petsetd; run: chown 0 {place}");
        assert_eq!(read(&file).unwrap_err().to_string(), expected);
    }
}
