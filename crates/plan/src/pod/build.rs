//! From the pod's spec to what the engine is told to make.

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::core::v1::{Container as ContainerSpec, LifecycleHandler, Volume, VolumeMount},
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};

use super::{
    ClaimState, backoff,
    env::{environment, expand},
    files, limits, user,
    view::{Stage, Unit, View},
    volumes,
};
use crate::{
    action::{Hook, Mount, Sandbox, Source, Start, TerminationMessage},
    facts::Role,
};

/// The name of the sandbox's container, as Kubernetes calls it.
pub(super) const SANDBOX_NAME: &str = "POD";

/// Where a container writes why it ended, unless it says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Why a container cannot be made from its spec as things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unmade {
    /// A volume cannot be mounted.
    Mount(String),
    /// The spec asks for what there is not.
    Config(String),
    /// It depends on the image, of which nothing is known yet.
    Image,
}

/// The pod's sandbox.
///
/// Errors: why there can be none.
pub(super) fn sandbox(view: &View<'_>, attempt: u32, address: IpAddr) -> Result<Sandbox, String> {
    let (hostname, domain) = files::kernel_name(view)?;
    let host_network = view.is_host_network();
    let publish = view.units.iter().flat_map(|unit| unit.spec.ports.iter().flatten()).filter_map(|port| {
        let host_port = u16::try_from(port.host_port?).ok().filter(|port| *port > 0)?;
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => "udp",
            Some(_) | None => "tcp",
        };
        let container_port = u16::try_from(port.container_port).ok()?;
        Some((port.host_ip.clone().unwrap_or_default(), host_port, container_port, protocol))
    });
    Ok(Sandbox {
        owner: view.owner(Role::Sandbox, SANDBOX_NAME, attempt),
        hostname,
        domain,
        address,
        files: files::files(view, if host_network { view.input.host.address } else { address }),
        publish: if host_network { Vec::new() } else { publish.collect() },
        host_network,
        host_ipc: view.spec.host_ipc == Some(true),
        sysctls: user::sysctls(view),
    })
}

/// A container to start in a sandbox.
pub(super) fn start(view: &View<'_>, unit: &Unit<'_>, attempt: u32, sandbox_id: &str) -> Result<Start, Unmade> {
    let spec = unit.spec;
    let env = environment(view, spec).map_err(Unmade::Config)?;
    let known: BTreeMap<String, String> = env.iter().cloned().collect();
    let expanded = |all: &Option<Vec<String>>| all.iter().flatten().map(|text| expand(text, &known)).collect();
    let security = spec.security_context.as_ref();
    let capabilities = security.and_then(|security| security.capabilities.as_ref());
    Ok(Start {
        owner: view.owner(unit.role, unit.name(), attempt),
        sandbox_id: sandbox_id.to_owned(),
        image: unit.image().to_owned(),
        command: expanded(&spec.command),
        args: expanded(&spec.args),
        mounts: mounts(view, spec, &known)?,
        env,
        working_dir: spec.working_dir.clone().filter(|dir| !dir.is_empty()),
        user: user::user(view, unit)?,
        tty: spec.tty == Some(true),
        stdin: spec.stdin == Some(true),
        stdin_once: spec.stdin_once == Some(true),
        privileged: security.and_then(|security| security.privileged) == Some(true),
        capabilities: (
            capabilities.and_then(|all| all.add.clone()).unwrap_or_default(),
            capabilities.and_then(|all| all.drop.clone()).unwrap_or_default(),
        ),
        read_only_root: security.and_then(|security| security.read_only_root_filesystem) == Some(true),
        resources: limits::resources(view, unit),
        confinement: user::confinement(view, spec),
        termination: TerminationMessage {
            path: spec.termination_message_path.clone().unwrap_or_else(|| TERMINATION_LOG.to_owned()),
            or_log: spec.termination_message_policy.as_deref() == Some("FallbackToLogsOnError"),
        },
        exec_probes: [&spec.startup_probe, &spec.liveness_probe, &spec.readiness_probe]
            .into_iter()
            .flatten()
            .any(|probe| probe.exec.is_some()),
        target: target(view, unit, sandbox_id)?,
        post_start: spec.lifecycle.as_ref().and_then(|all| all.post_start.as_ref()).and_then(|h| hook(view, spec, h)),
    })
}

