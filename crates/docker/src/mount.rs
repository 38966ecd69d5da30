//! Where a container's mounts come from, in Docker's words.

use std::{
    collections::HashSet,
    fs, io,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use bollard::models::{Mount as DockerMount, MountTmpfsOptions, MountType, Volume};
use plan::action::{Failure, Mount, Source, allowed_root};

use crate::{
    Docker,
    hold::{self, Place},
    volume::{DIRECTORY_MODE, volume_mount},
};

/// Anyone may write into a memory file system, as in a kubelet's `emptyDir`.
const MEMORY_MODE: i64 = 0o1777;

/// Directories that are made for a `hostPath`, as a kubelet makes them.
const HOST_DIRECTORY_MODE: u32 = 0o755;

/// A container's mounts. Docker has two ways to ask for one: a mount is refused when its source is absent, a bind makes
/// an absent source.
#[derive(Debug, Default, PartialEq)]
#[allow(clippy::struct_field_names, reason = "the words of Docker")]
pub(crate) struct Mounts {
    /// `HostConfig.Mounts`.
    pub(crate) mounts: Vec<DockerMount>,
    /// `HostConfig.Binds`.
    pub(crate) binds: Vec<String>,
    /// The volumes of which a part is among them, mounted as a path.
    pub(crate) parts: Vec<String>,
}

impl Docker {
    /// A container's own mounts, then the pod's files wherever the container does not mount something itself. Docker
    /// mounts shorter paths first, so a volume on `/etc` does not hide them.
    ///
    /// The place, if there is one, holds the paths: it must be kept until the container has started.
    pub(crate) async fn mounts(&self, uid: &str, mounts: &[Mount]) -> Result<(Mounts, Option<Place>), Failure> {
        let mut result = Mounts::default();
        let mut place = None;
        for mount in mounts {
            self.add_mount(mount, &mut result, &mut place).await?;
        }
        let mounted: HashSet<&str> = mounts.iter().map(|mount| mount.path.as_str()).collect();
        let files = self.files.mounts(uid, &mounted).map_err(|error| Failure::Refused(error.to_string()))?;
        result.mounts.extend(files);
        Ok((result, place))
    }

    async fn add_mount(&self, mount: &Mount, result: &mut Mounts, place: &mut Option<Place>) -> Result<(), Failure> {
        let sub_path = sub_path(&mount.sub_path)?;
        match &mount.source {
            Source::Volume(name) => {
                let volume = self.volume(name).await?;
                self.ready_disk(&volume).await?;
                if sub_path.as_os_str().is_empty() {
                    result.mounts.push(volume_mount(name, &mount.path, mount.read_only));
                } else {
                    self.add_part(&volume, &sub_path, mount, result, place).await?;
                }
            }
            Source::Files(name) => {
                let volume = self.volume(name).await?;
                if sub_path.as_os_str().is_empty() {
                    result.mounts.push(volume_mount(name, &mount.path, mount.read_only));
                } else {
                    self.add_file(&volume, &sub_path, mount, result, place)?;
                }
            }
            Source::Host { path, create } => {
                self.add_host_path(Path::new(path), *create, &sub_path, mount, result, place)?;
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

    /// A directory inside a volume: held by us, else by an engine that can. There is no other way that no link leads
    /// out of.
    async fn add_part(
        &self,
        volume: &Volume,
        sub_path: &Path,
        mount: &Mount,
        result: &mut Mounts,
        place: &mut Option<Place>,
    ) -> Result<(), Failure> {
        if self.holder.can_mount()
            && let Ok(root) = hold::open_root(Path::new(&volume.mountpoint))
        {
            let made = hold::make_below(&root, sub_path, DIRECTORY_MODE);
            let refused = |error| Failure::Refused(format!("directory in volume {}: {error}", volume.name));
            let held = self.hold(&made.map_err(refused)?, place).map_err(refused)?;
            result.mounts.push(path_mount(&held, mount));
            result.parts.push(volume.name.clone());
            return Ok(());
        }
        if !self.engine.knows_parts_of_volumes() {
            return Err(unsafe_part(mount));
        }
        self.make_through_engine(&volume.name, sub_path).await?;
        result.mounts.push(part_mount(&volume.name, sub_path, mount));
        Ok(())
    }

    /// A part of a volume of files, as it is now: links in it are ours, and lead to the version that counts.
    fn add_file(
        &self,
        volume: &Volume,
        sub_path: &Path,
        mount: &Mount,
        result: &mut Mounts,
        place: &mut Option<Place>,
    ) -> Result<(), Failure> {
        let root_path = Path::new(&volume.mountpoint);
        if self.holder.can_mount()
            && let Ok(root) = hold::open_root(root_path)
        {
            let refused = |error| Failure::Refused(format!("subPath `{}`: {error}", mount.sub_path));
            let opened = hold::open_below(&root, root_path, sub_path).map_err(refused)?;
            let held = self.hold(&opened, place).map_err(refused)?;
            result.mounts.push(path_mount(&held, mount));
            result.parts.push(volume.name.clone());
            return Ok(());
        }
        if !self.engine.knows_parts_of_volumes() {
            return Err(unsafe_part(mount));
        }
        result.mounts.push(part_mount(&volume.name, sub_path, mount));
        Ok(())
    }

    /// A path of the host below one that is allowed.
    fn add_host_path(
        &self,
        path: &Path,
        create: bool,
        sub_path: &Path,
        mount: &Mount,
        result: &mut Mounts,
        place: &mut Option<Place>,
    ) -> Result<(), Failure> {
        let refused = |why: &str| Failure::Refused(format!("hostPath `{}`: {why}", path.display()));
        let Some(root) = allowed_root(&self.allowed.host_paths, path) else {
            return Err(refused("this petsetd does not allow it (--allow-host-path does)"));
        };
        let rest = path.strip_prefix(root).unwrap_or(Path::new(""));
        if !(rest.as_os_str().is_empty() && sub_path.as_os_str().is_empty()) {
            let opened = open_host_path(root, rest, create, sub_path).map_err(|error| refused(&error.to_string()))?;
            if self.holder.can_mount() {
                let held = self.hold(&opened, place).map_err(|error| refused(&error.to_string()))?;
                result.mounts.push(path_mount(&held, mount));
                return Ok(());
            }
            if !sub_path.as_os_str().is_empty() {
                return Err(refused("a subPath of it can be mounted safely only by a petsetd that runs as root"));
            }
        }
        // What is allowed is allowed as its owner named it, links and all.
        if create {
            result.binds.push(bind(path, mount)?);
        } else {
            result.mounts.push(path_mount(path, mount));
        }
        Ok(())
    }

    /// A name that what was opened keeps until the container has started.
    fn hold(&self, opened: &OwnedFd, place: &mut Option<Place>) -> io::Result<PathBuf> {
        let place = match place {
            Some(place) => place,
            None => place.insert(self.holder.place()?),
        };
        place.hold(opened)
    }
}

/// Opens a path of the host: links in it may not leave the root, and there may be none in the `subPath`.
fn open_host_path(root_path: &Path, path: &Path, create: bool, sub_path: &Path) -> io::Result<OwnedFd> {
    if create {
        fs::create_dir_all(root_path)?;
    }
    let root = hold::open_root(root_path)?;
    let opened = match hold::open_below(&root, root_path, path) {
        Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
            hold::make_below(&root, path, HOST_DIRECTORY_MODE)
        }
        opened => opened,
    };
    hold::make_below(&opened?, sub_path, HOST_DIRECTORY_MODE)
}

/// A part that neither we nor the engine can hold on to.
fn unsafe_part(mount: &Mount) -> Failure {
    Failure::Refused(format!(
        "the subPath `{}` cannot be mounted safely: run petsetd as root on the engine's machine, or update Docker to 26 or \
         newer",
        mount.sub_path
    ))
}

/// A part of a volume by name. The engine follows no link in it that leads out of it.
fn part_mount(volume: &str, sub_path: &Path, mount: &Mount) -> DockerMount {
    let mut part = volume_mount(volume, &mount.path, mount.read_only);
    part.volume_options.get_or_insert_default().subpath = Some(sub_path.to_string_lossy().into_owned());
    part
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
    fn a_host_path_is_made_below_what_is_allowed_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("allowed");
        let open = |path: &str, create, sub_path: &str| {
            open_host_path(&root, Path::new(path), create, Path::new(sub_path)).map(drop).map_err(|error| error.kind())
        };
        assert_eq!(open("a", false, ""), Err(io::ErrorKind::NotFound));
        assert_eq!(open("a/b", true, "c"), Ok(()));
        assert!(root.join("a/b/c").is_dir());
        std::os::unix::fs::symlink(dir.path(), root.join("out")).unwrap();
        assert_eq!(open("out", true, ""), Err(io::ErrorKind::Other));
        assert_eq!(open("out/made", true, ""), Err(io::ErrorKind::Other));
        assert_eq!(open("", true, "out/made"), Err(io::ErrorKind::Other));
        assert!(!dir.path().join("made").exists());
    }

    #[test]
    fn a_part_of_a_volume_is_asked_for_by_name() {
        let mount = Mount {
            source: Source::Volume("v".to_owned()),
            path: "/data".to_owned(),
            sub_path: "a/b".to_owned(),
            read_only: true,
        };
        let part = serde_json::to_value(part_mount("v", Path::new("a/b"), &mount)).unwrap();
        let expected = serde_json::json!({
            "Type": "volume", "Source": "v", "Target": "/data", "ReadOnly": true,
            "VolumeOptions": {"NoCopy": true, "Subpath": "a/b"},
        });
        assert_eq!(part, expected);
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
