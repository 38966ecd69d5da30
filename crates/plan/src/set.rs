//! A set with its pods and claims: which pet is next, and why not another.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};

use api::petset::PetSet;

use crate::{Note, Wait, Write, outcome::LookAgain};

/// All that the decision about one set may depend on.
pub struct Input<'a> {
    /// The set.
    pub set: &'a PetSet,
    /// The pods of its namespace that its selector matches.
    pub pods: &'a [&'a Pod],
    /// The claims of its namespace.
    pub claims: &'a [&'a PersistentVolumeClaim],
    /// The governing service, if it exists.
    pub service: Option<&'a Service>,
    /// The moment.
    pub now: Timestamp,
}

/// What is to happen about one set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Claims and pods to make, pods to delete, the set's status.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why it is not as specified yet.
    pub waits: Vec<Wait>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// Decides what is next for one set.
pub fn plan(input: &Input<'_>) -> Plan {
    let _ = input;
    Plan::default()
}