/// The container whose processes a unit shares, which must run for that.
fn target(view: &View<'_>, unit: &Unit<'_>, sandbox_id: &str) -> Result<Option<String>, Unmade> {
    // All of the pod's processes are the sandbox's children then, which takes leave of those that nobody waits for.
    if view.spec.share_process_namespace == Some(true) {
        return Ok(Some(sandbox_id.to_owned()));
    }
    if view.spec.host_pid == Some(true) {
        return Ok(None);
    }
    let Some(name) = unit.target else { return Ok(None) };
    match view.apps().find(|app| app.name() == name).map(|app| view.stage(app)) {
        Some(Stage::Running(container, _)) => Ok(Some(container.id.clone())),
        Some(_) | None => Err(Unmade::Config(format!("unable to find target container \"{name}\": it does not run"))),
    }
}

/// A container's `preStop` hook.
pub(super) fn pre_stop(view: &View<'_>, spec: &ContainerSpec) -> Option<Hook> {
    hook(view, spec, spec.lifecycle.as_ref()?.pre_stop.as_ref()?)
}

/// An HTTP request of a probe or hook; the pod's address where no host is given.
pub(super) fn http(
    view: &View<'_>,
    spec: &ContainerSpec,
    http: &k8s_openapi::api::core::v1::HTTPGetAction,
) -> Result<Hook, String> {
    let headers = http.http_headers.iter().flatten().map(|header| (header.name.clone(), header.value.clone()));
    Ok(Hook::Http {
        scheme: http.scheme.as_deref().unwrap_or("HTTP").to_ascii_lowercase(),
        host: host(view, http.host.as_deref())?,
        port: port(spec, &http.port)?,
        path: http.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned()),
        headers: headers.collect(),
    })
}

/// A TCP connection of a probe or hook.
pub(super) fn tcp(
    view: &View<'_>,
    spec: &ContainerSpec,
    given: Option<&str>,
    number: &IntOrString,
) -> Result<Hook, String> {
    Ok(Hook::Tcp { host: host(view, given)?, port: port(spec, number)? })
}

/// A question of a probe to a gRPC server.
pub(super) fn grpc(view: &View<'_>, grpc: &k8s_openapi::api::core::v1::GRPCAction) -> Result<Hook, String> {
    let port = u16::try_from(grpc.port).map_err(|_| format!("invalid port number: {}", grpc.port))?;
    Ok(Hook::Grpc { host: host(view, None)?, port, service: grpc.service.clone().unwrap_or_default() })
}

/// The name of the engine volume behind an `emptyDir`.
pub(super) fn scratch_name(view: &View<'_>, volume: &str) -> String {
    format!("{}{volume}", scratch_prefix(&view.input.host.instance, view.uid))
}

/// What the names of all scratch volumes of a pod begin with.
pub(super) fn scratch_prefix(instance: &str, uid: &str) -> String {
    format!("petset_{instance}_{uid}_")
}

/// The labels of a scratch volume.
pub(super) fn scratch_labels(view: &View<'_>) -> BTreeMap<String, String> {
    let key = view.input.key;
    [("namespace", &key.namespace), ("pod", &key.name), ("uid", &view.uid.to_owned())]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
}

/// The volumes of the pod that a container mounts, as far as the spec has them.
pub(super) fn volumes_of<'a>(view: &View<'a>, spec: &'a ContainerSpec) -> impl Iterator<Item = &'a Volume> {
    let volumes = view.spec.volumes.as_deref().unwrap_or_default();
    volumes.iter().filter(|volume| spec.volume_mounts.iter().flatten().any(|mount| mount.name == volume.name))
}

/// Whether a volume is an `emptyDir` on disk, as one without any source is.
pub(super) fn is_scratch(volume: &Volume) -> bool {
    let bare = || *volume == Volume { name: volume.name.clone(), ..Volume::default() };
    !is_in_memory(volume) && (volume.empty_dir.is_some() || bare())
}

/// Whether an `emptyDir` lives in memory.
fn is_in_memory(volume: &Volume) -> bool {
    volume.empty_dir.as_ref().is_some_and(|dir| dir.medium.as_deref() == Some("Memory"))
}

