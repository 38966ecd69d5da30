//! What the engine has of ours, as facts.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
    path::Path,
};

use bollard::{
    errors::Error,
    models::{
        ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, ContainerSummary,
        Volume as DockerVolume,
    },
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder, ListVolumesOptionsBuilder},
};
use controller::runtime::Observed;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use plan::{
    action::Failure,
    facts::{self, Container, PodKey, State},
};

use crate::{
    Docker, disk,
    failure::{failure, found},
    image::INSPECTIONS_MAX,
    names,
};

impl Docker {
    /// All containers and volumes of the instance.
    pub(crate) async fn observe_all(&self) -> Result<Observed, Failure> {
        let reads = &self.engine.reads;
        // Others' containers too: they may mount our volumes.
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = reads.list_containers(Some(options)).await.map_err(silent)?;
        let filter = names::filter(&[(names::INSTANCE, &self.instance)]);
        let options = ListVolumesOptionsBuilder::default().filters(&filter).build();
        let volumes = reads.list_volumes(Some(options)).await.map_err(silent)?.volumes.unwrap_or_default();

        let mounted = mounted_volumes(&listed, &volumes);
        let mut containers: BTreeMap<PodKey, Vec<Container>> = BTreeMap::new();
        for container in self.inspect_ours(listed).await? {
            containers.entry(container.owner.pod.clone()).or_default().push(container);
        }
        for containers in containers.values_mut() {
            sort(containers);
        }
        let ids: HashSet<&str> = containers.values().flatten().map(|container| container.id.as_str()).collect();
        self.runners.retain(|container| ids.contains(container));
        self.last_words.retain(|container| ids.contains(container));
        let volumes = volumes.into_iter().filter(|volume| !disk::is_lost(volume));
        let volumes = volumes.map(|volume| (volume.name.clone(), volume_facts(volume))).collect();
        Ok(Observed { engine: facts::Engine { containers, volumes }, mounted })
    }

    /// The containers of one identity.
    pub(crate) async fn observe_one(&self, pod: &PodKey) -> Result<Vec<Container>, Failure> {
        let listed = self.list_pod(pod).await.map_err(silent)?;
        let mut containers = self.inspect_ours(listed).await?;
        sort(&mut containers);
        Ok(containers)
    }

    /// The engine's list entries of one identity.
    pub(crate) async fn list_pod(&self, pod: &PodKey) -> Result<Vec<ContainerSummary>, Error> {
        self.list_labelled(&[(names::NAMESPACE, &pod.namespace), (names::POD, &pod.name)]).await
    }

    /// The engine's list entries of the instance's containers that have these labels.
    pub(crate) async fn list_labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<ContainerSummary>, Error> {
        let labels = [&[(names::INSTANCE, self.instance.as_str())], labels].concat();
        let options = ListContainersOptionsBuilder::default().all(true).filters(&names::filter(&labels)).build();
        self.engine.reads.list_containers(Some(options)).await
    }

    /// The list says neither when a container started nor how it ended, so each of ours is inspected. One that is gone
    /// by then is left out.
    async fn inspect_ours(&self, listed: Vec<ContainerSummary>) -> Result<Vec<Container>, Failure> {
        let ids = listed.into_iter().filter_map(|entry| {
            names::owner(&self.instance, entry.labels.as_ref()?)?;
            entry.id
        });
        stream::iter(ids)
            .map(|id| async move {
                let inspected = self.engine.reads.inspect_container(&id, None::<InspectContainerOptions>).await;
                let Some(there) = found(inspected).map_err(silent)? else { return Ok(None) };
                let labels = there.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default();
                let is_tty = there.config.as_ref().and_then(|config| config.tty).unwrap_or_default();
                let Some(mut container) = self.container_facts(there) else { return Ok(None) };
                self.add_last_words(&mut container, labels.get(names::TERMINATION), is_tty).await;
                Ok(Some(container))
            })
            .buffer_unordered(INSPECTIONS_MAX)
            .try_filter_map(|container| async { Ok(container) })
            .try_collect()
            .await
    }

    fn container_facts(&self, there: ContainerInspectResponse) -> Option<Container> {
        let owner = names::owner(&self.instance, there.config.as_ref()?.labels.as_ref()?)?;
        let network_mode = there.host_config.and_then(|host| host.network_mode).unwrap_or_default();
        let networks = there.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        Some(Container {
            id: there.id?,
            owner,
            state: state(&there.state.unwrap_or_default()),
            image_id: there.image.unwrap_or_default(),
            address: networks.get(&self.ready.network).and_then(|endpoint| address(endpoint.ip_address.as_deref())),
            sandbox: network_mode.strip_prefix("container:").map(str::to_owned),
        })
    }
}

/// The volumes, of these, that some container mounts, whole or a directory inside it.
pub(crate) fn mounted_volumes(containers: &[ContainerSummary], volumes: &[DockerVolume]) -> BTreeSet<String> {
    let parts = containers.iter().filter_map(|entry| entry.labels.as_ref()?.get(names::PARTS));
    let parts: BTreeSet<&str> = parts.flat_map(|parts| parts.split(',')).collect();
    let mounts: Vec<_> = containers.iter().filter_map(|entry| entry.mounts.as_ref()).flatten().collect();
    let is_mounted = |volume: &&DockerVolume| {
        parts.contains(volume.name.as_str())
            || mounts.iter().any(|mount| {
                mount.name.as_ref() == Some(&volume.name)
                    || mount.source.as_ref().is_some_and(|source| Path::new(source).starts_with(&volume.mountpoint))
            })
    };
    volumes.iter().filter(is_mounted).map(|volume| volume.name.clone()).collect()
}

