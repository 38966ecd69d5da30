//! Files and directories that only their owner may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a private file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateError {
    #[error("{} can be read by others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Readable { path: PathBuf, mode: u32 },
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

/// Reads a file, if it exists. Errors where others than its owner could have read it.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PrivateError> {
    let failed = |source| PrivateError::Read { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateError::Readable { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
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
}
