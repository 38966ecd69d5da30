//! Volumes that hold no more than was asked for: each is a file system of its own.
//!
//! Docker's local volumes are directories of the engine's disk, and hold as much as it does. Where petsetd runs as root on the
//! engine's machine, a file system in a sparse file is mounted over such a directory: ext4, by a loop device. To the engine it is a volume
//! as any other. The file lies beside the directory, in what the engine keeps of the volume, and goes when the engine removes
//! that. The mount lasts until the machine restarts or the volume goes, and is made again before a container starts on it.
//!
//! The directory below has no permissions at all. That tells whether the engine sees what is mounted, which it does not
//! where it has mounts of its own.
//!
//! `mkfs.ext4`, `mount`, `losetup` and `resize2fs` are the machine's.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use bollard::{models::Volume, query_parameters::ContainerArchiveInfoOptionsBuilder};
use nix::{
    errno::Errno,
    mount::{MntFlags, umount2},
};
use plan::{
    action::{Done, Failure},
    facts::Room,
};
use tokio::{
    process::Command,
    sync::{Mutex, OnceCell},
};

use crate::{
    Docker,
    failure::failure,
    names,
    volume::{DIRECTORY_MODE, INSIDE},
};

/// The label of a volume that is a file system of its own, with its kind.
pub(crate) const DISK: &str = "petset.io/disk";

/// The label of a volume for which a size was asked that is no limit, with the reason.
pub(crate) const UNLIMITED: &str = "petset.io/unlimited";

const FILE_SYSTEM: &str = "ext4";

/// Less cannot be formatted.
const SIZE_MIN: u64 = 1 << 20;

/// What is asked for is rounded up to a multiple of this: the pages of a loop device.
const SIZE_UNIT: u64 = 4096;

/// Where the file systems' programs are, also for a daemon that was started with less.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is quoted of a program's complaint, in octets.
const COMPLAINT_BYTES_MAX: usize = 512;

/// What this daemon knows about file systems of volumes.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    /// Whether there can be any, or why not. It is found out with the first one.
    possible: OnceCell<Result<(), String>>,
    /// Two containers that start at a time do not mount the same one twice.
    mounting: Mutex<()>,
}

impl Docker {
    /// The label that says how much a new volume holds: a file system of its own where sizes are enforced and there can be one.
    pub(crate) async fn room_label(&self, size: Option<u64>) -> Result<Option<(String, String)>, Failure> {
        if size.is_none() || !self.enforces_sizes {
            return Ok(None);
        }
        Ok(Some(match self.disks_possible().await? {
            Ok(()) => (DISK.to_owned(), FILE_SYSTEM.to_owned()),
            Err(why) => (UNLIMITED.to_owned(), why),
        }))
    }

    /// Sees to it that a volume which has just been made holds so many octets, if it is to be a file system of its own.
    pub(crate) async fn give_disk(&self, volume: &Volume, size: u64) -> Result<(), Failure> {
        let refused = |why| Failure::Refused(format!("volume {}: {why}", volume.name));
        let Some(disk) = Disk::of(volume) else { return Ok(()) };
        let _turn = self.disks.mounting.lock().await;
        if disk.held().is_some() { disk.mount().await } else { disk.make(size).await }.map_err(refused)
    }

    /// Mounts the file system of a volume that has one, before a container starts on it. Errors: it is gone, or cannot be mounted.
    pub(crate) async fn ready_disk(&self, volume: &Volume) -> Result<(), Failure> {
        let Some(disk) = Disk::of(volume) else { return Ok(()) };
        let refused = |why: String| Failure::Refused(format!("the file system of volume {}: {why}", volume.name));
        if let Err(why) = self.disks_possible().await? {
            return Err(refused(why));
        }
        let _turn = self.disks.mounting.lock().await;
        disk.mount().await.map_err(refused)
    }

    /// Lets a volume that is a file system of its own hold so many octets, also while containers have it mounted.
    pub(crate) async fn grow_volume(&self, name: &str, size: u64) -> Result<Done, Failure> {
        let volume = self.volume(name).await?;
        if let Some(disk) = Disk::of(&volume) {
            self.ready_disk(&volume).await?;
            let _turn = self.disks.mounting.lock().await;
            disk.grow(size).await.map_err(|why| Failure::Refused(format!("volume {name}: {why}")))?;
        }
        Ok(Done::Made(room(&volume)))
    }

    /// Whether volumes can have file systems of their own, or why not, for users. Errors: the engine did not let it be
    /// found out, and it is tried again when it is asked next.
    async fn disks_possible(&self) -> Result<Result<(), String>, Failure> {
        let try_one = async || {
            let possible = self.try_disk().await?;
            if let Err(why) = &possible {
                tracing::warn!(why, "volumes can have no file systems of their own");
            }
            Ok(possible)
        };
        self.disks.possible.get_or_try_init(try_one).await.cloned()
    }

