//! One identity, the engine's facts about it, and what becomes of both when plans are carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Pod, PodStatus};
use plan::{
    Action, Note, Write,
    action::{Done, Failure, ProbeKind, Source},
    config::{Config, FileVolume, Octets, Values},
    facts::{Container, Engine, Owner, PodKey, Role, State},
    law::{self, Broken, Law, Verdict},
    pod::{self, ClaimState, Host, Image, Input, Memory, Plan},
    schedule::{BetweenPods, Place},
    set::{HeldBack, Reserved},
};

pub(crate) const UID: &str = "11111111-1111-4111-8111-111111111111";
/// That of another pod of this name.
pub(crate) const OTHER: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const POD_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 5));
/// Noon of the day the document was written.
pub(crate) const NOON: &str = "2016-07-01T12:00:00Z";

/// More passes than any pod of these tests needs to come to rest.
const PASSES_MAX: usize = 200;

/// What a pod lives in. Actions end at once unless a test takes them into its own hands.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) pod: Option<Pod>,
    pub(crate) reserved: Option<Reserved>,
    pub(crate) containers: Vec<Container>,
    pub(crate) scratch: Vec<String>,
    pub(crate) claims: BTreeMap<String, ClaimState>,
    pub(crate) config: Config,
    /// The version of the files that each volume holds.
    pub(crate) files: BTreeMap<String, FileVolume>,
    pub(crate) address: Result<IpAddr, String>,
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) images_unknown: BTreeSet<String>,
    pub(crate) node: Option<Node>,
    pub(crate) neighbours: Vec<Pod>,
    pub(crate) namespaces: Vec<Namespace>,
    /// What the pod's claims are bound to, where that counts for its place.
    pub(crate) volumes: Vec<PersistentVolume>,
    pub(crate) between_pods: BetweenPods,
    pub(crate) held_back: Option<HeldBack>,
    pub(crate) memory: Memory,
    pub(crate) host: Host,
    pub(crate) now: Timestamp,
    pub(crate) notes: Vec<Note>,
    pub(crate) log: Vec<String>,
    /// Actions (as the log writes them) that fail, and how.
    pub(crate) refuses: BTreeMap<String, Failure>,
    /// Probes that fail: container and kind, with the message.
    pub(crate) sick: BTreeMap<(String, ProbeKind), String>,
    /// Containers that exit with a code as soon as they have started.
    pub(crate) exits: BTreeMap<String, i64>,
    /// Containers whose post-start hook fails.
    pub(crate) bad_hooks: BTreeSet<String>,
    /// What plans: the planner as it is, or one that breaks a law.
    pub(crate) planner: fn(&Input<'_>) -> Plan,
    made: u32,
    revision: u64,
}

