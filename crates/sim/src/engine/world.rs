//! What the fake engine holds, and Docker's rules about it. Nothing here waits or fails by chance.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use jiff::Timestamp;
use plan::{
    action::{Done, Failure, Mount, OwnedVolume, Source},
    config::FileVolume,
    facts::{Container, Owner, PodKey, Room, State, Volume},
    zone::Frontends,
};

/// What the engine says of a sandbox that is to join a network which is not there.
pub(crate) const NETWORK_GONE: &str = "network petset-sim not found";

/// Everything in the engine.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) containers: BTreeMap<String, Kept>,
    /// The ids of the containers of each identity: among ten thousand pods nobody looks at all containers for one.
    pub(crate) of_pod: BTreeMap<PodKey, BTreeSet<String>>,
    /// Containers that are nobody's of ours, by name.
    pub(crate) strangers: BTreeMap<String, Stranger>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Volumes that show a version of files, with what it is made of.
    pub(crate) files: BTreeMap<String, FileVolume>,
    /// Containers that write files, by the pod's uid: what tells them from others, and what they have brought so far.
    pub(crate) publishers: BTreeMap<String, (u64, Vec<FileVolume>)>,
    /// The groups that volumes were given to.
    pub(crate) groups: BTreeMap<String, i64>,
    pub(crate) images: BTreeSet<String>,
    /// Somebody has removed the instance's network.
    pub(crate) is_network_gone: bool,
    /// Containers (pod, container name) whose probes fail, with what they say.
    pub(crate) sick: BTreeMap<(PodKey, String), String>,
    /// What stands behind virtual addresses, as it was told last.
    pub(crate) frontends: Frontends,
    pub(crate) made: u64,
}

/// A container of ours.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) container: Container,
    pub(crate) mounts: Vec<Mount>,
    /// The address that a sandbox asked for.
    pub(crate) wanted: Option<IpAddr>,
    /// Somebody has started or renamed it by hand: what follows from that is theirs.
    pub(crate) is_by_hand: bool,
}

/// A container that somebody else made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stranger {
    /// The address that it holds.
    pub(crate) address: Option<IpAddr>,
    /// The volumes that it mounts.
    pub(crate) mounts: BTreeSet<String>,
}

/// What is there under a name that is wanted.
#[derive(Debug)]
pub(crate) enum Held {
    /// The same container, running.
    Running,
    /// The same container, ended.
    Ended(String),
    /// A leftover of an attempt that never started.
    NeverStarted(String),
}

/// A container that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) owner: Owner,
    pub(crate) image: Option<String>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) sandbox: Option<String>,
}

