//! The balancer: a container of the instance that holds the virtual addresses of services.
//!
//! It runs a small static program of ours (`balancer/main.rs`) on the instance's network. The program reads what stands behind
//! the addresses from a file that is replaced here, and goes on by itself while there is no daemon. The engine starts it again
//! when it ends. It is there as long as there is a service with a virtual address.

mod table;

// The program itself is built by `build.rs`; here it is for its tests, the formatter and the lints.
#[cfg(test)]
#[allow(dead_code, clippy::duplicate_mod, reason = "a program of its own, which shares what both sides say")]
#[path = "balancer/main.rs"]
mod program;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    net::Ipv4Addr,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    errors::Error,
    models::{
        ContainerCreateBody, ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, HostConfig,
        HostConfigLogConfig, Mount, MountType, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
    },
    query_parameters::{CreateContainerOptionsBuilder, InspectContainerOptions, StartContainerOptions},
};
use controller::Unserved;
use plan::{
    action::Failure,
    address,
    zone::{self, Frontends},
};
use tokio::{io::AsyncReadExt, net::UnixStream};

use crate::{
    Docker,
    container::{misses_network, start_failure},
    failure::{failure, found, status},
    names, pause,
    runner::install,
};
use table::{Frontend, HEADER, Protocol, TABLE_BYTES_MAX};

/// The program, built by `build.rs`; empty where it could not be built.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/balancer"));

/// Its name among the pods' files, and that of the directory which it shares with the daemon. Hidden: they are no pod's.
const FILE: &str = ".balancer";
const DIR: &str = ".services";

/// Where both are in the container.
const PROGRAM_PATH: &str = "/.petset/balancer";
const DIR_PATH: &str = "/.petset/services";

/// For the program to do what the table says, and to answer. A loaded machine takes a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks whether a program that has just been started listens.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// The longest answer that is read, in octets: some hundred troubles.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Its log has what it could not do, seldom.
const LOG_FILE_SIZE_MAX: &str = "1m";

/// The directory that the balancer shares with the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    /// The program on the host; `None` where there is none.
    program: Option<PathBuf>,
    dir: PathBuf,
}

/// What became of a question to the program.
enum Answer {
    /// It has done what the table says, but for this.
    Done(Vec<String>),
    /// Nobody listens, or somebody of another version.
    None,
}

impl Balancer {
    /// Writes the program beside the pods' files, and makes the directory. The program makes a socket in it and is nobody of
    /// this system's, so everybody may write; nobody else gets there, for the pods' files are their owner's alone.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let program = (!PROGRAM.is_empty()).then(|| install(dir, FILE, PROGRAM)).transpose()?;
        let dir = dir.join(DIR);
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777))?;
        Ok(Self { program, dir })
    }

    /// Puts a table in the place of the one before, whole.
    fn write(&self, text: &str) -> io::Result<()> {
        let path = self.dir.join("table");
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let new = self.dir.join(format!("table.{}", std::process::id()));
        // What a daemon of the same number has left.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(&new, text)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644))?;
        fs::rename(&new, &path)
    }

    /// Has the program read the table.
    async fn ask(&self) -> Answer {
        let whole = async {
            // A socket's path may have 107 octets, a directory's any number.
            let dir = File::open(&self.dir)?;
            let path = format!("/proc/self/fd/{}/socket", dir.as_raw_fd());
            let mut text = String::new();
            UnixStream::connect(path).await?.take(ANSWER_BYTES_MAX).read_to_string(&mut text).await?;
            io::Result::Ok(text)
        };
        let Ok(Ok(text)) = tokio::time::timeout(ANSWER_TIMEOUT, whole).await else { return Answer::None };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Answer::None;
        }
        Answer::Done(lines.map(str::to_owned).collect())
    }

    /// Asks until the program answers that has just been started.
    async fn ask_patiently(&self) -> Answer {
        let asked = async {
            loop {
                match self.ask().await {
                    Answer::None => tokio::time::sleep(LOOK_PERIOD).await,
                    done @ Answer::Done(_) => return done,
                }
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, asked).await.unwrap_or(Answer::None)
    }

    fn mounts(&self, program: &Path) -> Vec<Mount> {
        let mount = |source: &Path, target: &str, read_only| Mount {
            typ: Some(MountType::BIND),
            source: Some(source.to_string_lossy().into_owned()),
            target: Some(target.to_owned()),
            read_only: Some(read_only),
            ..Mount::default()
        };
        vec![mount(program, PROGRAM_PATH, true), mount(&self.dir, DIR_PATH, false)]
    }
}