impl World {
    pub(crate) fn new(pod: &str) -> Self {
        let mut world = Self {
            pod: None,
            reserved: None,
            containers: Vec::new(),
            scratch: Vec::new(),
            claims: BTreeMap::new(),
            config: Config::default(),
            files: BTreeMap::new(),
            address: Ok(POD_ADDRESS),
            images: BTreeMap::new(),
            images_unknown: BTreeSet::new(),
            node: None,
            neighbours: Vec::new(),
            namespaces: Vec::new(),
            volumes: Vec::new(),
            between_pods: BetweenPods::Required,
            held_back: None,
            memory: Memory::default(),
            host: Host {
                instance: "default".into(),
                node: "laptop".into(),
                address: IpAddr::V4(Ipv4Addr::new(192, 168, 1, 7)),
                domain: "cluster.local".into(),
                dns: IpAddr::V4(Ipv4Addr::new(10, 88, 0, 1)),
                search: vec!["example.org".into()],
                resolvers: vec![IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9))],
            },
            now: NOON.parse().unwrap(),
            notes: Vec::new(),
            log: Vec::new(),
            refuses: BTreeMap::new(),
            sick: BTreeMap::new(),
            exits: BTreeMap::new(),
            bad_hooks: BTreeSet::new(),
            planner: pod::plan,
            made: 0,
            revision: 1,
        };
        world.create(UID, pod);
        world
    }

    /// A pod `web-0` of this spec, with its images present.
    pub(crate) fn create(&mut self, uid: &str, spec: &str) {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "web-0", "namespace": "default", "uid": uid, "resourceVersion": "1", "generation": 1,
                "labels": {"app": "nginx"}},
            "spec": serde_json::from_str::<serde_json::Value>(spec).unwrap(),
        }))
        .unwrap();
        for container in pod.spec.iter().flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers)) {
            let image = container.image.clone().unwrap_or_default();
            self.images.insert(image.clone(), Image { id: format!("sha256:{image}"), ..Image::default() });
        }
        self.pod = Some(pod);
    }

    /// The pod is reserved by its set, and not made.
    pub(crate) fn reserve(&mut self) {
        let pod = self.pod.take().unwrap();
        self.reserved = Some(Reserved {
            metadata: pod.metadata.clone(),
            set: "web".to_owned(),
            set_kind: "PetSet".to_owned(),
            pod,
            host: self.host.clone(),
        });
    }

    /// What is planned; the laws hold for it.
    pub(crate) fn plan(&self) -> Plan {
        self.judged().unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// What is planned, unless it breaks a law.
    pub(crate) fn judged(&self) -> Result<Plan, Broken> {
        self.with_input(|input| {
            let plan = (self.planner)(input);
            law::pod::all(input, &plan).map(|()| plan)
        })
    }

    /// Does something with what a planner gets.
    pub(crate) fn with_input<T>(&self, f: impl FnOnce(&Input<'_>) -> T) -> T {
        let place = Place {
            node: self.node.as_ref(),
            pods: self.neighbours.iter().collect(),
            namespaces: self.namespaces.iter().collect(),
            volumes: self.volumes.iter().collect(),
            between_pods: self.between_pods,
        };
        f(&Input {
            key: &key(),
            pod: self.pod.as_ref(),
            reserved: self.reserved.as_ref(),
            containers: &self.containers,
            scratch: &self.scratch,
            claims: &self.claims,
            config: &self.config,
            address: self.address.clone(),
            images: &self.images,
            images_unknown: &self.images_unknown,
            place: &place,
            held_back: self.held_back.clone(),
            memory: &self.memory,
            host: &self.host,
            now: self.now,
        })
    }

    /// One pass: plan, commit, act. Returns the plan.
    pub(crate) fn step(&mut self) -> Plan {
        self.try_step().unwrap_or_else(|broken| panic!("{broken}"))
    }

    fn try_step(&mut self) -> Result<Plan, Broken> {
        let plan = self.judged()?;
        self.commit(&plan);
        for action in &plan.actions {
            self.begin(action);
        }
        for action in &plan.actions {
            self.end(action);
        }
        self.one_of_each()?;
        Ok(plan)
    }

    /// No two live containers for one part of the identity.
    pub(crate) fn one_of_each(&self) -> Verdict {
        let containers = [(key(), self.containers.clone())].into();
        law::world::one_of_each(&Engine { containers, volumes: BTreeMap::new() })
    }

    /// Passes until one changes nothing. Returns the last plan: its waits say what is still to come.
    pub(crate) fn settle(&mut self) -> Plan {
        self.try_settle().unwrap_or_else(|broken| panic!("{broken}"))
    }

    fn try_settle(&mut self) -> Result<Plan, Broken> {
        for _ in 0..PASSES_MAX {
            let plan = self.try_step()?;
            if plan.actions.is_empty() && plan.writes.is_empty() {
                return Ok(plan);
            }
        }
        Err(Broken { law: Law::Settles, why: format!("web-0 does not come to rest: {:?}", self.log) })
    }

    /// Passes for so long, looking again whenever that is asked for.
    pub(crate) fn run_for(&mut self, seconds: i64) {
        self.try_run_for(seconds).unwrap_or_else(|broken| panic!("{broken}"));
    }

    pub(crate) fn try_run_for(&mut self, seconds: i64) -> Verdict {
        let end = self.now + SignedDuration::from_secs(seconds);
        loop {
            let plan = self.try_settle()?;
            match plan.look_again {
                Some(at) if at <= end => self.now = at.max(self.now + SignedDuration::from_millis(1)),
                _ => break,
            }
        }
        self.now = end;
        self.try_settle().map(drop)
    }

    pub(crate) fn commit(&mut self, plan: &Plan) {
        self.notes.extend(plan.notes.iter().cloned());
        for write in &plan.writes {
            let rv = self.pod.as_ref().and_then(|pod| pod.metadata.resource_version.clone());
            self.revision += 1;
            match write {
                Write::UpdatePod(pod) => {
                    assert_eq!(pod.metadata.resource_version, rv);
                    self.pod = Some((**pod).clone());
                }
                Write::PodStatus { rv: read, status, .. } => {
                    assert_eq!(Some(read), rv.as_ref());
                    // As the store does: through JSON and back.
                    let json = serde_json::to_value(status).unwrap();
                    self.pod.as_mut().unwrap().status = Some(serde_json::from_value(json).unwrap());
                }
                Write::RemovePod { rv: read, .. } => {
                    assert_eq!(Some(read), rv.as_ref());
                    self.log.push("remove pod".into());
                    self.pod = None;
                    return;
                }
                other => panic!("a pod's plan does not write {other:?}"),
            }
            self.pod.as_mut().unwrap().metadata.resource_version = Some(self.revision.to_string());
        }
    }

    pub(crate) fn begin(&mut self, action: &Action) {
        self.log.push(name_of(action));
        pod::begin(&mut self.memory, action, self.now);
    }

    pub(crate) fn end(&mut self, action: &Action) {
        let result = match self.refuses.get(&name_of(action)) {
            Some(failure) => Err(failure.clone()),
            None => self.act(action),
        };
        self.answer(action, &result);
    }

    /// What the engine answers, without anything being done.
    pub(crate) fn answer(&mut self, action: &Action, result: &Result<Done, Failure>) {
        let notes = pod::record(&mut self.memory, self.pod.as_ref(), action, result, self.now);
        self.notes.extend(notes);
    }

    /// Does what the engine would do.
    pub(crate) fn act(&mut self, action: &Action) -> Result<Done, Failure> {
        let now = self.now;
        let running = State::Running { started_at: now, paused: false };
        match action {
            Action::PullImage { image, .. } => {
                self.images.insert(image.clone(), Image { id: format!("sha256:{image}"), ..Image::default() });
                return Ok(Done::Pulled { took: Duration::from_millis(1234), size: 42 });
            }
            Action::CreateVolume { name, .. } => {
                if !self.scratch.contains(name) {
                    self.scratch.push(name.clone());
                }
            }
            Action::WriteFiles(write) => {
                for volume in &write.volumes {
                    if !self.scratch.contains(&volume.name) {
                        self.scratch.push(volume.name.clone());
                    }
                    self.files.insert(volume.name.clone(), volume.clone());
                }
            }
            Action::GrowVolume { .. } => {}
            Action::RemoveVolume { name } => {
                self.scratch.retain(|volume| volume != name);
                self.files.remove(name);
            }
            Action::SetVolumeOwnership(ownership) => {
                let is_there = |name: &String| !name.starts_with("petset_default_") || self.scratch.contains(name);
                if let Some(absent) = ownership.volumes.iter().find(|volume| !is_there(&volume.name)) {
                    return Err(Failure::Refused(format!("no such volume: {}", absent.name)));
                }
            }
            Action::StartSandbox(sandbox) => {
                let address = (!sandbox.host_network).then_some(sandbox.address);
                self.put(&sandbox.owner, running, None, address);
                if let Some(code) = self.exits.get(&sandbox.owner.container).copied() {
                    self.exit("POD", code);
                }
            }
            Action::StartContainer(start) => {
                if !self.containers.iter().any(|c| c.id == start.sandbox_id && is_live(c)) {
                    return Err(Failure::Refused("cannot join network of a non running container".into()));
                }
                self.put(&start.owner, running, Some(start.sandbox_id.clone()), None);
                let name = &start.owner.container;
                if let Some(code) = self.exits.get(name).copied() {
                    self.exit(name, code);
                }
                if start.post_start.is_some() && self.bad_hooks.contains(name) {
                    return Ok(Done::PostStartFailed("secret".into()));
                }
            }
            Action::Stop(stops) => {
                for stop in stops {
                    if let Some(container) = self.containers.iter_mut().find(|c| c.id == stop.id && is_live(c)) {
                        // The pause program obeys; nobody has taught the others.
                        end(container, now, if container.owner.role == Role::Sandbox { 0 } else { 143 });
                    }
                }
            }
            Action::Remove { id, .. } => self.containers.retain(|container| container.id != *id),
            Action::Probe(probe) => {
                let message = self.sick.get(&(probe.owner.container.clone(), probe.kind));
                return Ok(Done::Probed { success: message.is_none(), message: message.cloned().unwrap_or_default() });
            }
        }
        Ok(Done::Ok)
    }

    fn put(&mut self, owner: &Owner, state: State, sandbox: Option<String>, address: Option<IpAddr>) {
        if let Some(container) = self.containers.iter_mut().find(|c| c.owner == *owner) {
            // One that runs already is success; one that has ended keeps its name.
            if container.state == State::Created {
                container.state = state;
                container.address = address;
            }
            return;
        }
        self.made += 1;
        let image_id = format!("sha256:{}", owner.container);
        let id = format!("c{}", self.made);
        self.containers.push(Container { id, owner: owner.clone(), state, image_id, address, sandbox });
        self.containers.sort_by_key(|c| (c.owner.role, c.owner.container.clone(), c.owner.attempt));
    }

    /// Of a pod that runs, the volumes hold what a daemon that has just begun would write: nothing of them is left to do.
    pub(crate) fn shows_its_files(&self) -> Verdict {
        let mut anew = self.clone();
        anew.forget();
        let Some(Action::WriteFiles(write)) = anew.judged()?.actions.into_iter().next() else { return Ok(()) };
        match write.volumes.iter().find(|volume| self.files.get(&volume.name) != Some(volume)) {
            Some(volume) => Err(Broken {
                law: Law::Settles,
                why: format!("volume {} shows other files than it should", volume.name),
            }),
            None => Ok(()),
        }
    }

    /// The files of a volume, each as `PATH MODE CONTENT`.
    pub(crate) fn files_of(&self, volume: &str) -> Vec<String> {
        let name = format!("petset_default_{UID}_{volume}");
        let files = self.files.get(&name).map(|volume| volume.files.clone()).unwrap_or_default();
        let text = |octets: &Octets| String::from_utf8_lossy(octets.as_slice()).into_owned();
        files.iter().map(|file| format!("{} {:o} {}", file.path, file.mode, text(&file.content))).collect()
    }

    /// There is a ConfigMap with these values.
    pub(crate) fn config_map(&mut self, name: &str, data: &[(&str, &str)]) {
        self.config.config_maps.insert(name.to_owned(), values(data).into());
    }

    /// There is a Secret with these values.
    pub(crate) fn secret(&mut self, name: &str, data: &[(&str, &str)]) {
        self.config.secrets.insert(name.to_owned(), values(data).into());
    }

    /// The live container of this name ends.
    pub(crate) fn exit(&mut self, name: &str, code: i64) {
        let now = self.now;
        let container = self.containers.iter_mut().find(|c| c.owner.container == name && is_live(c));
        end(container.expect("it runs"), now, code);
    }

    /// The daemon is started again: all memory is gone.
    pub(crate) fn forget(&mut self) {
        self.memory = Memory::default();
    }

    pub(crate) fn advance(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// As `DELETE` does it.
    pub(crate) fn delete(&mut self, grace: i64) {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
        let pod = self.pod.as_mut().unwrap();
        let now = Timestamp::from_second(self.now.as_second()).unwrap();
        pod.metadata.deletion_timestamp = Some(Time(now + SignedDuration::from_secs(grace)));
        pod.metadata.deletion_grace_period_seconds = Some(grace);
    }

    pub(crate) fn status(&self) -> &PodStatus {
        self.pod.as_ref().unwrap().status.as_ref().unwrap()
    }

    /// The status of a condition.
    pub(crate) fn condition(&self, name: &str) -> &str {
        let conditions = self.status().conditions.iter().flatten();
        conditions.clone().find(|condition| condition.type_ == name).map_or("absent", |c| c.status.as_str())
    }

    /// The log since the last call.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// The notes since the last call, as `Reason: message`.
    pub(crate) fn noted(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes).iter().map(|note| format!("{}: {}", note.reason, note.message)).collect()
    }

    /// `Running`, `Waiting REASON`, `Ended CODE REASON` of an app container, with its restart count.
    pub(crate) fn shown(&self, name: &str) -> String {
        let status = self.status();
        let all = status.container_statuses.iter().flatten().chain(status.init_container_statuses.iter().flatten());
        let status = all.clone().find(|status| status.name == name).expect("it has a status");
        let state = status.state.clone().unwrap_or_default();
        let what = if state.running.is_some() {
            if status.ready { "Ready".to_owned() } else { "Running".to_owned() }
        } else if let Some(ended) = state.terminated {
            format!("Ended {} {}", ended.exit_code, ended.reason.unwrap_or_default())
        } else {
            format!("Waiting {}", state.waiting.unwrap_or_default().reason.unwrap_or_default())
        };
        format!("{what}, restarts {}", status.restart_count)
    }
}

fn values(data: &[(&str, &str)]) -> Values {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), Octets::new(value.as_bytes())));
    Values { data: data.collect(), binary: BTreeMap::new() }
}