/// While anything about what there is cannot be had, nothing is known.
fn silent(error: Error) -> Failure {
    match failure(error) {
        Failure::Refused(message) => Failure::Silent(message),
        other => other,
    }
}

fn sort(containers: &mut [Container]) {
    containers.sort_by(|a, b| {
        let key =
            |container: &Container| (container.owner.role, container.owner.container.clone(), container.owner.attempt);
        key(a).cmp(&key(b))
    });
}

fn volume_facts(volume: DockerVolume) -> facts::Volume {
    let label = |(name, value): (String, String)| Some((name.strip_prefix(names::PREFIX)?.to_owned(), value));
    let room = disk::room(&volume);
    let own = [names::INSTANCE, disk::DISK, disk::UNLIMITED];
    let labels =
        volume.labels.into_iter().filter(|(name, _)| !own.contains(&name.as_str())).filter_map(label).collect();
    facts::Volume { name: volume.name, labels, room }
}

fn address(text: Option<&str>) -> Option<IpAddr> {
    text.and_then(|text| text.parse().ok())
}

fn state(there: &ContainerState) -> State {
    let started_at = time(there.started_at.as_deref());
    let exited = |finished_at| State::Exited {
        started_at,
        finished_at,
        code: there.exit_code.unwrap_or_default(),
        oom_killed: there.oom_killed.unwrap_or_default(),
        error: there.error.clone().unwrap_or_default(),
    };
    match there.status {
        Some(Status::CREATED) => State::Created,
        Some(Status::RUNNING | Status::RESTARTING | Status::STOPPING) => {
            State::Running { started_at: started_at.unwrap_or_default(), paused: false }
        }
        Some(Status::PAUSED) => State::Running { started_at: started_at.unwrap_or_default(), paused: true },
        Some(Status::EXITED) => exited(time(there.finished_at.as_deref()).or(started_at).unwrap_or_default()),
        // Nothing is known of one without a state but that it holds its name.
        Some(Status::REMOVING | Status::DEAD | Status::EMPTY) | None => State::Removing,
    }
}

/// Docker writes the year 1 for never.
fn time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok()).filter(|time| *time > Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use bollard::models::MountPoint;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reads_how_a_container_ended() {
        let ended = ContainerState {
            status: Some(Status::EXITED),
            started_at: Some("2026-11-22T11:01:29.426269358Z".to_owned()),
            finished_at: Some("2026-11-22T11:01:30Z".to_owned()),
            exit_code: Some(137),
            oom_killed: Some(true),
            error: Some(String::new()),
            ..ContainerState::default()
        };
        assert_eq!(
            state(&ended),
            State::Exited {
                started_at: Some(at("2026-11-22T11:01:29.426269358Z")),
                finished_at: at("2026-11-22T11:01:30Z"),
                code: 137,
                oom_killed: true,
                error: String::new(),
            }
        );
    }

    #[test]
    fn the_year_one_means_never() {
        let never_started = ContainerState {
            status: Some(Status::EXITED),
            started_at: Some("0001-01-01T00:00:00Z".to_owned()),
            finished_at: Some("2026-11-22T11:01:30Z".to_owned()),
            ..ContainerState::default()
        };
        assert!(matches!(state(&never_started), State::Exited { started_at: None, .. }));
    }

    #[test]
    fn a_paused_container_runs() {
        let paused = ContainerState {
            status: Some(Status::PAUSED),
            started_at: Some("2026-11-22T11:01:29Z".to_owned()),
            ..ContainerState::default()
        };
        assert_eq!(state(&paused), State::Running { started_at: at("2026-11-22T11:01:29Z"), paused: true });
    }

    #[test]
    fn a_directory_inside_a_volume_counts_as_mounted() {
        let volume = |name: &str| DockerVolume {
            name: name.to_owned(),
            mountpoint: format!("/var/lib/docker/volumes/{name}/_data"),
            ..DockerVolume::default()
        };
        let mounting = |mount| ContainerSummary { mounts: Some(vec![mount]), ..ContainerSummary::default() };
        let containers = [
            mounting(MountPoint { name: Some("whole".to_owned()), ..MountPoint::default() }),
            mounting(MountPoint {
                source: Some("/var/lib/docker/volumes/part/_data/sub".to_owned()),
                ..MountPoint::default()
            }),
            mounting(MountPoint { source: Some("/var/lib/docker/volumes/free2".to_owned()), ..MountPoint::default() }),
        ];
        let held = ContainerSummary {
            labels: Some([(names::PARTS.to_owned(), "other,held".to_owned())].into()),
            ..ContainerSummary::default()
        };
        let containers = [&containers[..], &[held]].concat();
        let volumes = [volume("whole"), volume("part"), volume("free"), volume("held")];
        let expected = ["held", "part", "whole"].map(str::to_owned);
        assert_eq!(mounted_volumes(&containers, &volumes), BTreeSet::from(expected));
    }

    #[test]
    fn a_volumes_labels_lose_our_prefix() {
        let labels = [("petset.io/instance", "one"), ("petset.io/claim", "www-web-0"), ("other", "x")];
        let volume = DockerVolume {
            name: "v".to_owned(),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
            ..DockerVolume::default()
        };
        assert_eq!(
            volume_facts(volume),
            facts::Volume {
                name: "v".to_owned(),
                labels: BTreeMap::from([("claim".to_owned(), "www-web-0".to_owned())]),
                room: facts::Room::Disk,
            }
        );
    }
}
