//! Named volumes: making them, removing them, and directories in them.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bollard::{
    body_full,
    errors::Error,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, Volume, VolumeCreateRequest},
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptions, ListContainersOptionsBuilder, RemoveVolumeOptions,
        UploadToContainerOptionsBuilder,
    },
};
use plan::action::{Done, Failure};

use crate::{
    Docker, disk,
    failure::{failure, found, status},
    names,
    observe::mounted_volumes,
    pause,
};

/// Everyone may write, as in a kubelet's `emptyDir` and in the volumes of Kubernetes' local provisioners: the users of
/// the pod's containers are not known, and nobody else reaches the directory.
pub(crate) const DIRECTORY_MODE: u32 = 0o777;

/// Where the container that reaches into a volume has it.
pub(crate) const INSIDE: &str = "/volume";

impl Docker {
    /// Makes a volume that anyone may write to; one that exists with the same labels is success, however much it holds.
    pub(crate) async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        size: Option<u64>,
    ) -> Result<Done, Failure> {
        let (volume, is_new) = self.make_volume(name, labels, size).await?;
        self.give_disk(&volume, size.unwrap_or_default()).await?;
        if is_new && !volume.labels.contains_key(disk::DISK) {
            self.open_to_all(&volume).await?;
        }
        Ok(Done::Made(disk::room(&volume)))
    }

    /// Makes a volume as the engine makes it, and tells whether it is new: it may have been there already, with the same labels.
    pub(crate) async fn make_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        size: Option<u64>,
    ) -> Result<(Volume, bool), Failure> {
        let wanted: HashMap<String, String> = labels
            .iter()
            .map(|(name, value)| (format!("{}{name}", names::PREFIX), value.clone()))
            .chain([(names::INSTANCE.to_owned(), self.instance.clone())])
            .collect();
        let existing = found(self.engine.reads.inspect_volume(name).await).map_err(failure)?;
        let existed = existing.is_some();
        let volume = match existing {
            Some(volume) => volume,
            None => {
                let room = self.room_label(size).await?;
                self.request_volume(name, wanted.clone().into_iter().chain(room).collect()).await?
            }
        };
        let of_room = [disk::DISK, disk::UNLIMITED];
        let mut own = volume.labels.clone();
        own.retain(|label, _| !of_room.contains(&label.as_str()));
        if own != wanted {
            return Err(Failure::Taken(format!("the volume {name} exists with other labels")));
        }
        Ok((volume, !existed))
    }

    /// Makes a volume with these labels. Of one that exists the engine gives what is there.
    pub(crate) async fn request_volume(&self, name: &str, labels: HashMap<String, String>) -> Result<Volume, Failure> {
        let request =
            VolumeCreateRequest { name: Some(name.to_owned()), labels: Some(labels), ..VolumeCreateRequest::default() };
        self.engine.api.create_volume(request).await.map_err(failure)
    }

    /// Has the engine remove a volume, with its file system if it has one.
    pub(crate) async fn take_volume(&self, volume: &Volume) -> Result<(), Failure> {
        let unmounted = disk::unmount(volume);
        unmounted.map_err(|error| Failure::Refused(format!("unmount volume {}: {error}", volume.name)))?;
        found(self.engine.api.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await).map_err(failure)?;
        Ok(())
    }

    /// Removes a volume of ours; an absent one is success, and so is one that is not ours, which stays; one that any container
    /// mounts is an error.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<Done, Failure> {
        let reads = &self.engine.reads;
        let volume = found(reads.inspect_volume(name).await).map_err(failure)?;
        let Some(volume) = volume.filter(|volume| self.owns(volume)) else { return Ok(Done::Ok) };
        // Of a pod's own volumes: what was to write its files may have been left behind.
        if let Some(uid) = volume.labels.get(names::UID) {
            self.force_remove(&names::publisher(&self.instance, uid)).await?;
        }
        // The engine guards what is mounted as a volume, but does not know of a mounted directory inside it.
        let all = ListContainersOptionsBuilder::default().all(true).build();
        let containers = reads.list_containers(Some(all)).await.map_err(failure)?;
        if mounted_volumes(&containers, std::slice::from_ref(&volume)).contains(name) {
            return Err(Failure::Refused(format!("the volume {name} is in use")));
        }
        self.take_volume(&volume).await?;
        Ok(Done::Ok)
    }

    /// A volume of ours, which must exist: the engine would make an absent one in silence.
    pub(crate) async fn volume(&self, name: &str) -> Result<Volume, Failure> {
        let volume = found(self.engine.reads.inspect_volume(name).await).map_err(failure)?;
        volume
            .filter(|volume| self.owns(volume))
            .ok_or_else(|| Failure::Refused(format!("there is no volume {name} of this instance")))
    }

    fn owns(&self, volume: &Volume) -> bool {
        volume.labels.get(names::INSTANCE) == Some(&self.instance)
    }

    /// Opens a volume's own directory to all.
    async fn open_to_all(&self, volume: &Volume) -> Result<(), Failure> {
        match fs::set_permissions(&volume.mountpoint, fs::Permissions::from_mode(DIRECTORY_MODE)) {
            // The engine's directories belong to root. Who may not enter asks the engine to do it.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
                self.make_through_engine(&volume.name, Path::new("")).await
            }
            Err(error) => Err(Failure::Refused(format!("the directory of volume {}: {error}", volume.name))),
            Ok(()) => Ok(()),
        }
    }

    /// Makes a directory of a volume and those leading to it; the empty path is the volume's own. A container that never
    /// runs has the volume, and takes an archive with the directories.
    pub(crate) async fn make_through_engine(&self, volume: &str, path: &Path) -> Result<(), Failure> {
        let holding = self.make_holding(volume).await?;
        let result = self.upload_directories(&holding, path).await;
        self.force_remove(&holding).await?;
        result.map_err(failure)
    }

    /// Makes a container that never runs and has a volume at [`INSIDE`], and gives its id. It is the caller's to remove.
    pub(crate) async fn make_holding(&self, volume: &str) -> Result<String, Failure> {
        let body = ContainerCreateBody {
            image: Some(pause::IMAGE.to_owned()),
            labels: Some(names::errand_labels(&self.instance)),
            host_config: Some(HostConfig {
                mounts: Some(vec![volume_mount(volume, INSIDE, false)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = self.engine.api.create_container(None::<CreateContainerOptions>, body).await;
        made.map(|made| made.id).map_err(failure)
    }

    async fn upload_directories(&self, container: &str, path: &Path) -> Result<(), Error> {
        let api = &self.engine.api;
        let mut archive = tar::Builder::new(Vec::new());
        for step in steps(path) {
            let inside = Path::new(INSIDE).join(&step);
            let options = ContainerArchiveInfoOptionsBuilder::default().path(&inside.to_string_lossy()).build();
            match api.get_container_archive_info(container, Some(options)).await {
                Ok(_) if !step.as_os_str().is_empty() => continue,
                Err(error) if status(&error) != Some(404) => return Err(error),
                Ok(_) | Err(_) => {}
            }
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(DIRECTORY_MODE);
            header.set_size(0);
            archive.append_data(&mut header, inside.strip_prefix("/").unwrap_or(&inside), io::empty())?;
        }
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        api.upload_to_container(container, Some(options), body_full(archive.into_inner()?.into())).await
    }
}

/// Mounts a named volume as it is: Kubernetes does not seed volumes from the image.
pub(crate) fn volume_mount(volume: &str, path: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(path.to_owned()),
        read_only: Some(read_only),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

/// What leads to a path, itself included: `a`, `a/b`; of the empty path, itself.
fn steps(path: &Path) -> Vec<PathBuf> {
    let mut steps: Vec<PathBuf> = path.ancestors().map(Path::to_path_buf).collect();
    if steps.len() > 1 {
        steps.pop();
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_reached_step_by_step() {
        assert_eq!(steps(Path::new("a/b")), [Path::new("a"), Path::new("a/b")]);
        assert_eq!(steps(Path::new("")), [Path::new("")]);
    }
}