/// A law that the engine sees broken.
pub(crate) struct Broken(pub(crate) &'static str, pub(crate) String);

impl World {
    /// Makes a container, or says what holds its name.
    pub(crate) fn create(&mut self, draft: Draft) -> Result<Result<String, Held>, Failure> {
        let owner = &draft.owner;
        let name = name_of(owner);
        if self.strangers.contains_key(&name) {
            return Err(Failure::Taken(format!("the name {name} is held by a container that is not petset's")));
        }
        // Whoever has the name of a part of an identity is that part.
        if let Some(kept) = self.of_pod(&owner.pod).find(|kept| kept.name == name) {
            if kept.container.owner != *owner {
                let uid = &kept.container.owner.uid;
                return Err(Failure::Taken(format!("the container {name} of pod uid {uid} is still there")));
            }
            let id = kept.container.id.clone();
            return Ok(Err(match kept.container.state {
                State::Created => Held::NeverStarted(id),
                State::Running { .. } => Held::Running,
                State::Exited { .. } | State::Removing => Held::Ended(id),
            }));
        }
        if let Some(image) = draft.image.as_ref().filter(|image| !self.images.contains(*image)) {
            return Err(Failure::Image(format!("No such image: {image}")));
        }
        for mount in &draft.mounts {
            // The engine makes a missing volume by itself, without labels. Ours are always made before.
            if let Source::Volume(volume) | Source::Files(volume) = &mount.source
                && !self.volumes.contains_key(volume)
            {
                return Err(Failure::Refused(format!("no such volume: {volume}")));
            }
        }
        self.made += 1;
        let id = format!("{:08x}", self.made);
        let image_id = format!("sha256:{}", draft.image.as_deref().unwrap_or("pause"));
        let container = Container {
            id: id.clone(),
            owner: draft.owner,
            state: State::Created,
            image_id,
            address: None,
            sandbox: draft.sandbox,
        };
        let kept = Kept { name, container, mounts: draft.mounts, wanted: draft.address, is_by_hand: false };
        self.of_pod.entry(kept.container.owner.pod.clone()).or_default().insert(id.clone());
        self.containers.insert(id.clone(), kept);
        Ok(Ok(id))
    }

    /// The containers of an identity, in the order of their ids.
    pub(crate) fn of_pod(&self, pod: &PodKey) -> impl Iterator<Item = &Kept> {
        self.of_pod.get(pod).into_iter().flatten().filter_map(|id| self.containers.get(id))
    }

    /// Removes a container.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(kept) = self.containers.remove(id) else { return };
        let pod = &kept.container.owner.pod;
        if let Some(ids) = self.of_pod.get_mut(pod) {
            ids.remove(id);
            if ids.is_empty() {
                self.of_pod.remove(pod);
            }
        }
    }

    /// Starts a container.
    pub(crate) fn start(&mut self, id: &str, now: Timestamp) -> Result<Option<Broken>, Failure> {
        let Some(kept) = self.containers.get(id).cloned() else {
            return Err(Failure::Refused(format!("No such container: {id}")));
        };
        match kept.container.state {
            State::Running { .. } => return Ok(None),
            State::Removing => return Err(Failure::Refused("container is marked for removal".into())),
            State::Created | State::Exited { .. } => {}
        }
        if let Some(sandbox) = &kept.container.sandbox
            && !self.containers.get(sandbox).is_some_and(|kept| is_live(&kept.container))
        {
            return Err(Failure::Refused("cannot join network of a non running container".into()));
        }
        if kept.wanted.is_some() && self.is_network_gone {
            return Err(Failure::Refused(NETWORK_GONE.into()));
        }
        if let Some(address) = kept.wanted
            && self.is_taken(address)
        {
            return Err(Failure::AddressTaken("the pod's address is taken: Address already in use".into()));
        }
        let bare = kept.mounts.iter().find_map(|mount| match &mount.source {
            Source::Files(name) if !self.files.contains_key(name) => Some(name),
            _ => None,
        });
        let bare = bare.map(|name| Broken("whole", format!("{id} starts before the files of {name} are whole")));
        let broken = self.twin(&kept).map(|twin| {
            Broken("one of each", format!("{} starts as {id} while {twin} runs", name_of(&kept.container.owner)))
        });
        let broken = broken.or(bare);
        let Some(kept) = self.containers.get_mut(id) else { return Ok(broken) };
        kept.container.state = State::Running { started_at: now, paused: false };
        kept.container.address = kept.wanted;
        Ok(broken)
    }

    /// Another live container for the same part of the same identity.
    fn twin(&self, kept: &Kept) -> Option<String> {
        let part = |kept: &Kept| (kept.container.owner.container.clone(), kept.container.owner.role);
        let is_twin = |other: &&Kept| {
            other.container.id != kept.container.id
                && is_live(&other.container)
                && !other.is_by_hand
                && part(other) == part(kept)
        };
        let mut others = self.of_pod(&kept.container.owner.pod);
        (!kept.is_by_hand).then(|| others.find(is_twin))?.map(|twin| twin.container.id.clone())
    }

    /// Whether something that runs has an address.
    pub(crate) fn is_taken(&self, address: IpAddr) -> bool {
        self.containers.values().any(|kept| kept.container.address == Some(address))
            || self.strangers.values().any(|stranger| stranger.address == Some(address))
    }

    /// Ends a container.
    pub(crate) fn end(&mut self, id: &str, code: i64, now: Timestamp) -> Option<PodKey> {
        let kept = self.containers.get_mut(id)?;
        end(&mut kept.container, code, now);
        Some(kept.container.owner.pod.clone())
    }

    /// Makes a volume; one of the same labels is success.
    pub(crate) fn create_volume(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        size: Option<u64>,
    ) -> Result<Done, Failure> {
        if let Some(volume) = self.volumes.get(name) {
            if volume.labels == *labels {
                return Ok(Done::Made(volume.room.clone()));
            }
            return Err(Failure::Taken(format!("the volume {name} has other labels")));
        }
        let room = size.map_or(Room::Disk, Room::Limit);
        self.volumes
            .insert(name.to_owned(), Volume { name: name.to_owned(), labels: labels.clone(), room: room.clone() });
        Ok(Done::Made(room))
    }

    /// Lets a volume hold so many octets, if it has a size.
    pub(crate) fn grow_volume(&mut self, name: &str, size: u64) -> Result<Done, Failure> {
        let volume = self.volumes.get_mut(name).ok_or_else(|| Failure::Refused(format!("no such volume: {name}")))?;
        match &mut volume.room {
            Room::Limit(held) => *held = size.max(*held),
            Room::Disk | Room::Unlimited(_) => {}
        }
        Ok(Done::Made(volume.room.clone()))
    }

    /// Gives volumes to a group, through a container beside a sandbox.
    pub(crate) fn give(&mut self, volumes: &[OwnedVolume], group: i64, sandbox: &str) -> Result<(), Failure> {
        if !self.containers.get(sandbox).is_some_and(|kept| is_live(&kept.container)) {
            return Err(Failure::Refused("cannot join network of a non running container".into()));
        }
        for volume in volumes {
            if !self.volumes.contains_key(&volume.name) {
                return Err(Failure::Refused(format!("no such volume: {}", volume.name)));
            }
            self.groups.insert(volume.name.clone(), group);
        }
        Ok(())
    }

    /// Removes a volume that nothing mounts.
    pub(crate) fn remove_volume(&mut self, name: &str) -> Result<(), Failure> {
        if self.mounted().contains(name) {
            return Err(Failure::Refused(format!("remove {name}: volume is in use")));
        }
        self.volumes.remove(name);
        self.files.remove(name);
        self.groups.remove(name);
        Ok(())
    }

    /// A container that is to write a pod's files takes the place of the one before, which is removed with what it was about to
    /// do. Returns what tells it from others.
    pub(crate) fn begin_publishing(&mut self, uid: &str) -> u64 {
        self.made += 1;
        self.publishers.insert(uid.to_owned(), (self.made, Vec::new()));
        self.made
    }

    /// Brings versions of files into volumes that are there. The first version of a volume is shown at once: its link comes last.
    pub(crate) fn bring_files(&mut self, uid: &str, turn: u64, volumes: Vec<FileVolume>) -> Result<(), Failure> {
        if let Some(absent) = volumes.iter().find(|volume| !self.volumes.contains_key(&volume.name)) {
            return Err(Failure::Refused(format!("no such volume: {}", absent.name)));
        }
        let publisher = self.publisher(uid, turn)?;
        publisher.clone_from(&volumes);
        for volume in volumes {
            self.files.entry(volume.name.clone()).or_insert(volume);
        }
        Ok(())
    }

    /// Lets volumes show what was brought into them.
    pub(crate) fn show_files(&mut self, uid: &str, turn: u64) -> Result<(), Failure> {
        let volumes = std::mem::take(self.publisher(uid, turn)?);
        self.publishers.remove(uid);
        for volume in volumes {
            if self.volumes.contains_key(&volume.name) {
                self.files.insert(volume.name.clone(), volume);
            }
        }
        Ok(())
    }

    fn publisher(&mut self, uid: &str, turn: u64) -> Result<&mut Vec<FileVolume>, Failure> {
        let publisher = self.publishers.get_mut(uid).filter(|(its, _)| *its == turn);
        publisher.map(|(_, volumes)| volumes).ok_or_else(|| Failure::Refused("No such container".to_owned()))
    }

    /// The names of the volumes that some container mounts, running or not.
    pub(crate) fn mounted(&self) -> BTreeSet<String> {
        let ours = self.containers.values().flat_map(|kept| kept.mounts.iter().filter_map(volume_of));
        let ours = ours.map(str::to_owned);
        ours.chain(self.strangers.values().flat_map(|stranger| stranger.mounts.iter().cloned())).collect()
    }
}

/// The volume that a mount is of.
fn volume_of(mount: &Mount) -> Option<&str> {
    match &mount.source {
        Source::Volume(name) | Source::Files(name) => Some(name),
        Source::Host { .. } | Source::Memory { .. } => None,
    }
}

/// Ends a container that runs.
pub(crate) fn end(container: &mut Container, code: i64, now: Timestamp) {
    if let State::Running { started_at, .. } = container.state {
        container.state = State::Exited {
            started_at: Some(started_at),
            finished_at: now,
            code,
            oom_killed: false,
            error: String::new(),
        };
        container.address = None;
    }
}

/// Whether a container runs.
pub(crate) fn is_live(container: &Container) -> bool {
    matches!(container.state, State::Running { .. })
}

/// The order of the facts.
pub(crate) fn by_part(a: &Container, b: &Container) -> std::cmp::Ordering {
    let part =
        |container: &Container| (container.owner.role, container.owner.container.clone(), container.owner.attempt);
    part(a).cmp(&part(b))
}

/// The name that a container has in the engine.
pub(crate) fn name_of(owner: &Owner) -> String {
    format!("{}_{}_{}_{}", owner.pod.namespace, owner.pod.name, owner.container, owner.attempt)
}
