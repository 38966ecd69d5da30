//! A fake engine that keeps Docker's rules as far as the planner can see them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use controller::{Clock, Hint, Observed, Runtime};
use futures::{StreamExt, stream::BoxStream};
use plan::{
    Action,
    action::{Done, Failure, Mount, Source, Start},
    facts::{Container, Engine, Owner, PodKey, Role, State, Volume},
    pod::Image,
};
use tokio::sync::broadcast;

use crate::clock::TestClock;

/// Hints that a reader has not taken yet; more collapse into `Everything`, as in the real engine.
const HINTS_MAX: usize = 64;

/// An engine whose containers are entries in a map.
#[derive(Debug)]
pub struct FakeEngine {
    clock: Arc<TestClock>,
    state: Mutex<World>,
    hints: broadcast::Sender<PodKey>,
}

#[derive(Debug, Default)]
struct World {
    containers: BTreeMap<String, Kept>,
    volumes: BTreeMap<String, Volume>,
    images: BTreeSet<String>,
    /// Containers (pod, container name) whose probes fail, with what they say.
    sick: BTreeMap<(PodKey, String), String>,
    silent: bool,
    made: u64,
    /// Every action that was asked for, in order, as one line each.
    trace: Vec<String>,
}

#[derive(Clone, Debug)]
struct Kept {
    name: String,
    container: Container,
    mounts: Vec<Mount>,
}

impl FakeEngine {
    /// An engine that has these images.
    pub fn new(clock: Arc<TestClock>, images: &[&str]) -> Self {
        let state = World { images: images.iter().map(|image| (*image).to_owned()).collect(), ..World::default() };
        FakeEngine { clock, state: Mutex::new(state), hints: broadcast::channel(HINTS_MAX).0 }
    }

    /// Gives the engine an image, as `docker build` does beside us.
    pub fn add_image(&self, image: &str) {
        self.state().images.insert(image.to_owned());
    }

    /// Makes a container's probes fail with this message, or succeed again.
    pub fn set_sick(&self, pod: &PodKey, container: &str, message: Option<&str>) {
        let key = (pod.clone(), container.to_owned());
        match message {
            Some(message) => drop(self.state().sick.insert(key, message.to_owned())),
            None => drop(self.state().sick.remove(&key)),
        }
    }

    /// Makes the engine fall silent, or answer again.
    pub fn set_silent(&self, silent: bool) {
        self.state().silent = silent;
    }

    /// Ends every container, as a restart of the engine does.
    pub fn restart(&self) {
        let now = self.clock.now();
        for kept in self.state().containers.values_mut() {
            end(&mut kept.container, 137, now);
        }
    }

    /// Ends one container from outside.
    pub fn kill(&self, pod: &PodKey, container: &str) {
        let now = self.clock.now();
        for kept in self.state().containers.values_mut() {
            if kept.container.owner.pod == *pod && kept.container.owner.container == container {
                end(&mut kept.container, 137, now);
            }
        }
        drop(self.hints.send(pod.clone()));
    }

    /// The ids of the containers that run, by pod and container name.
    pub fn running(&self) -> BTreeMap<(PodKey, String), String> {
        let state = self.state();
        let running = state.containers.values().filter(|kept| matches!(kept.container.state, State::Running { .. }));
        running
            .map(|kept| {
                let owner = &kept.container.owner;
                ((owner.pod.clone(), owner.container.clone()), kept.container.id.clone())
            })
            .collect()
    }

    /// The names of the volumes.
    pub fn volumes(&self) -> Vec<String> {
        self.state().volumes.keys().cloned().collect()
    }

