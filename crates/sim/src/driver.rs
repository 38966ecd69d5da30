//! What the docker crate is to the real engine: actions as sequences of requests, one daemon's life long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use controller::{Hint, Observed, Runtime, Unserved};
use futures::{StreamExt, future::join_all, stream::BoxStream};
use jiff::Timestamp;
use plan::{
    Action,
    action::{Done, Failure, Probe, Stop},
    config::WriteFiles,
    facts::{Container, Engine, PodKey, Role, State},
    pod::Image,
    zone::Frontends,
};
use tokio::{
    sync::broadcast,
    time::{Duration, timeout},
};

use crate::engine::{
    Call, FakeEngine,
    world::{Draft, Held, NETWORK_GONE, World, by_part, name_of},
};
use crate::lifeline::{Fate, Lifeline};

/// After so long a question has no answer, as in the docker crate.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// And so long an action.
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);

/// One daemon's connection to the engine. When the daemon dies, requests under way go on without it, and sequences end
/// where they are.
#[derive(Debug)]
pub struct Driver {
    engine: Arc<FakeEngine>,
    lifeline: Arc<Lifeline>,
}

impl Driver {
    /// A connection of a new daemon.
    pub fn new(engine: Arc<FakeEngine>, lifeline: Arc<Lifeline>) -> Driver {
        Driver { engine, lifeline }
    }

