//! Where a container's mounts come from, in Docker's words.

use std::{
    collections::HashSet,
    path::{Component, Path, PathBuf},
};

use bollard::models::{Mount as DockerMount, MountTmpfsOptions, MountType};
use plan::action::{Failure, Mount, Source};

use crate::{Docker, volume::volume_mount};

/// Anyone may write into a memory file system, as in a kubelet's `emptyDir`.
const MEMORY_MODE: i64 = 0o1777;

/// A container's mounts. Docker has two ways to ask for one: a mount is refused when its source is absent, a bind makes
/// an absent source.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mounts {
    /// `HostConfig.Mounts`.
    pub(crate) mounts: Vec<DockerMount>,
    /// `HostConfig.Binds`.
    pub(crate) binds: Vec<String>,
}

impl Docker {
    /// A container's own mounts, then the pod's files wherever the container does not mount something itself. Docker
    /// mounts shorter paths first, so a volume on `/etc` does not hide them.
    pub(crate) async fn mounts(&self, uid: &str, mounts: &[Mount]) -> Result<Mounts, Failure> {
        let mut result = Mounts::default();
        for mount in mounts {
            self.add_mount(mount, &mut result).await?;
        }
        let mounted: HashSet<&str> = mounts.iter().map(|mount| mount.path.as_str()).collect();
        let files = self.files.mounts(uid, &mounted).map_err(|error| Failure::Refused(error.to_string()))?;
        result.mounts.extend(files);
        Ok(result)
    }

    async fn add_mount(&self, mount: &Mount, result: &mut Mounts) -> Result<(), Failure> {
        let sub_path = sub_path(&mount.sub_path)?;
        match &mount.source {
            Source::Volume(name) => {
                let volume = self.volume(name).await?;
                if sub_path.as_os_str().is_empty() {
                    result.mounts.push(volume_mount(name, &mount.path, mount.read_only));
                } else {
                    self.make_directory(&volume, &sub_path).await?;
                    result.mounts.push(path_mount(&Path::new(&volume.mountpoint).join(sub_path), mount));
                }
            }
            Source::Host { path, create } => {
                let source = inside(path, &sub_path);
                if *create || !sub_path.as_os_str().is_empty() {
                    result.binds.push(bind(&source, mount)?);
                } else {
                    result.mounts.push(path_mount(&source, mount));
                }
            }
            Source::Memory { size } => result.mounts.push(DockerMount {
                typ: Some(MountType::TMPFS),
                target: Some(mount.path.clone()),
                read_only: Some(mount.read_only),
                tmpfs_options: Some(MountTmpfsOptions {
                    size_bytes: size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
                    mode: Some(MEMORY_MODE),
                    ..MountTmpfsOptions::default()
                }),
                ..DockerMount::default()
            }),
        }
        Ok(())
    }
}

/// A path inside another. Joined with nothing it stays as it is: with a slash at its end it would be a directory's.
fn inside(path: &str, sub_path: &Path) -> PathBuf {
    let path = Path::new(path);
    if sub_path.as_os_str().is_empty() { path.to_owned() } else { path.join(sub_path) }
}

/// A path of the engine's host, which must exist.
fn path_mount(source: &Path, mount: &Mount) -> DockerMount {
    DockerMount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(mount.path.clone()),
        read_only: Some(mount.read_only),
        ..DockerMount::default()
    }
}

/// A path of the engine's host, made as a directory if absent. Its parts are separated by colons, so the paths may
/// have none.
fn bind(source: &Path, mount: &Mount) -> Result<String, Failure> {
    let source = source.to_string_lossy();
    if let Some(path) = [source.as_ref(), mount.path.as_str()].into_iter().find(|path| path.contains(':')) {
        return Err(Failure::Refused(format!("Docker cannot make the directory `{path}`: it contains a colon")));
    }
    let mode = if mount.read_only { "ro" } else { "rw" };
    Ok(format!("{source}:{}:{mode}", mount.path))
}

/// A `subPath`, checked to stay inside its volume.
fn sub_path(text: &str) -> Result<PathBuf, Failure> {
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Failure::Refused(format!("the subPath `{text}` leads out of its volume")));
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_path_stays_inside() {
        assert_eq!(sub_path("a/./b/").unwrap(), Path::new("a/b"));
        assert_eq!(sub_path("").unwrap(), Path::new(""));
        for out in ["/etc", "..", "a/../../b"] {
            assert!(sub_path(out).is_err(), "{out}");
        }
    }

    #[test]
    fn a_file_of_the_host_is_no_directory() {
        assert_eq!(inside("/run/docker.sock", Path::new("")).to_str(), Some("/run/docker.sock"));
        assert_eq!(inside("/run", Path::new("docker.sock")).to_str(), Some("/run/docker.sock"));
    }

    #[test]
    fn a_bind_says_whether_it_is_read_only() {
        let mount = |path: &str, read_only| Mount {
            source: Source::Host { path: "/srv".to_owned(), create: true },
            path: path.to_owned(),
            sub_path: String::new(),
            read_only,
        };
        assert_eq!(bind(Path::new("/srv"), &mount("/data", true)).unwrap(), "/srv:/data:ro");
        assert_eq!(bind(Path::new("/srv"), &mount("/data", false)).unwrap(), "/srv:/data:rw");
        assert!(bind(Path::new("/srv"), &mount("/a:b", false)).is_err());
    }
}
