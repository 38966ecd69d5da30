//! Kinds of Kubernetes that are not served, where an object that nothing comes of would mislead.
//!
//! They are not in discovery, so clients that look there first say that there is no such kind. Whoever asks for one all the
//! same, as kubectl's generators do, is told what to use.

/// A kind that is not served, and what does its work here.
#[derive(Debug, PartialEq, Eq)]
pub struct Unserved {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// The plural name in paths.
    pub plural: &'static str,
    /// What to use.
    pub instead: &'static str,
}

/// What kubectl and charts may ask for.
pub const UNSERVED: &[Unserved] = &[
    Unserved { group: "", plural: "replicationcontrollers", instead: SET },
    Unserved { group: "apps", plural: "deployments", instead: SET },
    Unserved { group: "apps", plural: "replicasets", instead: SET },
    Unserved {
        group: "apps",
        plural: "daemonsets",
        instead: "there is one node, so use a StatefulSet of one replica, or a pod",
    },
    Unserved { group: "batch", plural: "jobs", instead: "use a pod whose restartPolicy is OnFailure or Never" },
    Unserved {
        group: "batch",
        plural: "cronjobs",
        instead: "make a pod whose restartPolicy is OnFailure or Never when it is time",
    },
    Unserved {
        group: "networking.k8s.io",
        plural: "ingresses",
        instead: "use the names in DNS, or a hostPort of a pod where petsetd allows it",
    },
    Unserved { group: "autoscaling", plural: "horizontalpodautoscalers", instead: "scale the StatefulSet by hand" },
];

const SET: &str = "use a StatefulSet, or a pod";

/// The kind of this name, if it is one of them, whatever its version.
pub fn find(group: &str, plural: &str) -> Option<&'static Unserved> {
    UNSERVED.iter().find(|kind| kind.group == group && kind.plural == plural)
}
