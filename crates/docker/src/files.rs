//! The pods' own `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`, on the host.
//!
//! All containers of a pod mount the same three files, so Docker's own resolver is out of the way and a container's
//! change of `/etc/hosts` is seen by its neighbours, as in Kubernetes.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use bollard::models::{Mount, MountType};
use plan::action::Files;

/// The files' names here and the paths in the containers.
const FILES: [(&str, &str); 3] =
    [("hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")];

/// A directory with one directory for each pod uid.
#[derive(Clone, Debug)]
pub(crate) struct PodFiles {
    dir: PathBuf,
}

impl PodFiles {
    /// Makes the directory, for its owner only: containers see the files alone, through their mounts.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.canonicalize()? })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a pod's files in place: running containers hold on to the files, not to their names.
    pub(crate) fn write(&self, uid: &str, files: &Files) -> io::Result<()> {
        let dir = self.of(uid)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        for ((name, _), content) in FILES.iter().zip([&files.hosts, &files.hostname, &files.resolv_conf]) {
            let path = dir.join(name);
            fs::write(&path, content)?;
            // Whatever the umask: the containers' users read them.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }

    /// The mounts of a pod's files, those left out whose paths are in `mounted` already.
    pub(crate) fn mounts(&self, uid: &str, mounted: &HashSet<&str>) -> io::Result<Vec<Mount>> {
        let dir = self.of(uid)?;
        let free = FILES.iter().filter(|(_, path)| !mounted.contains(path));
        Ok(free
            .map(|(name, path)| Mount {
                typ: Some(MountType::BIND),
                source: Some(dir.join(name).to_string_lossy().into_owned()),
                target: Some((*path).to_owned()),
                ..Mount::default()
            })
            .collect())
    }

    /// A file of a pod's that a container may write to, made empty where it is absent.
    pub(crate) fn open_to_all(&self, uid: &str, name: &str) -> io::Result<PathBuf> {
        let dir = self.of(uid)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let path = dir.join(name);
        fs::OpenOptions::new().create(true).append(true).open(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
        Ok(path)
    }

    /// Opens such a file.
    pub(crate) fn reopen(&self, uid: &str, name: &str) -> io::Result<fs::File> {
        fs::File::open(self.of(uid)?.join(name))
    }

    /// Removes a pod's files; absent ones are success.
    pub(crate) fn remove(&self, uid: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.of(uid)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the files of all pods but those of `keep`.
    pub(crate) fn retain(&self, keep: &HashSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let uid = entry?.file_name().to_string_lossy().into_owned();
            // What is hidden is no pod's.
            if !uid.starts_with('.') && !keep.contains(&uid) {
                self.remove(&uid)?;
            }
        }
        Ok(())
    }

    /// A uid comes from the API, where it is generated; it must be one directory here all the same.
    fn of(&self, uid: &str) -> io::Result<PathBuf> {
        let is_name = !uid.is_empty() && uid.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        is_name
            .then(|| self.dir.join(uid))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("`{uid}` is not a uid")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_and_go_with_their_pod() {
        let dir = tempfile::tempdir().unwrap();
        let files = PodFiles::open(&dir.path().join("pods")).unwrap();
        let content = Files {
            hosts: "127.0.0.1 localhost\n".to_owned(),
            hostname: "web-0\n".to_owned(),
            resolv_conf: "nameserver 10.88.0.1\n".to_owned(),
        };
        files.write("a-1", &content).unwrap();
        files.write("b-2", &content).unwrap();
        let hosts = files.dir().join("a-1/hosts");
        assert_eq!(fs::read_to_string(&hosts).unwrap(), "127.0.0.1 localhost\n");
        assert_eq!(fs::metadata(&hosts).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::metadata(files.dir()).unwrap().permissions().mode() & 0o777, 0o700);

        files.retain(&HashSet::from(["b-2".to_owned()])).unwrap();
        assert!(!hosts.exists() && files.dir().join("b-2").exists());
        files.remove("b-2").unwrap();
        files.remove("b-2").unwrap();
        assert_eq!(fs::read_dir(files.dir()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_that_the_container_mounts_itself_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let files = PodFiles::open(dir.path()).unwrap();
        let mounts = files.mounts("a-1", &HashSet::from(["/etc/hosts", "/data"])).unwrap();
        let targets: Vec<_> = mounts.into_iter().filter_map(|mount| mount.target).collect();
        assert_eq!(targets, ["/etc/hostname", "/etc/resolv.conf"]);
    }

    #[test]
    fn a_uid_is_never_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let files = PodFiles::open(dir.path()).unwrap();
        for uid in ["", "..", "a/b", "."] {
            assert!(files.write(uid, &Files::default()).is_err(), "{uid}");
        }
    }
}