fn hook(view: &View<'_>, spec: &ContainerSpec, handler: &LifecycleHandler) -> Option<Hook> {
    if let Some(exec) = &handler.exec {
        return Some(Hook::Exec { command: exec.command.clone().unwrap_or_default() });
    }
    if let Some(get) = &handler.http_get {
        return http(view, spec, get).ok();
    }
    if let Some(socket) = &handler.tcp_socket {
        return tcp(view, spec, socket.host.as_deref(), &socket.port).ok();
    }
    handler.sleep.as_ref().map(|sleep| Hook::Sleep(backoff::seconds(sleep.seconds)))
}

fn host(view: &View<'_>, given: Option<&str>) -> Result<String, String> {
    match given.filter(|host| !host.is_empty()) {
        Some(host) => Ok(host.to_owned()),
        None => view.address().map(|a| a.to_string()).ok_or_else(|| "the pod has no address".to_owned()),
    }
}

/// A port's number; a name is that of one of the container's ports, or a number in letters.
fn port(spec: &ContainerSpec, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(name) => {
            let named = spec.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name));
            match named {
                Some(port) => i64::from(port.container_port),
                None => name.parse().map_err(|_| format!("port {name} not found"))?,
            }
        }
    };
    u16::try_from(number).ok().filter(|port| *port > 0).ok_or_else(|| format!("invalid port number: {number}"))
}

fn mounts(view: &View<'_>, spec: &ContainerSpec, known: &BTreeMap<String, String>) -> Result<Vec<Mount>, Unmade> {
    let volumes = view.spec.volumes.as_deref().unwrap_or_default();
    spec.volume_mounts
        .iter()
        .flatten()
        .map(|mount| {
            let volume = volumes
                .iter()
                .find(|volume| volume.name == mount.name)
                .ok_or_else(|| Unmade::Config(format!("volume \"{}\" is not in the pod's spec", mount.name)))?;
            let (source, read_only) = source(view, volume)?;
            Ok(Mount {
                source,
                path: mount.mount_path.clone(),
                sub_path: sub_path(mount, known)?,
                read_only: read_only || mount.read_only == Some(true),
            })
        })
        .collect()
}

fn sub_path(mount: &VolumeMount, known: &BTreeMap<String, String>) -> Result<String, Unmade> {
    let path = match mount.sub_path_expr.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => expand(path, known),
        None => mount.sub_path.clone().unwrap_or_default(),
    };
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    let is_open = path.contains("$(") && mount.sub_path_expr.is_some();
    if leaves || is_open {
        return Err(Unmade::Config(format!("subPath \"{path}\" of volume \"{}\" is not inside it", mount.name)));
    }
    Ok(path)
}

/// Where a volume's content is, and whether it may only be read.
fn source(view: &View<'_>, volume: &Volume) -> Result<(Source, bool), Unmade> {
    if let Some(claim) = &volume.persistent_volume_claim {
        return match view.input.claims.get(&claim.claim_name) {
            Some(ClaimState::Ready(source)) => Ok((source.clone(), claim.read_only == Some(true))),
            Some(ClaimState::Waiting(why)) => Err(Unmade::Mount(why.clone())),
            None => Err(Unmade::Mount(format!("persistentvolumeclaim \"{}\" not found", claim.claim_name))),
        };
    }
    if let Some(path) = &volume.host_path {
        let create = matches!(path.type_.as_deref(), None | Some("" | "DirectoryOrCreate"));
        return Ok((Source::Host { path: path.path.clone(), create }, false));
    }
    if is_in_memory(volume) {
        let limit = volume.empty_dir.as_ref().and_then(|dir| dir.size_limit.as_ref());
        return Ok((Source::Memory { size: limit.and_then(octets) }, false));
    }
    if volumes::is_config(volume) {
        return Ok((Source::Files(scratch_name(view, &volume.name)), true));
    }
    if is_scratch(volume) {
        return Ok((Source::Volume(scratch_name(view, &volume.name)), false));
    }
    Err(Unmade::Mount(format!("volume \"{}\" is of a type that is not supported", volume.name)))
}

/// A quantity in whole octets, rounded up; `None` where it is none.
pub(super) fn octets(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: f64 = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Pi" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Ei" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => exponent.strip_prefix(['e', 'E']).and_then(|power| power.parse().ok()).map(|p| 10f64.powi(p))?,
    };
    let number: f64 = number.parse().ok()?;
    // A float becomes the nearest integer that there is; it cannot overflow.
    Some((number * factor).ceil() as u64)
}
