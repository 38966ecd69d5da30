//! Files of configuration in volumes of their own, each volume going from one whole version to the next.
//!
//! It is laid out as by the kubelet's `AtomicWriter`: a directory for each version, the link `..data` to the one that counts, and
//! a link for each file or directory at the top, which leads through `..data`. Whoever opens a path finds one version whole.
//!
//! The octets go through the engine's own API, for petsetd need not reach the engine's directories: a container that has the
//! pod's volumes takes an archive, and for a change runs a small program (`runner/publish.rs`) that exchanges the link and
//! takes the former version away. The container is there for that alone, and gone afterwards; one that was left behind is removed
//! by its name before the next is made, so that no late request does anything to what is newer.

use std::{collections::BTreeMap, io, path::Path};

use bollard::{
    body_full,
    errors::Error,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig},
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, StartContainerOptions,
        UploadToContainerOptionsBuilder, WaitContainerOptions,
    },
};
use futures::TryStreamExt;
use jiff::{Timestamp, tz::TimeZone};
use plan::{
    action::{Done, Failure},
    config::{FileVolume, WriteFiles},
};

use crate::{
    Docker,
    failure::{failure, found},
    names, pause,
    volume::volume_mount,
};

/// The link to the version that counts.
const DATA: &str = "..data";

/// Where the container has the volumes: each below this, by its number.
const VOLUMES: &str = "volumes";

/// The program's path in the container, and that of the list of what it is to publish.
const PROGRAM: &str = "publish";
const LIST: &str = "list";

/// Everyone may enter, as with a kubelet; containers mount it read-only. The bit passes the group on to what is made below.
const VOLUME_MODE: u32 = 0o777;
const DIRECTORY_MODE: u32 = 0o755;
const OF_GROUP: u32 = 0o2000;

/// One volume on its way: its number in the container, and the directory of the new version.
struct Change<'a> {
    number: usize,
    volume: &'a FileVolume,
    directory: String,
    /// It has a version already, which somebody may be reading.
    is_later: bool,
}

impl Docker {
    /// Brings the files of a pod's volumes to their versions.
    pub(crate) async fn write_files(&self, write: &WriteFiles) -> Result<Done, Failure> {
        for volume in &write.volumes {
            self.make_volume(&volume.name, &volume.labels, None).await?;
        }
        let name = names::publisher(&self.instance, &write.uid);
        self.force_remove(&name).await?;
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let made = self.engine.api.create_container(Some(options), self.publisher_body(write)).await;
        let id = made.map_err(failure)?.id;
        let result = self.publish(&id, &write.volumes).await;
        self.force_remove(&id).await?;
        result.map(|()| Done::Ok)
    }