    /// Makes a small one, looks whether the engine sees it, and takes it away.
    async fn try_disk(&self) -> Result<Result<(), String>, Failure> {
        if !self.holder.can_mount() {
            return Ok(Err("petsetd does not run as root".to_owned()));
        }
        let name = format!("petset_{}_trial", self.instance);
        let labels = [(DISK, FILE_SYSTEM), (names::INSTANCE, self.instance.as_str())];
        let labels = labels.map(|(label, value)| (label.to_owned(), value.to_owned()));
        let volume = self.request_volume(&name, labels.into()).await?;
        let tried = self.look_at_disk(&volume).await;
        self.take_volume(&volume).await?;
        tried
    }

    async fn look_at_disk(&self, volume: &Volume) -> Result<Result<(), String>, Failure> {
        let Some(disk) = Disk::of(volume).filter(|disk| disk.mountpoint.is_dir()) else {
            return Ok(Err("petsetd does not run on the engine's machine".to_owned()));
        };
        let _turn = self.disks.mounting.lock().await;
        if let Err(why) = disk.make(SIZE_MIN).await {
            return Ok(Err(why));
        }
        let is_seen = self.mode_inside(&volume.name).await? != 0;
        Ok(if is_seen { Ok(()) } else { Err("the engine does not see what petsetd mounts".to_owned()) })
    }

    /// The permissions of a volume's own directory, as the engine sees them.
    async fn mode_inside(&self, volume: &str) -> Result<u32, Failure> {
        let holding = self.make_holding(volume).await?;
        let options = ContainerArchiveInfoOptionsBuilder::default().path(INSIDE).build();
        let seen = self.engine.api.get_container_archive_info(&holding, Some(options)).await.map_err(failure);
        self.force_remove(&holding).await?;
        Ok(seen?.file_mode & 0o777)
    }
}

/// How much a volume holds.
pub(crate) fn room(volume: &Volume) -> Room {
    match (Disk::of(volume).and_then(|disk| disk.held()), volume.labels.get(UNLIMITED)) {
        (Some(size), _) => Room::Limit(size),
        (None, Some(why)) => Room::Unlimited(why.clone()),
        (None, None) => Room::Disk,
    }
}

/// Whether a volume's data is gone although the engine has the volume: it was removed by hand while it was mounted.
pub(crate) fn is_lost(volume: &Volume) -> bool {
    Disk::of(volume).is_some_and(|disk| disk.dir.is_dir() && !disk.file().exists())
}

/// Takes a volume's file system off its directory, so that the engine can remove both. One that is not mounted is success.
pub(crate) fn unmount(volume: &Volume) -> io::Result<()> {
    Disk::of(volume).map_or(Ok(()), |disk| disk.unmount())
}

/// A volume's file system.
struct Disk {
    /// What the engine keeps of the volume.
    dir: PathBuf,
    /// The volume's own directory in it.
    mountpoint: PathBuf,
}

impl Disk {
    /// `None` for a volume without one.
    fn of(volume: &Volume) -> Option<Disk> {
        volume.labels.get(DISK)?;
        let mountpoint = PathBuf::from(&volume.mountpoint);
        Some(Disk { dir: mountpoint.parent()?.to_owned(), mountpoint })
    }

    /// The file, once there is a file system in it.
    fn file(&self) -> PathBuf {
        self.dir.join("disk")
    }

    /// The file before that.
    fn draft(&self) -> PathBuf {
        self.dir.join("disk.new")
    }

    /// While it grows, its former size.
    fn former_size(&self) -> PathBuf {
        self.dir.join("disk.size")
    }

    /// How many octets it holds; `None` while there is none.
    fn held(&self) -> Option<u64> {
        let held = fs::metadata(self.file()).ok()?.len();
        let former = fs::read_to_string(self.former_size()).ok().and_then(|text| text.parse().ok());
        Some(former.unwrap_or(held))
    }

    /// Makes it. What a daemon that was killed half-way has left is done again.
    async fn make(&self, size: u64) -> Result<(), String> {
        self.unmount().map_err(|error| format!("unmount it: {error}"))?;
        let draft = self.draft();
        let prepared = File::create(&draft).and_then(|file| file.set_len(whole(size)));
        prepared
            .and_then(|()| fs::set_permissions(&draft, Permissions::from_mode(0o600)))
            .and_then(|()| fs::set_permissions(&self.mountpoint, Permissions::from_mode(0o000)))
            .map_err(|error| format!("make its file: {error}"))?;
        run("mkfs.ext4", &[OsStr::new("-qFm0"), draft.as_os_str()]).await?;
        mount(&draft, &self.mountpoint).await?;
        // Databases take only an empty directory for their first start.
        let settled = fs::remove_dir(self.mountpoint.join("lost+found"))
            .and_then(|()| fs::set_permissions(&self.mountpoint, Permissions::from_mode(DIRECTORY_MODE)))
            .and_then(|()| fs::rename(&draft, self.file()));
        settled.map_err(|error| format!("settle it: {error}"))
    }