    /// Puts a request. The engine serves it to the end, whatever becomes of the daemon.
    async fn request<T: Send + 'static>(
        &self,
        call: Call,
        limit: Duration,
        what: impl FnOnce() -> String,
        effect: impl FnOnce(&FakeEngine, &mut World, Timestamp) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let fate = self.lifeline.step();
        if matches!(fate, Fate::Dead | Fate::DiesBefore) {
            return std::future::pending().await;
        }
        let (engine, what) = (Arc::clone(&self.engine), what());
        let task =
            tokio::spawn(async move { engine.serve(call, what, |world, now| effect(&engine, world, now)).await });
        let answer = timeout(limit, task).await;
        if self.lifeline.is_over() {
            return std::future::pending().await;
        }
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(Failure::Refused(format!("the engine's task: {error}"))),
            Err(_) => Err(Failure::Silent("timed out".to_owned())),
        }
    }

    async fn read<T: Send + 'static>(&self, look: impl FnOnce(&mut World) -> T + Send + 'static) -> Result<T, Failure> {
        self.request(Call::Read, READ_TIMEOUT, String::new, |_, world, _| Ok(look(world))).await
    }

    /// Inspects containers, some at one moment and some at another; one that is gone by then is left out.
    async fn inspect(&self, ids: Vec<String>) -> Result<Vec<Container>, Failure> {
        let mut found = Vec::new();
        let half = ids.len().div_ceil(2).max(1);
        for ids in ids.chunks(half) {
            let ids = ids.to_vec();
            let look = move |world: &mut World| {
                let kept = ids.iter().filter_map(|id| world.containers.get(id));
                kept.map(|kept| kept.container.clone()).collect::<Vec<_>>()
            };
            found.extend(self.read(look).await?);
        }
        found.sort_by(by_part);
        Ok(found)
    }

    /// Creates and starts a container as the docker crate does, request by request.
    async fn bring_up(&self, draft: Draft) -> Result<Done, Failure> {
        let is_sandbox = draft.owner.role == Role::Sandbox;
        let id = match self.create(&draft).await? {
            Ok(id) => id,
            Err(Held::Running) => return Ok(Done::Ok),
            Err(Held::Ended(_)) if !is_sandbox => return Ok(Done::Ok),
            Err(Held::Ended(id) | Held::NeverStarted(id)) => {
                self.force_remove(&id).await?;
                match self.create(&draft).await? {
                    Ok(id) => id,
                    Err(_) => return Err(Failure::Refused("the name is in use".to_owned())),
                }
            }
        };
        match self.start(&draft, &id).await {
            Err(Failure::Refused(why)) if why == NETWORK_GONE => {
                let restore = |_: &FakeEngine, world: &mut World, _: Timestamp| {
                    world.is_network_gone = false;
                    Ok(())
                };
                self.request(Call::Write, WRITE_TIMEOUT, || "makes the network again".to_owned(), restore).await?;
                self.force_remove(&id).await?;
                match self.create(&draft).await? {
                    Ok(id) => self.start(&draft, &id).await,
                    Err(_) => Err(Failure::Refused("the name is in use".to_owned())),
                }
            }
            answer => answer,
        }
    }

    async fn start(&self, draft: &Draft, id: &str) -> Result<Done, Failure> {
        let (what, pod) = (format!("starts {}", name_of(&draft.owner)), draft.owner.pod.clone());
        let (shared, id) = (Arc::clone(&self.engine), id.to_owned());
        let start = move |engine: &FakeEngine, world: &mut World, now: Timestamp| {
            let broken = world.start(&id, now)?;
            if let Some(broken) = broken {
                engine.judge().breach(broken.0, broken.1);
            }
            engine.hint(&pod);
            // When the world is free again.
            tokio::spawn(async move { shared.work(&id) });
            Ok(Done::Ok)
        };
        self.request(Call::Write, WRITE_TIMEOUT, || what, start).await
    }

    async fn create(&self, draft: &Draft) -> Result<Result<String, Held>, Failure> {
        let (what, draft) = (format!("creates {}", name_of(&draft.owner)), draft.clone());
        self.request(Call::Write, WRITE_TIMEOUT, || what, move |_, world, _| world.create(draft)).await
    }

    async fn stop(&self, stop: &Stop) -> Result<(), Failure> {
        let (id, grace) = (stop.id.clone(), stop.grace);
        // Half of what runs in containers does not listen to its stop signal.
        let is_deaf = id.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
        let what = format!("stops {}", name_of(&stop.owner));
        let code = if is_deaf || grace.is_zero() { 137 } else { 0 };
        let takes_time = self.engine.takes_time();
        if is_deaf && !grace.is_zero() && takes_time {
            // The signal; the kill comes when the grace period is over, if the engine is there then.
            self.request(Call::Write, WRITE_TIMEOUT, || format!("signals {id}"), |_, _, _| Ok(())).await?;
            tokio::time::sleep(grace).await;
        }
        let id = stop.id.clone();
        let end = move |engine: &FakeEngine, world: &mut World, now: Timestamp| {
            if let Some(pod) = world.end(&id, code, now) {
                engine.hint(&pod);
            }
            Ok(())
        };
        self.request(Call::Write, WRITE_TIMEOUT, || what, end).await
    }

    async fn force_remove(&self, id: &str) -> Result<(), Failure> {
        let id = id.to_owned();
        let what = format!("removes {id}");
        let remove = move |engine: &FakeEngine, world: &mut World, _: Timestamp| {
            let Some(kept) = world.containers.get_mut(&id) else { return Ok(()) };
            let pod = kept.container.owner.pod.clone();
            if engine.is_stuck() {
                kept.container.state = State::Removing;
                kept.container.address = None;
                return Err(Failure::Refused("driver failed to remove: device or resource busy".to_owned()));
            }
            world.remove(&id);
            engine.hint(&pod);
            Ok(())
        };
        self.request(Call::Write, WRITE_TIMEOUT, || what, remove).await
    }

    /// As the docker crate does: the volumes, then the files, then the link to them. A later try takes the place of an earlier one
    /// that is still under way, whose container it removes first.
    async fn write_files(&self, write: &WriteFiles) -> Result<Done, Failure> {
        for volume in &write.volumes {
            let (name, labels) = (volume.name.clone(), volume.labels.clone());
            let make = move |_: &FakeEngine, world: &mut World, _: Timestamp| world.create_volume(&name, &labels, None);
            self.request(Call::Write, WRITE_TIMEOUT, || format!("makes {}", volume.name), make).await?;
        }
        let uid = write.uid.clone();
        let begin = move |_: &FakeEngine, world: &mut World, _: Timestamp| Ok(world.begin_publishing(&uid));
        let turn = self.request(Call::Write, WRITE_TIMEOUT, || format!("begins {}", write.uid), begin).await?;
        let (uid, volumes) = (write.uid.clone(), write.volumes.clone());
        let bring = move |_: &FakeEngine, world: &mut World, _: Timestamp| world.bring_files(&uid, turn, volumes);
        self.request(Call::Write, WRITE_TIMEOUT, || format!("brings files of {}", write.uid), bring).await?;
        let uid = write.uid.clone();
        let show = move |_: &FakeEngine, world: &mut World, _: Timestamp| world.show_files(&uid, turn);
        self.request(Call::Write, WRITE_TIMEOUT, || format!("shows files of {}", write.uid), show).await?;
        Ok(Done::Ok)
    }

    async fn probe(&self, probe: &Probe) -> Result<Done, Failure> {
        let (id, owner) = (probe.id.clone(), probe.owner.clone());
        let check = move |world: &mut World| {
            let runs = world.containers.get(&id).map(|kept| kept.container.state.clone());
            match runs {
                Some(State::Running { paused: false, .. }) => {
                    let sick = world.sick.get(&(owner.pod, owner.container)).cloned();
                    Done::Probed { success: sick.is_none(), message: sick.unwrap_or_default() }
                }
                Some(_) | None => Done::Probed { success: false, message: format!("container {id} is not running") },
            }
        };
        self.read(check).await
    }
}