    fn publisher_body(&self, write: &WriteFiles) -> ContainerCreateBody {
        let mounts = write.volumes.iter().enumerate();
        let mounts = mounts.map(|(number, volume)| volume_mount(&volume.name, &format!("/{}", place(number)), false));
        ContainerCreateBody {
            image: Some(pause::IMAGE.to_owned()),
            entrypoint: Some(vec![format!("/{PROGRAM}"), "publish".to_owned(), format!("/{LIST}")]),
            labels: Some(names::errand_labels(&self.instance)),
            host_config: Some(HostConfig {
                mounts: Some(mounts.collect()),
                network_mode: Some("none".to_owned()),
                cap_drop: Some(vec!["ALL".to_owned()]),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                init: Some(false),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn publish(&self, id: &str, volumes: &[FileVolume]) -> Result<(), Failure> {
        let mut changes = Vec::new();
        for (number, volume) in volumes.iter().enumerate() {
            let shown = self.shown(id, number).await.map_err(failure)?;
            if shown.as_ref().is_some_and(|shown| version_of(shown) == volume.version) {
                continue;
            }
            let directory = format!("..{}.{}", stamp(), volume.version);
            changes.push(Change { number, volume, directory, is_later: shown.is_some() });
        }
        if changes.is_empty() {
            return Ok(());
        }
        let runs = changes.iter().any(|change| change.is_later);
        let program = self.runners.program().filter(|_| runs);
        if runs && program.is_none() {
            let why = "this petsetd was built without the program that exchanges files while they are read";
            return Err(Failure::Refused(why.to_owned()));
        }
        let archive = archive(&changes, program).map_err(|error| Failure::Refused(error.to_string()))?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let api = &self.engine.api;
        api.upload_to_container(id, Some(options), body_full(archive.into())).await.map_err(failure)?;
        if !runs {
            return Ok(());
        }
        api.start_container(id, None::<StartContainerOptions>).await.map_err(failure)?;
        let ended: Result<Vec<_>, Error> = api.wait_container(id, None::<WaitContainerOptions>).try_collect().await;
        match ended {
            Ok(_) => Ok(()),
            Err(Error::DockerContainerWaitError { code, .. }) => {
                Err(Failure::Refused(format!("the program that exchanges files exited {code}")))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// What the link of a volume leads to; `None` where there is none yet.
    async fn shown(&self, id: &str, number: usize) -> Result<Option<String>, Error> {
        let path = format!("/{}/{DATA}", place(number));
        let options = ContainerArchiveInfoOptionsBuilder::default().path(&path).build();
        let found = found(self.engine.reads.get_container_archive_info(id, Some(options)).await)?;
        Ok(found.map(|found| found.link_target))
    }
}

/// Where the container has a volume, below its root.
fn place(number: usize) -> String {
    format!("{VOLUMES}/{number}")
}

/// The version in the name of a directory.
fn version_of(directory: &str) -> &str {
    directory.rsplit('.').next().unwrap_or_default()
}

/// The moment as the kubelet's directories have it.
fn stamp() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    now.strftime("%Y_%m_%d_%H_%M_%S").to_string()
}

/// All that goes into the container. Of a volume's first version the link comes last, so that what has a link is whole.
fn archive(changes: &[Change<'_>], program: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut list = String::new();
    for change in changes {
        let volume = Path::new(VOLUMES).join(change.number.to_string());
        let group = change.volume.group;
        let of_group = if group.is_some() { OF_GROUP } else { 0 };
        directory(&mut archive, &volume, VOLUME_MODE | of_group, group)?;
        let inside = volume.join(&change.directory);
        let mut directories = vec![inside.clone()];
        let parents = change.volume.files.iter().filter_map(|file| Path::new(&file.path).parent());
        directories.extend(parents.flat_map(Path::ancestors).map(|parent| inside.join(parent)));
        directories.extend(change.volume.directories.iter().flat_map(|path| {
            let ancestors = Path::new(path).ancestors().filter(|path| !path.as_os_str().is_empty());
            ancestors.map(|path| volume.join(path)).collect::<Vec<_>>()
        }));
        directories.sort();
        directories.dedup();
        for path in directories {
            directory(&mut archive, &path, DIRECTORY_MODE | of_group, group)?;
        }
        for file in &change.volume.files {
            let mut header = header(tar::EntryType::Regular, file.mode, group);
            header.set_uid(file.owner.into());
            header.set_size(file.content.as_slice().len() as u64);
            archive.append_data(&mut header, inside.join(&file.path), file.content.as_slice())?;
        }
        if change.is_later {
            list.extend(["/", &place(change.number), "\n", &change.directory, "\n"]);
            continue;
        }
        for (name, target) in links(change) {
            let mut header = header(tar::EntryType::Symlink, 0o777, group);
            header.set_size(0);
            archive.append_link(&mut header, volume.join(name), target)?;
        }
    }
    if let Some(program) = program {
        for (name, mode, content) in [(PROGRAM, 0o555, program), (LIST, 0o444, list.as_bytes())] {
            let mut header = header(tar::EntryType::Regular, mode, None);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, name, content)?;
        }
    }
    archive.into_inner()
}

/// The links of a volume and where they lead, `..data` at the end.
fn links(change: &Change<'_>) -> Vec<(String, String)> {
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let names = change.volume.files.iter().map(|file| top(&file.path));
    let links: BTreeMap<String, String> = names.map(|name| (name.clone(), format!("{DATA}/{name}"))).collect();
    links.into_iter().chain([(DATA.to_owned(), change.directory.clone())]).collect()
}

fn directory(archive: &mut tar::Builder<Vec<u8>>, path: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
    let mut header = header(tar::EntryType::Directory, mode, group);
    header.set_size(0);
    archive.append_data(&mut header, path, io::empty())
}

fn header(kind: tar::EntryType, mode: u32, group: Option<u32>) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(group.unwrap_or(0).into());
    header.set_mtime(Timestamp::now().as_second().unsigned_abs());
    header
}