    /// Mounts it, unless it is.
    async fn mount(&self) -> Result<(), String> {
        if self.is_mounted().map_err(|error| error.to_string())? {
            return Ok(());
        }
        if !self.file().exists() {
            return Err("its file is gone".to_owned());
        }
        mount(&self.file(), &self.mountpoint).await
    }

    fn is_mounted(&self) -> io::Result<bool> {
        Ok(fs::metadata(&self.mountpoint)?.dev() != fs::metadata(&self.dir)?.dev())
    }

    fn unmount(&self) -> io::Result<()> {
        match umount2(&self.mountpoint, MntFlags::empty()) {
            // It is not mounted, it is gone, or nobody has mounted it who may.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT | Errno::EPERM | Errno::EACCES) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets it hold so many octets. It is mounted. What was begun before and not ended is done again.
    async fn grow(&self, size: u64) -> Result<(), String> {
        let (size, file) = (whole(size), self.file());
        let Some(held) = self.held().filter(|held| *held < size) else { return Ok(()) };
        let enlarged = fs::write(self.former_size(), held.to_string())
            .and_then(|()| File::options().write(true).open(&file))
            .and_then(|opened| opened.set_len(size));
        enlarged.map_err(|error| format!("enlarge its file: {error}"))?;
        let devices = run("losetup", &[OsStr::new("-nOname"), OsStr::new("-j"), file.as_os_str()]).await?;
        for device in devices.split_whitespace().map(OsStr::new) {
            run("losetup", &[OsStr::new("-c"), device]).await?;
            run("resize2fs", &[device]).await?;
        }
        fs::remove_file(self.former_size()).map_err(|error| format!("settle it: {error}"))
    }
}

/// The size of a file for so many octets.
fn whole(size: u64) -> u64 {
    size.max(SIZE_MIN).checked_next_multiple_of(SIZE_UNIT).unwrap_or(u64::MAX - (SIZE_UNIT - 1))
}

/// Mounts a file's file system. Blocks that are freed in it are given back to the engine's disk.
async fn mount(file: &Path, mountpoint: &Path) -> Result<(), String> {
    let options = ["-t", FILE_SYSTEM, "-o", "loop,discard"].map(OsStr::new);
    run("mount", &[&options[..], &[file.as_os_str(), mountpoint.as_os_str()]].concat()).await.map(drop)
}

/// Runs one of the machine's programs; returns what it printed. Errors: what it complained of.
async fn run(program: &str, arguments: &[&OsStr]) -> Result<String, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", format!("{path}:{PROGRAMS}")).env("LC_ALL", "C").kill_on_drop(true);
    let output = command.output().await.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(format!("{program}: {}", &said[..said.floor_char_boundary(COMPLAINT_BYTES_MAX)]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn volume(dir: &Path, labels: &[(&str, &str)]) -> Volume {
        let mountpoint = dir.join("_data");
        fs::create_dir_all(&mountpoint).unwrap();
        Volume {
            mountpoint: mountpoint.to_string_lossy().into_owned(),
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<HashMap<_, _>>(),
            ..Volume::default()
        }
    }

    #[test]
    fn a_size_is_whole_pages_and_never_too_little_to_format() {
        assert_eq!([0, 1 << 20, (1 << 20) + 1].map(whole), [1 << 20, 1 << 20, (1 << 20) + 4096]);
        assert_eq!(whole(u64::MAX) % SIZE_UNIT, 0);
    }

    #[test]
    fn a_volume_tells_how_much_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(room(&volume(dir.path(), &[])), Room::Disk);
        assert_eq!(room(&volume(dir.path(), &[(UNLIMITED, "why")])), Room::Unlimited("why".to_owned()));
        let own = volume(dir.path(), &[(DISK, FILE_SYSTEM)]);
        assert_eq!((room(&own), is_lost(&own)), (Room::Disk, true));
        File::create(dir.path().join("disk")).unwrap().set_len(8192).unwrap();
        assert_eq!((room(&own), is_lost(&own)), (Room::Limit(8192), false));
    }

    #[test]
    fn until_it_has_grown_it_holds_what_it_held() {
        let dir = tempfile::tempdir().unwrap();
        let own = volume(dir.path(), &[(DISK, FILE_SYSTEM)]);
        File::create(dir.path().join("disk")).unwrap().set_len(8192).unwrap();
        fs::write(dir.path().join("disk.size"), "4096").unwrap();
        assert_eq!(room(&own), Room::Limit(4096));
    }

    #[tokio::test]
    async fn what_a_program_complains_of_is_told() {
        let why = run("mkfs.ext4", &[OsStr::new("/nowhere/at/all")]).await.unwrap_err();
        assert!(why.starts_with("mkfs.ext4: "), "{why}");
    }
}