#[async_trait]
impl Runtime for Driver {
    /// Mixes moments as the docker crate does: first the list of containers, then the volumes, then each container.
    async fn observe(&self) -> Result<Observed, Failure> {
        let list = |world: &mut World| (world.containers.keys().cloned().collect::<Vec<_>>(), world.mounted());
        let (ids, mounted) = self.read(list).await?;
        let volumes = self.read(|world: &mut World| world.volumes.clone()).await?;
        let mut containers: BTreeMap<PodKey, Vec<Container>> = BTreeMap::new();
        for container in self.inspect(ids).await? {
            containers.entry(container.owner.pod.clone()).or_default().push(container);
        }
        let mounted = mounted.into_iter().filter(|name| volumes.contains_key(name)).collect();
        self.engine.is_heard();
        Ok(Observed { engine: Engine { containers, volumes }, mounted })
    }

    async fn observe_pod(&self, pod: &PodKey) -> Result<Vec<Container>, Failure> {
        let pod = pod.clone();
        let list =
            move |world: &mut World| world.of_pod(&pod).map(|kept| kept.container.id.clone()).collect::<Vec<_>>();
        let ids = self.read(list).await?;
        self.inspect(ids).await
    }

    async fn images(&self, references: &BTreeSet<String>) -> Result<BTreeMap<String, Image>, Failure> {
        let references = references.clone();
        let look = move |world: &mut World| {
            let image = |name: &String| (name.clone(), Image { id: format!("sha256:{name}"), ..Image::default() });
            references.iter().filter(|name| world.images.contains(*name)).map(image).collect()
        };
        self.read(look).await
    }

