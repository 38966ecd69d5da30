//! What a container may use of the machine, and how it is confined.

use crate::facts::PodKey;

/// Microseconds in which a container may use its quota of the processors, as the kubelet's.
pub const CPU_PERIOD_MICROS: u64 = 100_000;

/// What a container may use of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The most octets of memory; nothing is swapped out in its place. Whatever needs more is killed. `None` has no limit.
    pub memory: Option<u64>,
    /// The weight among all who want the processors; `None` is the engine's own.
    pub cpu_shares: Option<u64>,
    /// Microseconds of processor time in each [`CPU_PERIOD_MICROS`]; `None` has no limit.
    pub cpu_quota_micros: Option<u64>,
    /// From -1000 to 1000: who is killed when the machine itself runs out of memory, the highest first.
    pub oom_score_adj: i32,
}

/// How a container is confined, beyond what the engine does by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of the container, as in its spec")]
pub struct Confinement {
    /// Groups that its processes are in besides their user's own.
    pub groups: Vec<i64>,
    /// Nothing that it runs gets powers which it has not (`allowPrivilegeEscalation: false`).
    pub no_new_privileges: bool,
    /// It may make every system call. Refused by daemons that do not allow it.
    pub without_seccomp: bool,
    /// It sees all of `/proc` and `/sys`. Refused by daemons that do not allow it.
    pub unmasked: bool,
    /// It is among the host's processes (`spec.hostPID`). Refused by daemons that do not allow it.
    pub host_pid: bool,
    /// It is in the host's IPC namespace (`spec.hostIPC`). Refused by daemons that do not allow it.
    pub host_ipc: bool,
}

/// Where a container writes why it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminationMessage {
    /// The absolute path of the file in the container; empty for none.
    pub path: String,
    /// Where it is empty and the container failed, the end of its log counts (`FallbackToLogsOnError`).
    pub or_log: bool,
}

/// A pod's `fsGroup` and the volumes that are to be its own. One that has gone meanwhile is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeOwnership {
    /// The pod.
    pub pod: PodKey,
    /// Its uid.
    pub uid: String,
    /// Its sandbox, which runs.
    pub sandbox_id: String,
    /// The group.
    pub group: i64,
    /// When a volume is left as it is.
    pub change: OwnershipChange,
    /// The names of the engine's volumes, of ours.
    pub volumes: Vec<OwnedVolume>,
}

/// A volume that is to be a group's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedVolume {
    /// The engine's name.
    pub name: String,
    /// The pod only reads it, so the group need not write.
    pub read_only: bool,
}

/// `fsGroupChangePolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipChange {
    /// Everything in a volume is looked at.
    Always,
    /// Nothing, where the volume's own directory is as it should be.
    OnRootMismatch,
}
