//! What the engine can be asked to do. Every action is idempotent and names only what carries our labels.

mod confine;

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

pub use api::policy::{allowed_root, is_common_capability};

pub use self::confine::{
    CPU_PERIOD_MICROS, Confinement, OwnedVolume, OwnershipChange, Resources, TerminationMessage, VolumeOwnership,
};
use crate::{
    config::WriteFiles,
    facts::{Owner, Room},
};

/// One thing for the engine to do. Actions of one pod never overlap, probes and pulls excepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fetch an image. `progress` goes to the pod's events. May run beside the pod's other actions, so that a pod that
    /// is deleted during a long pull does not wait for it. Of several credentials each is tried, and none where there are none.
    PullImage { image: String, credentials: Vec<Credentials> },
    /// Make a named volume with our labels; one that exists with the same labels is success. With a size, in octets, it holds no
    /// more than that, where the engine's machine can see to it.
    CreateVolume { name: String, labels: BTreeMap<String, String>, size: Option<u64> },
    /// Let a volume that has a size hold so many octets, also while it is mounted; one that holds as many is success.
    GrowVolume { name: String, size: u64 },
    /// Remove a named volume of ours; an absent one is success, and so is one that is not ours, which stays; one in use is
    /// an error.
    RemoveVolume { name: String },
    /// Bring files into volumes of a pod, each volume from one whole version to the next. One that holds its version already is
    /// success.
    WriteFiles(Box<WriteFiles>),
    /// Give volumes of ours to a group and let it write, before the pod's containers start.
    SetVolumeOwnership(Box<VolumeOwnership>),
    /// Make and start the sandbox; one that runs already is success.
    StartSandbox(Box<Sandbox>),
    /// Make and start a container in a sandbox; then run its `postStart` hook, if any. One that runs already is success.
    StartContainer(Box<Start>),
    /// Stop containers of one pod, all at the same time so that their grace periods do not add up. It ends when all
    /// have ended; its failure is the first one met, and says nothing about the others.
    Stop(Vec<Stop>),
    /// Kill at once whatever runs and remove the container; an absent one is success.
    Remove { id: String, owner: Owner },
    /// Ask whether a container is well. May run beside the pod's other actions.
    Probe(Box<Probe>),
}

/// What opens a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The registry, as whoever wrote them names it.
    pub server: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// A token in the place of both; may be empty.
    pub identity: String,
}

impl fmt::Debug for Credentials {
    /// Nothing that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credentials for {}", self.server)
    }
}

/// A pod's sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Whose it is; the role is `Sandbox`.
    pub owner: Owner,
    /// `hostname` inside the pod, at most 63 octets.
    pub hostname: String,
    /// The domain part of the pod's full name (`nginx.default.svc.cluster.local`), or empty.
    pub domain: String,
    /// The address to take on the instance's network.
    pub address: IpAddr,
    /// The files that every container of the pod sees as `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`.
    pub files: Files,
    /// Ports to publish on the host (`hostPort`): (host address or empty, host port, container port, `tcp`|`udp`).
    pub publish: Vec<(String, u16, u16, &'static str)>,
    /// Join the host's network namespace (`spec.hostNetwork`).
    pub host_network: bool,
    /// Join the host's IPC namespace (`spec.hostIPC`).
    pub host_ipc: bool,
    /// Parameters of the kernel that the pod has for itself.
    pub sysctls: BTreeMap<String, String>,
}

/// The contents of the pod's own network files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/hostname`.
    pub hostname: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: String,
}