    async fn act(&self, action: &Action) -> Result<Done, Failure> {
        if !matches!(action, Action::Probe(_)) && !self.lifeline.is_over() {
            self.engine.note(action, line_of(action));
        }
        match action {
            Action::PullImage { image, .. } => {
                let image = image.clone();
                let pull = move |_: &FakeEngine, world: &mut World, _: Timestamp| {
                    if world.images.contains(&image) {
                        Ok(Done::Pulled { took: Duration::from_secs(1), size: 1 })
                    } else {
                        Err(Failure::Image(format!("pull access denied for {image}")))
                    }
                };
                // A download has no limit.
                self.request(Call::Pull, Duration::from_hours(24), || line_of(action), pull).await
            }
            Action::CreateVolume { name, labels, size } => {
                let (name, labels, size) = (name.clone(), labels.clone(), *size);
                let make =
                    move |_: &FakeEngine, world: &mut World, _: Timestamp| world.create_volume(&name, &labels, size);
                self.request(Call::Write, WRITE_TIMEOUT, || line_of(action), make).await
            }
            Action::GrowVolume { name, size } => {
                let (name, size) = (name.clone(), *size);
                let grow = move |_: &FakeEngine, world: &mut World, _: Timestamp| world.grow_volume(&name, size);
                self.request(Call::Write, WRITE_TIMEOUT, || line_of(action), grow).await
            }
            Action::RemoveVolume { name } => {
                let name = name.clone();
                let remove = move |_: &FakeEngine, world: &mut World, _: Timestamp| world.remove_volume(&name);
                self.request(Call::Write, WRITE_TIMEOUT, || line_of(action), remove).await.map(|()| Done::Ok)
            }
            Action::WriteFiles(write) => self.write_files(write).await,
            Action::SetVolumeOwnership(ownership) => {
                let (volumes, sandbox) = (ownership.volumes.clone(), ownership.sandbox_id.clone());
                let group = ownership.group;
                let give = move |_: &FakeEngine, world: &mut World, _: Timestamp| {
                    world.give(&volumes, group, &sandbox).map(|()| Done::Ok)
                };
                self.request(Call::Write, WRITE_TIMEOUT, || line_of(action), give).await
            }
            Action::StartSandbox(sandbox) => {
                let address = (!sandbox.host_network).then_some(sandbox.address);
                let owner = sandbox.owner.clone();
                self.bring_up(Draft { owner, image: None, mounts: Vec::new(), address, sandbox: None }).await
            }
            Action::StartContainer(start) => {
                let sandbox = Some(start.sandbox_id.clone());
                let image = Some(start.image.clone());
                let (owner, mounts) = (start.owner.clone(), start.mounts.clone());
                self.bring_up(Draft { owner, image, mounts, address: None, sandbox }).await
            }
            Action::Stop(stops) => {
                let results = join_all(stops.iter().map(|stop| self.stop(stop))).await;
                results.into_iter().collect::<Result<(), Failure>>().map(|()| Done::Ok)
            }
            Action::Remove { id, .. } => self.force_remove(id).await.map(|()| Done::Ok),
            Action::Probe(probe) => self.probe(probe).await,
        }
    }

    async fn serve(&self, frontends: &Frontends) -> Result<Unserved, Failure> {
        // What is served already is not changed.
        let wanted = frontends.clone();
        if self.read(move |world: &mut World| world.frontends == wanted).await? {
            return Ok(Unserved::new());
        }
        let frontends = frontends.clone();
        let serve = move |_: &FakeEngine, world: &mut World, _: Timestamp| {
            world.frontends = frontends;
            Ok(())
        };
        self.request(Call::Write, WRITE_TIMEOUT, || "serve frontends".to_owned(), serve).await.map(|()| Unserved::new())
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        let next = |mut hints: broadcast::Receiver<Hint>| async move {
            match hints.recv().await {
                Ok(hint) => Some((hint, hints)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Hint::Everything, hints)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        };
        futures::stream::unfold(self.engine.listen(), next).boxed()
    }
}

pub(crate) fn line_of(action: &Action) -> String {
    match action {
        Action::PullImage { image, .. } => format!("pull {image}"),
        Action::CreateVolume { name, .. } => format!("create volume {name}"),
        Action::GrowVolume { name, size } => format!("grow volume {name} to {size}"),
        Action::RemoveVolume { name } => format!("remove volume {name}"),
        Action::WriteFiles(write) => {
            let names: Vec<&str> = write.volumes.iter().map(|volume| volume.name.as_str()).collect();
            format!("write files {}", names.join(" "))
        }
        Action::SetVolumeOwnership(ownership) => format!("give volumes of {} to {}", ownership.pod, ownership.group),
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