impl Docker {
    /// Serves these frontends and no others, from the balancer and on the host.
    pub(crate) async fn serve_frontends(&self, frontends: &Frontends) -> Result<Unserved, Failure> {
        let mut unserved = self.node_ports.serve(frontends).await;
        if frontends.is_empty() {
            return self.remove_balancer().await.map(|()| unserved);
        }
        let text = table::write(&entries(frontends));
        if text.len() > TABLE_BYTES_MAX {
            return Err(Failure::Refused(format!("services and their pods are more than {TABLE_BYTES_MAX} octets")));
        }
        self.balancer
            .write(&text)
            .map_err(|error| Failure::Refused(format!("write the table of services: {error}")))?;
        // Endpoints change more often than the container does: the program is told before the engine is asked.
        let told = self.balancer.ask().await;
        let is_new = self.ensure_balancer(matches!(told, Answer::None)).await?;
        let told = if is_new { self.balancer.ask_patiently().await } else { told };
        match told {
            Answer::Done(troubles) if troubles.is_empty() => {}
            Answer::Done(troubles) => {
                let why = troubles.join("; ");
                let all = frontends.keys().map(|service| (service.clone(), why.clone()));
                // What a service's own trouble is counts more.
                unserved = all.chain(unserved).collect();
            }
            Answer::None => {
                return Err(Failure::Refused("the balancer of virtual addresses does not answer".to_owned()));
            }
        }
        Ok(unserved)
    }

    /// Sees to it that the balancer's container runs on the network, with its own address; says whether it has started it.
    /// One that `is_mute` is made anew.
    async fn ensure_balancer(&self, is_mute: bool) -> Result<bool, Failure> {
        let name = names::balancer(&self.instance);
        let own = address::services(self.ready.subnet).balancer();
        let own = own.ok_or_else(|| {
            Failure::Refused(format!("the network {} is too small for virtual addresses", self.ready.subnet))
        })?;
        let inspected = self.engine.reads.inspect_container(&name, None::<InspectContainerOptions>).await;
        if let Some(there) = found(inspected).map_err(failure)? {
            let labels = there.config.as_ref().and_then(|config| config.labels.as_ref());
            if !labels.is_some_and(|labels| names::is_balancer(&self.instance, labels)) {
                return Err(Failure::Taken(format!("the name {name} is held by a container that is not petset's")));
            }
            let id = there.id.clone().unwrap_or_default();
            match state_of(&there, &self.ready.network, &own.to_string()) {
                State::Serves if !is_mute => return Ok(false),
                // It may have been started by the engine in this moment.
                State::Serves if matches!(self.balancer.ask_patiently().await, Answer::Done(_)) => return Ok(true),
                State::Ended => match self.try_start(&id).await {
                    Ok(()) => return Ok(true),
                    Err(error) if status(&error).is_none() => return Err(failure(error)),
                    // What it mounts may be gone, or its network.
                    Err(_) => {}
                },
                State::Serves | State::Astray => {}
            }
            self.force_remove(&id).await?;
        }
        self.create_balancer(&name, own).await?;
        Ok(true)
    }

