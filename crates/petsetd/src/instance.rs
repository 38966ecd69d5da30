//! One daemon per instance: its directories, the lock on them, and where others find it while it runs.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use serde::Serialize;

use crate::config::Config;
use crate::private::{self, PrivateError};

/// Holds the daemon's pid, and the lock.
const LOCK_FILE: &str = "petsetd.pid";

/// Tells others on this machine where the daemon is.
const ENDPOINT_FILE: &str = "endpoint.json";

/// Why this daemon cannot be the instance's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceError {
    #[error(
        "instance `{instance}` is run by another petsetd (pid {pid}, {} is locked): stop that one, or name another \
         instance with --instance",
        file.display()
    )]
    Running { instance: String, pid: String, file: PathBuf },
    #[error("lock {}", file.display())]
    Lock { file: PathBuf, source: io::Error },
    #[error("{} is in the way of the socket: remove it, or name another path with --socket", path.display())]
    NotASocket { path: PathBuf },
    #[error("remove {}", dir.display())]
    Erase { dir: PathBuf, source: io::Error },
    #[error("listen on {}", path.display())]
    Socket { path: PathBuf, source: io::Error },
    #[error(transparent)]
    File(#[from] PrivateError),
}

/// The instance, which is this process's until it ends.
#[derive(Debug)]
pub(crate) struct Instance {
    data_dir: PathBuf,
    runtime_dir: PathBuf,
    socket: PathBuf,
    /// Locked for as long as they are open. The data directory is for what is in it, the runtime directory for what is
    /// in Docker: a second daemon with another data directory would fight over the same containers.
    _locks: Vec<File>,
}

/// Where the daemon is, for those who may read its runtime directory.
#[derive(Debug, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) pid: u32,
    /// The version of petsetd.
    pub(crate) version: String,
    /// The API over HTTPS, `https://127.0.0.1:7474`.
    pub(crate) url: String,
    /// The API over plain HTTP.
    pub(crate) socket: PathBuf,
    /// The DNS for this machine, `127.0.0.1:10053`.
    pub(crate) dns: SocketAddr,
    pub(crate) kubeconfig: PathBuf,
}

impl Instance {
    /// Makes the directories and takes the instance; errors where another daemon has it.
    pub(crate) fn claim(config: &Config) -> Result<Instance, InstanceError> {
        let mut locks = Vec::new();
        for dir in [&config.data_dir, &config.runtime_dir] {
            private::make_dir(dir)?;
            private::check_dir(dir)?;
            // One directory may serve as both.
            if locks.is_empty() || config.runtime_dir != config.data_dir {
                locks.push(lock(&dir.join(LOCK_FILE), &config.instance)?);
            }
        }
        let instance = Instance {
            data_dir: config.data_dir.clone(),
            runtime_dir: config.runtime_dir.clone(),
            socket: config.socket.clone(),
            _locks: locks,
        };
        // A daemon that was killed left it behind.
        remove(&instance.runtime_dir.join(ENDPOINT_FILE));
        Ok(instance)
    }

    /// Listens on the unix socket, which its owner alone may open. One that a killed daemon left is replaced.
    ///
    /// Changes the process's file mode mask for a moment: call it before there are other threads that make files.
    pub(crate) fn listen(&self) -> Result<UnixListener, InstanceError> {
        let path = &self.socket;
        if let Some(dir) = path.parent() {
            private::make_dir(dir)?;
        }
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => remove(path),
            Ok(_) => return Err(InstanceError::NotASocket { path: path.clone() }),
            Err(_) => {}
        }
        let mask = umask(Mode::S_IRWXG | Mode::S_IRWXO);
        let listener = UnixListener::bind(path);
        umask(mask);
        let failed = |source| InstanceError::Socket { path: path.clone(), source };
        let listener = listener.map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        // As tokio wants it.
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }

    /// Says where the daemon is; to be called when it answers there.
    pub(crate) fn announce(&self, endpoint: &Endpoint) -> Result<(), InstanceError> {
        let text = serde_json::to_string_pretty(endpoint).expect("an endpoint is JSON");
        Ok(private::write(&self.runtime_dir.join(ENDPOINT_FILE), &format!("{text}\n"))?)
    }

    /// Removes the instance's directories with all that is in them.
    pub(crate) fn erase(self) -> Result<(), InstanceError> {
        for dir in [&self.data_dir, &self.runtime_dir] {
            match fs::remove_dir_all(dir) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(InstanceError::Erase { dir: dir.clone(), source });
                }
                Ok(()) | Err(_) => {}
            }
            // The directory that all instances share goes with the last of them: one that is not empty stays.
            if let Some(shared) = dir.parent().filter(|parent| parent.ends_with("petset")) {
                let _not_empty = fs::remove_dir(shared);
            }
        }
        Ok(())
    }

    /// Leaves no sign of a running daemon behind.
    pub(crate) fn leave(self) {
        remove(&self.runtime_dir.join(ENDPOINT_FILE));
        remove(&self.socket);
    }
}