    /// What was asked for since the last call, one line for each action, probes left out.
    pub fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state().trace)
    }

    fn state(&self) -> MutexGuard<'_, World> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, answer: impl FnOnce(&mut World) -> T) -> Result<T, Failure> {
        let mut state = self.state();
        if state.silent { Err(Failure::Silent("the engine is silent".into())) } else { Ok(answer(&mut state)) }
    }

    fn start(state: &mut World, container: Container, mounts: Vec<Mount>) -> Result<Done, Failure> {
        let owner = &container.owner;
        let name = name_of(owner);
        if let Some(kept) = state.containers.values().find(|kept| kept.name == name) {
            return if kept.container.owner.uid == owner.uid {
                Ok(Done::Ok)
            } else {
                Err(Failure::Taken(format!("the name {name} is taken")))
            };
        }
        let live = |kept: &&Kept| {
            let other = &kept.container.owner;
            matches!(kept.container.state, State::Running { .. })
                && (&other.pod, &other.container, other.role) == (&owner.pod, &owner.container, owner.role)
        };
        assert!(!state.containers.values().any(|kept| live(&kept)), "two live containers for one identity: {owner:?}");
        state.made += 1;
        let id = format!("{:08x}", state.made);
        let container = Container { id: id.clone(), ..container };
        state.containers.insert(id, Kept { name, container, mounts });
        Ok(Done::Ok)
    }

    fn do_action(&self, state: &mut World, action: &Action) -> Result<Done, Failure> {
        let now = self.clock.now();
        match action {
            Action::PullImage { image } => Err(Failure::Image(format!("no registry here has {image}"))),
            Action::CreateVolume { name, labels } => {
                state.volumes.insert(name.clone(), Volume { name: name.clone(), labels: labels.clone() });
                Ok(Done::Ok)
            }
            Action::RemoveVolume { name } => {
                if state.containers.values().any(|kept| mounts(kept, name)) {
                    return Err(Failure::Refused(format!("volume {name} is in use")));
                }
                state.volumes.remove(name);
                Ok(Done::Ok)
            }
            Action::StartSandbox(sandbox) => {
                let taken = |kept: &Kept| {
                    kept.container.address == Some(sandbox.address)
                        && kept.container.owner.pod != sandbox.owner.pod
                        && matches!(kept.container.state, State::Running { .. })
                };
                if state.containers.values().any(taken) {
                    return Err(Failure::Taken("Address already in use".into()));
                }
                let container = Container {
                    id: String::new(),
                    owner: sandbox.owner.clone(),
                    state: State::Running { started_at: now, paused: false },
                    image_id: "sha256:pause".into(),
                    address: Some(sandbox.address),
                    sandbox: None,
                };
                Self::start(state, container, Vec::new())
            }
            Action::StartContainer(start) => self.start_container(state, start),
            Action::Stop(_) | Action::Remove { .. } => Ok(self.end_or_remove(state, action)),
            Action::Probe(probe) => {
                let key = (probe.owner.pod.clone(), probe.owner.container.clone());
                let sick = state.sick.get(&key).cloned();
                Ok(Done::Probed { success: sick.is_none(), message: sick.unwrap_or_default() })
            }
        }
    }

    fn start_container(&self, state: &mut World, start: &Start) -> Result<Done, Failure> {
        if !state.images.contains(&start.image) {
            return Err(Failure::Image(format!("No such image: {}", start.image)));
        }
        let joined = state.containers.get(&start.sandbox_id).map(|kept| &kept.container.state);
        if !matches!(joined, Some(State::Running { .. })) {
            return Err(Failure::Refused("cannot join network of a non running container".into()));
        }
        let now = self.clock.now();
        let running = State::Running { started_at: now, paused: false };
        let ended =
            State::Exited { started_at: Some(now), finished_at: now, code: 0, oom_killed: false, error: String::new() };
        let container = Container {
            id: String::new(),
            owner: start.owner.clone(),
            state: if start.owner.role == Role::Init { ended } else { running },
            image_id: format!("sha256:{}", start.image),
            address: None,
            sandbox: Some(start.sandbox_id.clone()),
        };
        Self::start(state, container, start.mounts.clone())
    }

    fn end_or_remove(&self, state: &mut World, action: &Action) -> Done {
        let now = self.clock.now();
        match action {
            Action::Stop(stops) => {
                for stop in stops {
                    if let Some(kept) = state.containers.get_mut(&stop.id) {
                        end(&mut kept.container, 0, now);
                    }
                }
            }
            Action::Remove { id, .. } => drop(state.containers.remove(id)),
            _ => {}
        }
        Done::Ok
    }
}