    async fn create_balancer(&self, name: &str, own: Ipv4Addr) -> Result<(), Failure> {
        let program = self.balancer.program.as_ref();
        let program = program.ok_or_else(|| {
            Failure::Refused("this petsetd was built without a static C library, and has no balancer".to_owned())
        })?;
        let body = body(&self.instance, &self.ready.network, own, self.balancer.mounts(program));
        let create = || async {
            let options = CreateContainerOptionsBuilder::default().name(name).build();
            self.engine.api.create_container(Some(options), body.clone()).await
        };
        let id = match create().await {
            Ok(created) => created.id,
            // Somebody has pruned the images, or the network.
            Err(error) if status(&error) == Some(404) => {
                self.restore(&error).await?;
                self.engine.ensure_pause_image().await.map_err(failure)?;
                create().await.map_err(failure)?.id
            }
            Err(error) => return Err(failure(error)),
        };
        match self.engine.api.start_container(&id, None::<StartContainerOptions>).await {
            Ok(()) => {}
            Err(error) if misses_network(&error) => {
                self.restore(&error).await?;
                self.force_remove(&id).await?;
                let id = create().await.map_err(failure)?.id;
                self.try_start(&id).await.map_err(start_failure)?;
            }
            Err(error) => return Err(start_failure(error)),
        }
        tracing::info!(address = %own, "the balancer of virtual addresses has been started");
        Ok(())
    }

    /// Makes the instance's network again where an error says that it is gone.
    async fn restore(&self, error: &Error) -> Result<(), Failure> {
        if misses_network(error) {
            let restored = self.engine.restore_network(&self.instance, &self.ready).await;
            restored.map_err(|error| Failure::Refused(format!("make the removed network again: {error}")))?;
        }
        Ok(())
    }

    async fn remove_balancer(&self) -> Result<(), Failure> {
        let name = names::balancer(&self.instance);
        let inspected = self.engine.reads.inspect_container(&name, None::<InspectContainerOptions>).await;
        let Some(there) = found(inspected).map_err(failure)? else { return Ok(()) };
        let labels = there.config.and_then(|config| config.labels).unwrap_or_default();
        if names::is_balancer(&self.instance, &labels) {
            self.force_remove(&there.id.unwrap_or_default()).await?;
        }
        Ok(())
    }
}

/// The container: its own address, and no more power than its program needs.
fn body(instance: &str, network: &str, own: Ipv4Addr, mounts: Vec<Mount>) -> ContainerCreateBody {
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig { ipv4_address: Some(own.to_string()), ..EndpointIpamConfig::default() }),
        // Pods that have asked who has a virtual address need not ask again when the container was made anew.
        mac_address: Some(mac_of(own)),
        ..EndpointSettings::default()
    };
    let rotation = [("max-size", LOG_FILE_SIZE_MAX), ("max-file", "1")];
    ContainerCreateBody {
        image: Some(pause::IMAGE.to_owned()),
        entrypoint: Some(vec![PROGRAM_PATH.to_owned(), DIR_PATH.to_owned()]),
        labels: Some(names::balancer_labels(instance)),
        // It has nothing to put in order, and the engine would wait ten seconds for it at its own end.
        stop_signal: Some("SIGKILL".to_owned()),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            mounts: Some(mounts),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(vec!["NET_ADMIN".to_owned(), "NET_BIND_SERVICE".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            init: Some(false),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::ALWAYS),
                maximum_retry_count: None,
            }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(rotation.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            }),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// What there is under the balancer's name.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// It runs, on our network and with its address.
    Serves,
    /// It has ended, or was never started.
    Ended,
    /// It is paused, elsewhere, or going.
    Astray,
}

fn state_of(there: &ContainerInspectResponse, network: &str, own: &str) -> State {
    use bollard::models::ContainerStateStatusEnum as Status;
    let networks = there.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let endpoint = networks.and_then(|networks| networks.get(network));
    match there.state.as_ref().and_then(|state| state.status) {
        Some(Status::RUNNING) if endpoint.is_some_and(|endpoint| endpoint.ip_address.as_deref() == Some(own)) => {
            State::Serves
        }
        Some(Status::CREATED | Status::EXITED) => State::Ended,
        _ => State::Astray,
    }
}

/// The hardware address that engines before 28 make of an address: the same one each time.
fn mac_of(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// The frontends as the balancer has them.
fn entries(frontends: &Frontends) -> Vec<Frontend> {
    let entry = |frontend: &zone::Frontend| Frontend {
        protocol: match frontend.protocol {
            zone::Protocol::Tcp => Protocol::Tcp,
            zone::Protocol::Udp => Protocol::Udp,
        },
        address: frontend.address,
        affinity: frontend.affinity,
        backends: frontend.backends.clone(),
    };
    frontends.values().flatten().map(entry).collect()
}
