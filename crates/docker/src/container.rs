//! Sandboxes and containers: starting, stopping, removing.

use std::{
    collections::HashMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bollard::{
    errors::Error,
    models::{
        ContainerCreateBody, ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig,
        HostConfigLogConfig, NetworkingConfig, PortBinding,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
        StopContainerOptionsBuilder,
    },
};
use futures::future::join_all;
use plan::{
    action::{Done, Failure, Hook, Sandbox, Start, Stop, is_common_capability},
    facts::{Owner, Role},
};

use crate::{
    Docker,
    confine::{confined, may_not_protect},
    failure::{failure, found, status},
    last_words,
    mount::Mounts,
    names, pause,
};

/// A container's log is kept in files of at most this size, as a kubelet does.
const LOG_FILE_SIZE_MAX: &str = "10m";
/// And in so many of them.
const LOG_FILES_MAX: &str = "5";

/// What a container gets between the stop signal and the kill when its hook has used up the grace period, as a kubelet
/// gives it.
const GRACE_AFTER_HOOK: Duration = Duration::from_secs(2);

/// What the engine may take beyond the grace period before its answer is given up: it kills, and takes the network down.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// A `postStart` hook has no limit in Kubernetes; here it is one hour, so that no call waits for ever.
const POST_START_TIMEOUT: Duration = Duration::from_hours(1);

/// What is there under a name that is wanted.
enum Held {
    /// The same container, running.
    Running,
    /// The same container, ended.
    Ended(String),
    /// A leftover of an attempt that never started.
    NeverStarted(String),
}

impl Docker {
    /// Makes and starts the sandbox. One that has ended is replaced: its network is gone, and starting it again would
    /// make another one that the pod's containers are not in.
    pub(crate) async fn start_sandbox(&self, sandbox: &Sandbox) -> Result<Done, Failure> {
        let written = self.files.write(&sandbox.owner.uid, &sandbox.files);
        written.map_err(|error| Failure::Refused(format!("write the pod's files: {error}")))?;
        if (sandbox.host_network || sandbox.host_ipc) && !self.allowed.privileged {
            return Err(powerless("the pod asks for namespaces of the host"));
        }
        let (mut mounts, _) = self.mounts(&sandbox.owner.uid, &[]).await?;
        mounts.mounts.extend(self.runners.mount());
        let body = self.sandbox_body(sandbox, mounts);
        let id = match self.create(&sandbox.owner, &body).await? {
            Ok(id) => id,
            Err(Held::Running) => return Ok(Done::Ok),
            Err(Held::Ended(id) | Held::NeverStarted(id)) => {
                self.force_remove(&id).await?;
                self.create_anew(&sandbox.owner, &body).await?
            }
        };
        match self.try_start(&id).await {
            Ok(()) => Ok(Done::Ok),
            Err(error) if misses_network(&error) => {
                let restored = self.engine.restore_network(&self.instance, &self.ready).await;
                restored.map_err(|error| Failure::Refused(format!("make the removed network again: {error}")))?;
                self.force_remove(&id).await?;
                let id = self.create_anew(&sandbox.owner, &body).await?;
                self.start(&id).await.map(|()| Done::Ok)
            }
            Err(error) => Err(start_failure(error)),
        }
    }

    /// Makes and starts a container, then runs its `postStart` hook. One that has run already is left as it is.
    pub(crate) async fn start_container(&self, start: &Start) -> Result<Done, Failure> {
        let is_powerful = start.privileged || !start.capabilities.0.iter().all(|name| is_common_capability(name));
        let confinement = &start.confinement;
        let is_open =
            confinement.without_seccomp || confinement.unmasked || confinement.host_pid || confinement.host_ipc;
        if (is_powerful || is_open) && !self.allowed.privileged {
            return Err(powerless("the container asks for the host's powers"));
        }
        let (mut mounts, held) = self.mounts(&start.owner.uid, &start.mounts).await?;
        if start.exec_probes {
            mounts.mounts.extend(self.runners.mount());
        }
        mounts.mounts.extend(self.last_words_mount(start)?);
        let mut body = self.container_body(start, mounts);
        if self.is_unprotecting.load(Ordering::Relaxed) && start.resources.oom_score_adj < 0 {
            body.host_config.get_or_insert_default().oom_score_adj = Some(0);
        }
        let id = match self.create(&start.owner, &body).await? {
            Ok(id) => id,
            Err(Held::Running | Held::Ended(_)) => return Ok(Done::Ok),
            Err(Held::NeverStarted(id)) => {
                self.force_remove(&id).await?;
                self.create_anew(&start.owner, &body).await?
            }
        };
        self.start_as_asked(&id, start, &body).await?;
        drop(held);
        match &start.post_start {
            None => Ok(Done::Ok),
            Some(hook) => {
                Ok(self.run_hook(&id, hook, POST_START_TIMEOUT).await.map_or_else(Done::PostStartFailed, |()| Done::Ok))
            }
        }
    }

    /// Stops containers side by side.
    pub(crate) async fn stop(&self, stops: &[Stop]) -> Result<Done, Failure> {
        let results = join_all(stops.iter().map(|stop| self.stop_one(stop))).await;
        results.into_iter().collect::<Result<(), Failure>>().map(|()| Done::Ok)
    }

    async fn stop_one(&self, stop: &Stop) -> Result<(), Failure> {
        self.runners.forget(&stop.id);
        let mut grace = stop.grace;
        if let (Some(hook), false) = (&stop.pre_stop, grace.is_zero()) {
            let began = Instant::now();
            if let Err(message) = self.run_hook(&stop.id, hook, grace).await {
                tracing::warn!(pod = %stop.owner.pod, container = stop.owner.container, message, "preStop hook failed");
            }
            grace = grace.saturating_sub(began.elapsed()).max(GRACE_AFTER_HOOK);
        }
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let api = self.engine.api_within(grace.saturating_add(STOP_MARGIN));
        found(api.stop_container(&stop.id, Some(options)).await).map_err(failure)?;
        Ok(())
    }

    /// Kills and removes a container; with the last sandbox of a pod go the pod's files.
    pub(crate) async fn remove(&self, id: &str, owner: &Owner) -> Result<Done, Failure> {
        self.runners.forget(id);
        self.force_remove(id).await?;
        if owner.role == Role::Sandbox {
            let others = self.list_labelled(&[(names::UID, &owner.uid), (names::ROLE, "sandbox")]).await;
            if others.map_err(failure)?.is_empty() {
                let removed = self.files.remove(&owner.uid);
                removed.map_err(|error| Failure::Refused(format!("remove the pod's files: {error}")))?;
            }
        }
        Ok(Done::Ok)
    }

    /// Removes containers that did something for a daemon which was killed meanwhile.
    pub(crate) async fn sweep_errands(&self) -> Result<(), Error> {
        for entry in self.list_labelled(&[names::ERRANDS]).await? {
            if let Err(failure) = self.force_remove(&entry.id.unwrap_or_default()).await {
                tracing::warn!(?failure, "a container of the daemon before stays behind");
            }
        }
        Ok(())
    }

    /// Removes the files of pods that have no container: their sandbox went while nobody looked.
    pub(crate) async fn sweep_files(&self) -> Result<(), Error> {
        let listed = self.list_labelled(&[]).await?;
        let uids = listed.into_iter().filter_map(|entry| entry.labels?.remove(names::UID)).collect();
        if let Err(error) = self.files.retain(&uids) {
            tracing::warn!(%error, "old files of pods stay behind");
        }
        Ok(())
    }

    /// Creates a container under its owner's name, or says what holds the name.
    async fn create(&self, owner: &Owner, body: &ContainerCreateBody) -> Result<Result<String, Held>, Failure> {
        match self.try_create(owner, body).await {
            Ok(id) => Ok(Ok(id)),
            Err(error) if status(&error) == Some(409) => match self.holder(owner).await? {
                Some(held) => Ok(Err(held)),
                // It has just gone.
                None => self.create_anew(owner, body).await.map(Ok),
            },
            // Somebody has pruned the images; newer engines miss a network here, too.
            Err(error) if status(&error) == Some(404) && owner.role == Role::Sandbox => {
                if misses_network(&error) {
                    let restored = self.engine.restore_network(&self.instance, &self.ready).await;
                    restored.map_err(|error| Failure::Refused(format!("make the removed network again: {error}")))?;
                }
                self.engine.ensure_pause_image().await.map_err(failure)?;
                self.create_anew(owner, body).await.map(Ok)
            }
            Err(error) => Err(create_failure(error)),
        }
    }

    async fn create_anew(&self, owner: &Owner, body: &ContainerCreateBody) -> Result<String, Failure> {
        self.try_create(owner, body).await.map_err(create_failure)
    }

    async fn try_create(&self, owner: &Owner, body: &ContainerCreateBody) -> Result<String, Error> {
        let name = names::container_name(&self.instance, owner);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        Ok(self.engine.api.create_container(Some(options), body.clone()).await?.id)
    }

    /// Who holds an owner's name: the same owner is a value, another one a failure.
    async fn holder(&self, owner: &Owner) -> Result<Option<Held>, Failure> {
        let name = names::container_name(&self.instance, owner);
        let inspected = self.engine.reads.inspect_container(&name, None::<InspectContainerOptions>).await;
        let Some(there) = found(inspected).map_err(failure)? else { return Ok(None) };
        let labels = there.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default();
        match names::owner(&self.instance, &labels) {
            Some(holder) if holder == *owner => Ok(Some(held(there))),
            Some(holder) => {
                Err(Failure::Taken(format!("the container {name} of pod uid {} is still there", holder.uid)))
            }
            None => Err(Failure::Taken(format!("the name {name} is held by a container that is not petset's"))),
        }
    }

    /// Starts a container; where the engine may not protect it from the kernel as asked, without that.
    async fn start_as_asked(&self, id: &str, start: &Start, body: &ContainerCreateBody) -> Result<(), Failure> {
        match self.try_start(id).await {
            Err(error) if start.resources.oom_score_adj < 0 && may_not_protect(&error) => {
                self.force_remove(id).await?;
                let mut body = body.clone();
                body.host_config.get_or_insert_default().oom_score_adj = Some(0);
                let id = self.create_anew(&start.owner, &body).await?;
                self.start(&id).await?;
                if !self.is_unprotecting.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the engine may not lower an oom_score_adj: containers of Guaranteed pods keep 0");
                }
                Ok(())
            }
            started => started.map_err(start_failure),
        }
    }

    async fn start(&self, id: &str) -> Result<(), Failure> {
        self.try_start(id).await.map_err(start_failure)
    }

    pub(crate) async fn try_start(&self, id: &str) -> Result<(), Error> {
        self.engine.api.start_container(id, None::<StartContainerOptions>).await
    }

    /// With its anonymous volumes, which the image asked for and nobody else can reach.
    pub(crate) async fn force_remove(&self, id: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match found(self.engine.api.remove_container(id, Some(options)).await) {
            Ok(_) => Ok(()),
            // Somebody else's removal is under way.
            Err(error) if status(&error) == Some(409) && error.to_string().contains("already in progress") => Ok(()),
            Err(error) => Err(failure(error)),
        }
    }

    fn sandbox_body(&self, sandbox: &Sandbox, mounts: Mounts) -> ContainerCreateBody {
        let address = EndpointSettings {
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(sandbox.address.to_string()),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        };
        let network = if sandbox.host_network { "host" } else { &self.ready.network };
        let endpoints = (!sandbox.host_network).then(|| HashMap::from([(self.ready.network.clone(), address)]));
        let ports = || sandbox.publish.iter().map(|(_, _, port, protocol)| format!("{port}/{protocol}"));
        let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
        for ((host_ip, host_port, ..), port) in sandbox.publish.iter().zip(ports()) {
            let binding = PortBinding { host_ip: Some(host_ip.clone()), host_port: Some(host_port.to_string()) };
            bindings.entry(port).or_default().get_or_insert_default().push(binding);
        }
        ContainerCreateBody {
            image: Some(pause::IMAGE.to_owned()),
            hostname: Some(sandbox.hostname.clone()),
            domainname: Some(sandbox.domain.clone()),
            labels: Some(names::labels(&self.instance, &sandbox.owner)),
            exposed_ports: Some(ports().collect()),
            host_config: Some(HostConfig {
                network_mode: Some(network.to_owned()),
                ipc_mode: Some(if sandbox.host_ipc { "host" } else { "shareable" }.to_owned()),
                port_bindings: Some(bindings),
                cap_drop: Some(vec!["ALL".to_owned()]),
                readonly_rootfs: Some(true),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                sysctls: Some(sandbox.sysctls.clone().into_iter().collect()),
                ..host_config(mounts)
            }),
            networking_config: Some(NetworkingConfig { endpoints_config: endpoints }),
            ..ContainerCreateBody::default()
        }
    }

    fn container_body(&self, start: &Start, mounts: Mounts) -> ContainerCreateBody {
        let join = format!("container:{}", start.sandbox_id);
        let given = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        let (cap_add, cap_drop) = &start.capabilities;
        let mut labels = names::labels(&self.instance, &start.owner);
        if !start.termination.path.is_empty() {
            let value = if start.termination.or_log { last_words::FILE_OR_LOG } else { last_words::FILE };
            labels.insert(names::TERMINATION.to_owned(), value.to_owned());
        }
        if !mounts.parts.is_empty() {
            labels.insert(names::PARTS.to_owned(), mounts.parts.join(","));
        }
        let rotation = HashMap::from([
            ("max-size".to_owned(), LOG_FILE_SIZE_MAX.to_owned()),
            ("max-file".to_owned(), LOG_FILES_MAX.to_owned()),
        ]);
        ContainerCreateBody {
            image: Some(start.image.clone()),
            entrypoint: given(&start.command),
            cmd: given(&start.args),
            env: Some(start.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            working_dir: start.working_dir.clone(),
            user: start.user.clone(),
            tty: Some(start.tty),
            open_stdin: Some(start.stdin),
            stdin_once: Some(start.stdin_once),
            labels: Some(labels),
            // Kubernetes has probes, and takes no notice of the image's own check.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            host_config: Some(HostConfig {
                network_mode: Some(join.clone()),
                ipc_mode: Some(if start.confinement.host_ipc { "host".to_owned() } else { join }),
                pid_mode: if start.confinement.host_pid {
                    Some("host".to_owned())
                } else {
                    start.target.as_ref().map(|target| format!("container:{target}"))
                },
                privileged: Some(start.privileged),
                cap_add: Some(cap_add.clone()),
                cap_drop: Some(cap_drop.clone()),
                readonly_rootfs: Some(start.read_only_root),
                log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(rotation) }),
                ..confined(&start.resources, &start.confinement, host_config(mounts))
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// Runs a lifecycle hook. For `httpGet` any answer will do, whatever its status, as for a kubelet.
    async fn run_hook(&self, id: &str, hook: &Hook, timeout: Duration) -> Result<(), String> {
        let run = self.check(id, hook, timeout).await.map_err(|failure| failure_text(&failure))?;
        if run.success || matches!(hook, Hook::Http { .. }) && run.answered { Ok(()) } else { Err(run.message) }
    }
}

/// What was admitted when more was allowed, or came around the API.
fn powerless(what: &str) -> Failure {
    Failure::Refused(format!("{what}, which this petsetd does not allow (--allow-privileged does)"))
}

/// What all our containers have in common: no restarts by the engine (the planner decides them), no init process.
fn host_config(mounts: Mounts) -> HostConfig {
    HostConfig { mounts: Some(mounts.mounts), binds: Some(mounts.binds), init: Some(false), ..HostConfig::default() }
}

fn held(there: ContainerInspectResponse) -> Held {
    use bollard::models::ContainerStateStatusEnum as Status;
    let id = there.id.unwrap_or_default();
    match there.state.and_then(|state| state.status) {
        Some(Status::CREATED) => Held::NeverStarted(id),
        Some(Status::EXITED | Status::DEAD | Status::REMOVING) => Held::Ended(id),
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING | Status::EMPTY) | None => {
            Held::Running
        }
    }
}

/// Whether the network that a container is to join is not there.
pub(crate) fn misses_network(error: &Error) -> bool {
    let text = error.to_string();
    status(error) == Some(404) && text.contains("network") && text.contains("not found")
}

pub(crate) fn start_failure(error: Error) -> Failure {
    match failure(error) {
        Failure::Refused(message) if message.contains("Address already in use") => {
            Failure::AddressTaken(format!("the pod's address is taken: {message}"))
        }
        other => other,
    }
}

/// A 404 at creation names the image: all else is known to exist.
fn create_failure(error: Error) -> Failure {
    let is_absent = status(&error) == Some(404);
    match failure(error) {
        Failure::Refused(message) if is_absent && message.contains("No such image") => Failure::Image(message),
        other => other,
    }
}

fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Silent(text)
        | Failure::Image(text)
        | Failure::AddressTaken(text)
        | Failure::Taken(text)
        | Failure::Refused(text) => text.clone(),
    }
}