/// Takes the lock and writes the pid. The file stays: a lock on a file that is being replaced is no lock.
fn lock(path: &Path, instance: &str) -> Result<File, InstanceError> {
    let failed = |source| InstanceError::Lock { file: path.to_owned(), source };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = open.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let (instance, pid) = (instance.to_owned(), pid.trim().to_owned());
            return Err(InstanceError::Running { instance, pid, file: path.to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // In place, for which a full disk has room.
    let write = |file: &mut File| {
        let pid = format!("{}\n", std::process::id());
        file.rewind()?;
        file.write_all(pid.as_bytes())?;
        file.set_len(pid.len() as u64)
    };
    write(&mut file).map_err(failed)?;
    Ok(file)
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "cannot remove");
        }
        Ok(()) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_of_an_instance_is_refused_and_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        let first = Instance::claim(&config).unwrap();
        assert_eq!(
            Instance::claim(&config).unwrap_err().to_string(),
            format!(
                "instance `default` is run by another petsetd (pid {}, {} is locked): stop that one, or name another \
                 instance with --instance",
                std::process::id(),
                dir.path().join("petsetd.pid").display()
            )
        );
        let elsewhere = Config { data_dir: dir.path().join("elsewhere"), ..config.clone() };
        assert!(matches!(Instance::claim(&elsewhere), Err(InstanceError::Running { .. })));
        first.leave();
        Instance::claim(&config).unwrap();
    }

    #[test]
    fn one_directory_may_serve_as_both() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { runtime_dir: dir.path().to_owned(), ..Config::for_tests(dir.path()) };
        Instance::claim(&config).unwrap();
    }

    #[test]
    fn the_socket_is_its_owners_alone_and_replaces_one_that_was_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        let instance = Instance::claim(&config).unwrap();
        drop(instance.listen().unwrap());
        assert!(config.socket.exists());
        let listener = instance.listen().unwrap();
        assert_eq!(fs::metadata(&config.socket).unwrap().permissions().mode() & 0o777, 0o600);
        drop(listener);
        instance.leave();
        assert!(!config.socket.exists());
    }

    #[test]
    fn a_file_in_the_way_of_the_socket_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        let instance = Instance::claim(&config).unwrap();
        fs::write(&config.socket, "precious").unwrap();
        assert!(matches!(instance.listen(), Err(InstanceError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&config.socket).unwrap(), "precious");
    }

    #[test]
    fn an_announcement_lasts_until_the_daemon_leaves_or_the_next_one_comes() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        let file = config.runtime_dir.join(ENDPOINT_FILE);
        let endpoint = || Endpoint {
            pid: 7,
            version: "0.1.0".to_owned(),
            url: "https://127.0.0.1:7474".to_owned(),
            socket: "/run/petset/default/petsetd.sock".into(),
            dns: "127.0.0.1:10053".parse().unwrap(),
            kubeconfig: "/var/lib/petset/default/kubeconfig".into(),
        };
        let instance = Instance::claim(&config).unwrap();
        instance.announce(&endpoint()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let expected = serde_json::json!({
            "pid": 7,
            "version": "0.1.0",
            "url": "https://127.0.0.1:7474",
            "socket": "/run/petset/default/petsetd.sock",
            "dns": "127.0.0.1:10053",
            "kubeconfig": "/var/lib/petset/default/kubeconfig",
        });
        assert_eq!(read, expected);
        instance.leave();
        assert!(!file.exists());

        let killed = Instance::claim(&config).unwrap();
        killed.announce(&endpoint()).unwrap();
        drop(killed);
        Instance::claim(&config).unwrap();
        assert!(!file.exists());
    }
}