#[async_trait]
impl Runtime for FakeEngine {
    async fn observe(&self) -> Result<Observed, Failure> {
        self.answer(|state| {
            let mut containers: BTreeMap<PodKey, Vec<Container>> = BTreeMap::new();
            for kept in state.containers.values() {
                containers.entry(kept.container.owner.pod.clone()).or_default().push(kept.container.clone());
            }
            for list in containers.values_mut() {
                list.sort_by(by_part);
            }
            let used = |mount: &Mount| match &mount.source {
                Source::Volume(name) => Some(name.clone()),
                Source::Host { .. } | Source::Memory { .. } => None,
            };
            Observed {
                engine: Engine { containers, volumes: state.volumes.clone() },
                mounted: state.containers.values().flat_map(|kept| kept.mounts.iter().filter_map(used)).collect(),
            }
        })
    }

    async fn observe_pod(&self, pod: &PodKey) -> Result<Vec<Container>, Failure> {
        self.answer(|state| {
            let of_pod = state.containers.values().filter(|kept| kept.container.owner.pod == *pod);
            let mut list: Vec<Container> = of_pod.map(|kept| kept.container.clone()).collect();
            list.sort_by(by_part);
            list
        })
    }

    async fn images(&self, references: &BTreeSet<String>) -> Result<BTreeMap<String, Image>, Failure> {
        self.answer(|state| {
            let image = |name: &String| (name.clone(), Image { id: format!("sha256:{name}"), env: Vec::new() });
            references.iter().filter(|name| state.images.contains(*name)).map(image).collect()
        })
    }

    async fn act(&self, action: &Action) -> Result<Done, Failure> {
        let result = self.answer(|state| {
            if !matches!(action, Action::Probe(_)) {
                let line = line_of(action);
                state.trace.push(line);
            }
            self.do_action(state, action)
        })?;
        if let Some(pod) = pod_of(action) {
            drop(self.hints.send(pod.clone()));
        }
        result
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        let hints = self.hints.subscribe();
        let next = |mut hints: broadcast::Receiver<PodKey>| async move {
            match hints.recv().await {
                Ok(pod) => Some((Hint::Pod(pod), hints)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Hint::Everything, hints)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        };
        futures::stream::unfold(hints, next).boxed()
    }
}

fn end(container: &mut Container, code: i64, now: jiff::Timestamp) {
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

fn mounts(kept: &Kept, name: &str) -> bool {
    kept.mounts.iter().any(|mount| matches!(&mount.source, Source::Volume(volume) if volume == name))
}

fn by_part(a: &Container, b: &Container) -> std::cmp::Ordering {
    let part =
        |container: &Container| (container.owner.role, container.owner.container.clone(), container.owner.attempt);
    part(a).cmp(&part(b))
}

fn name_of(owner: &Owner) -> String {
    format!("{}_{}_{}_{}", owner.pod.namespace, owner.pod.name, owner.container, owner.attempt)
}

fn pod_of(action: &Action) -> Option<&PodKey> {
    match action {
        Action::StartSandbox(sandbox) => Some(&sandbox.owner.pod),
        Action::StartContainer(start) => Some(&start.owner.pod),
        Action::Stop(stops) => stops.first().map(|stop| &stop.owner.pod),
        Action::Remove { owner, .. } => Some(&owner.pod),
        Action::PullImage { .. } | Action::CreateVolume { .. } | Action::RemoveVolume { .. } | Action::Probe(_) => None,
    }
}

fn line_of(action: &Action) -> String {
    match action {
        Action::PullImage { image } => format!("pull {image}"),
        Action::CreateVolume { name, .. } => format!("create volume {name}"),
        Action::RemoveVolume { name } => format!("remove volume {name}"),
        Action::StartSandbox(sandbox) => format!("start sandbox {}", name_of(&sandbox.owner)),
        Action::StartContainer(start) => format!("start {}", name_of(&start.owner)),
        Action::Stop(stops) => {
            let names: Vec<String> = stops.iter().map(|stop| name_of(&stop.owner)).collect();
            format!("stop {}", names.join(" "))
        }
        Action::Remove { owner, .. } => format!("remove {}", name_of(owner)),
        Action::Probe(probe) => format!("probe {}", name_of(&probe.owner)),
    }
}