pub(crate) fn key() -> PodKey {
    PodKey { namespace: "default".into(), name: "web-0".into() }
}

pub(crate) fn owner(role: Role, container: &str, attempt: u32) -> Owner {
    Owner { pod: key(), uid: UID.into(), role, container: container.into(), attempt }
}

pub(crate) fn is_live(container: &Container) -> bool {
    matches!(container.state, State::Running { .. })
}

pub(crate) fn waits(plan: &Plan) -> Vec<String> {
    plan.waits.iter().map(|wait| format!("{}: {}", wait.reason, wait.message)).collect()
}

pub(crate) fn volume(name: &str) -> ClaimState {
    ClaimState::Ready(Source::Volume(name.into()))
}

fn end(container: &mut Container, now: Timestamp, code: i64) {
    let State::Running { started_at, .. } = container.state else { panic!("it does not run") };
    container.address = None;
    container.state =
        State::Exited { started_at: Some(started_at), finished_at: now, code, oom_killed: false, error: String::new() };
}

/// An action as the log writes it.
pub(crate) fn name_of(action: &Action) -> String {
    let of = |owner: &Owner| format!("{}#{}", owner.container, owner.attempt);
    match action {
        Action::PullImage { image, .. } => format!("pull {image}"),
        Action::CreateVolume { name, .. } => format!("create {name}"),
        Action::GrowVolume { name, size } => format!("grow {name} to {size}"),
        Action::RemoveVolume { name } => format!("remove {name}"),
        Action::WriteFiles(write) => {
            let short = |name: &str| name.rsplit('_').next().unwrap_or_default().to_owned();
            let volumes: Vec<String> = write.volumes.iter().map(|volume| short(&volume.name)).collect();
            format!("write {}", volumes.join(", "))
        }
        Action::SetVolumeOwnership(ownership) => {
            let names: Vec<&str> = ownership.volumes.iter().map(|volume| volume.name.as_str()).collect();
            format!("give {} to {}", names.join(", "), ownership.group)
        }
        Action::StartSandbox(sandbox) => format!("start {}", of(&sandbox.owner)),
        Action::StartContainer(start) => format!("start {}", of(&start.owner)),
        Action::Stop(stops) => {
            let all = stops.iter().map(|stop| format!("{} in {}s", of(&stop.owner), stop.grace.as_secs()));
            format!("stop {}", all.collect::<Vec<_>>().join(", "))
        }
        Action::Remove { owner, .. } => format!("remove {}", of(owner)),
        Action::Probe(probe) => format!("probe {:?} {}", probe.kind, of(&probe.owner)),
    }
}