/// A container to make and start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of the container, as in its spec")]
pub struct Start {
    /// Whose it is.
    pub owner: Owner,
    /// The sandbox to join.
    pub sandbox_id: String,
    /// The image reference, which the engine has (an absent one is the error `ImageMissing`).
    pub image: String,
    /// Replaces the image's entry point; empty keeps it.
    pub command: Vec<String>,
    /// Replaces the image's arguments; empty keeps them, unless `command` is given.
    pub args: Vec<String>,
    /// Environment in order, `$(VAR)` expanded.
    pub env: Vec<(String, String)>,
    /// Working directory; `None` keeps the image's.
    pub working_dir: Option<String>,
    /// What is mounted where, besides the pod's own files.
    pub mounts: Vec<Mount>,
    /// `user[:group]`; `None` keeps the image's.
    pub user: Option<String>,
    /// Allocate a terminal.
    pub tty: bool,
    /// Keep standard input open.
    pub stdin: bool,
    /// Until the first client that attaches to it has gone, or has no more to say.
    pub stdin_once: bool,
    /// Refused by daemons that do not allow it.
    pub privileged: bool,
    /// Added and dropped capabilities.
    pub capabilities: (Vec<String>, Vec<String>),
    /// Mount the root file system read-only.
    pub read_only_root: bool,
    /// What it may use of the machine.
    pub resources: Resources,
    /// How else it is confined.
    pub confinement: Confinement,
    /// Where it writes why it ended.
    pub termination: TerminationMessage,
    /// Some probe of it runs a command, so a cheap way to run them is worth having.
    pub exec_probes: bool,
    /// The engine's id of the container whose processes it shares, the sandbox for all of the pod; `None` where it has its
    /// own.
    pub target: Option<String>,
    /// Run when the container has started; a failure kills it.
    pub post_start: Option<Hook>,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where from.
    pub source: Source,
    /// The absolute path in the container.
    pub path: String,
    /// A relative path inside the source, made if absent (but of files, which has to be there); empty for the whole.
    pub sub_path: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// Where a mount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A named volume of ours.
    Volume(String),
    /// A named volume of ours that holds files ([`WriteFiles`]). Links in it are ours.
    Files(String),
    /// A path of the host; `create` makes a missing directory (`DirectoryOrCreate`, and an empty `type`).
    Host { path: String, create: bool },
    /// A memory file system of at most this many octets (`emptyDir.medium: Memory`).
    Memory { size: Option<u64> },
}

/// A container to stop: its `preStop` hook runs within the grace period, then comes the stop signal; the engine
/// kills what outlives the grace period. One that has ended already is success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The engine's id.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// What the hook and the stop may take together; zero kills at once, without the hook.
    pub grace: Duration,
    /// Runs before the stop signal.
    pub pre_stop: Option<Hook>,
}

/// A check or a lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Runs in the container; success is exit code 0.
    Exec { command: Vec<String> },
    /// `GET scheme://host:port/path`; success is 200 to 399.
    Http { scheme: String, host: String, port: u16, path: String, headers: Vec<(String, String)> },
    /// Success is a connection.
    Tcp { host: String, port: u16 },
    /// `grpc.health.v1.Health/Check` of a service; success is `SERVING`.
    Grpc { host: String, port: u16, service: String },
    /// Does nothing for so long.
    Sleep(Duration),
}

/// Which of a container's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Gates the other two; its failure kills the container.
    Startup,
    /// Its failure kills the container.
    Liveness,
    /// Decides whether the container is Ready.
    Readiness,
}

/// One run of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whose container.
    pub owner: Owner,
    /// The engine's id of it.
    pub id: String,
    /// Which probe.
    pub kind: ProbeKind,
    /// What to do.
    pub check: Hook,
    /// After so long it has failed.
    pub timeout: Duration,
}

/// How an action ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing to report.
    Ok,
    /// The volume is there.
    Made(Room),
    /// The probe's verdict; `message` is what it said (`probe exec exited 1: …`), cut to 1 KiB.
    Probed { success: bool, message: String },
    /// The container started; the post-start hook failed with this message, and the container must be killed.
    PostStartFailed(String),
    /// The image was pulled, in so long.
    Pulled { took: Duration, size: u64 },
}

/// How an action failed. Every failure is retried with a back-off by the planner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The engine does not answer; nothing is known about the effect.
    Silent(String),
    /// There is no such image here, or the registry does not give it.
    Image(String),
    /// Somebody else has the sandbox's address.
    AddressTaken(String),
    /// The name is held by a container or volume that is not the one that is asked for.
    Taken(String),
    /// The engine says no: its own message.
    Refused(String),
}
