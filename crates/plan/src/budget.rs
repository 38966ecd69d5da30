//! A disruption budget: how many of the pods that it covers may be evicted now.
//!
//! Follows Kubernetes' `pkg/controller/disruption`. Evictions themselves are the server's: they take from what is
//! allowed here.

use std::collections::BTreeMap;

use api::kinds::budget::{fail_condition, settle_condition};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        core::v1::Pod,
        policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus},
    },
    apimachinery::pkg::{apis::meta::v1::Time, util::intstr::IntOrString},
};

use crate::{Note, NoteKind, Subject, Write, outcome::LookAgain, read::is_ready};

/// How long a pod whose eviction was granted may take to be deleted before it counts again.
const DELETION_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);

/// A pod that the budget selects.
#[derive(Clone, Debug)]
pub struct Covered<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// Who makes it anew when it is gone.
    pub keeper: Keeper,
}

/// Who keeps a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A set, which wants so many pods.
    Set {
        /// The set's uid.
        uid: String,
        /// Its `spec.replicas`.
        replicas: i32,
    },
    /// A controller that is not there, or that is no set.
    Unknown,
    /// Nobody: when it is gone it stays gone.
    Nobody,
}

/// All that is read.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The budget.
    pub budget: &'a PodDisruptionBudget,
    /// The pods that it selects, by name.
    pub pods: &'a [Covered<'a>],
    /// The present.
    pub now: Timestamp,
}

/// What is to happen about a budget.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Its status, where it changes.
    pub writes: Vec<Write>,
    /// Events, told with a change of the status only.
    pub notes: Vec<Note>,
    /// When a granted eviction that has not been followed by a deletion is given up.
    pub look_again: LookAgain,
}

/// Counts the pods of a budget and says how many more may go.
pub fn plan(input: &Input<'_>) -> Plan {
    let stored = input.budget.status.clone().unwrap_or_default();
    let mut notes = Vec::new();
    let (status, look_again) = match expected(input, &mut notes) {
        Ok(counts) => counted(input, &stored, &counts, &mut notes),
        Err(why) => {
            let message = format!("Failed to calculate the number of expected pods: {why}");
            notes.push(about(input, NoteKind::Warning, "CalculateExpectedPodCountFailed", message));
            (failed(&stored, &why, input.now), None)
        }
    };
    let metadata = &input.budget.metadata;
    if status == stored {
        return Plan { look_again, ..Plan::default() };
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let write = Write::BudgetStatus {
        namespace: text(&metadata.namespace),
        name: text(&metadata.name),
        rv: text(&metadata.resource_version),
        status: Box::new(status),
    };
    Plan { writes: vec![write], notes, look_again }
}

/// How many pods there should be, and how many of them must be well.
struct Counts {
    expected: i32,
    desired: i32,
}

/// `getExpectedPodCount`. Errors: in Kubernetes' words, why it cannot be told.
fn expected(input: &Input<'_>, notes: &mut Vec<Note>) -> Result<Counts, String> {
    if input.pods.is_empty() {
        notes.push(about(input, NoteKind::Normal, "NoPods", "No matching pods found".to_owned()));
    }
    let spec = input.budget.spec.clone().unwrap_or_default();
    Ok(match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => {
            let expected = scale(input, notes)?;
            Counts { expected, desired: (expected - share(most, expected)?).max(0) }
        }
        (None, Some(IntOrString::Int(least))) => {
            Counts { expected: i32::try_from(input.pods.len()).unwrap_or(i32::MAX), desired: *least }
        }
        (None, Some(least @ IntOrString::String(_))) => {
            let expected = scale(input, notes)?;
            Counts { expected, desired: share(least, expected)? }
        }
        (None, None) => Counts { expected: 0, desired: 0 },
    })
}

/// How many pods the keepers of all covered pods want together.
fn scale(input: &Input<'_>, notes: &mut Vec<Note>) -> Result<i32, String> {
    let mut scales = BTreeMap::new();
    let mut unmanaged = Vec::new();
    for Covered { pod, keeper } in input.pods {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        match keeper {
            Keeper::Set { uid, replicas } => {
                scales.insert(uid, *replicas);
            }
            Keeper::Unknown => return Err(format!("found no controllers for pod {name:?}")),
            Keeper::Nobody => unmanaged.push(name),
        }
    }
    if !unmanaged.is_empty() {
        let message = format!(
            "Pods selected by this PodDisruptionBudget were found to be unmanaged: {}. As a result, the status of the PDB \
             cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \
             \".spec.minAvailable\" field of the PDB to an integer value.",
            unmanaged.join(", ")
        );
        notes.push(about(input, NoteKind::Warning, "UnmanagedPods", message));
    }
    Ok(scales.values().fold(0, |sum, replicas| replicas.saturating_add(sum)))
}

/// A number, or a share of the whole rounded up.
fn share(portion: &IntOrString, whole: i32) -> Result<i32, String> {
    match portion {
        IntOrString::Int(number) => Ok(*number),
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<i64>().ok());
            let percent = percent
                .ok_or_else(|| "invalid value for IntOrString: invalid type: string is not a percentage".to_owned())?;
            let hundredths = i64::from(whole).saturating_mul(percent);
            let rounded = hundredths.div_euclid(100) + i64::from(hundredths.rem_euclid(100) > 0);
            Ok(i32::try_from(rounded).unwrap_or(i32::MAX))
        }
    }
}

fn counted(
    input: &Input<'_>,
    stored: &PodDisruptionBudgetStatus,
    counts: &Counts,
    notes: &mut Vec<Note>,
) -> (PodDisruptionBudgetStatus, LookAgain) {
    let mut disrupted = BTreeMap::new();
    let mut look_again: LookAgain = None;
    let mut healthy = 0;
    for Covered { pod, .. } in input.pods.iter().filter(|covered| covered.pod.metadata.deletion_timestamp.is_none()) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let granted = stored.disrupted_pods.iter().flatten().find(|(granted, _)| **granted == name);
        // What was granted at a time that is yet to come was so before the clock was set back; it counts from now.
        if let Some(at) = granted.map(|(_, Time(at))| (*at).min(input.now)) {
            let end = at.saturating_add(DELETION_TIMEOUT).unwrap_or(Timestamp::MAX);
            if end > input.now {
                look_again = Some(look_again.map_or(end, |earliest| earliest.min(end)));
                disrupted.insert(name, Time(at));
                continue;
            }
            notes.push(not_deleted(input, pod));
        }
        healthy += i32::from(is_ready(pod));
    }
    let mut status = PodDisruptionBudgetStatus {
        conditions: stored.conditions.clone(),
        current_healthy: Some(healthy),
        desired_healthy: Some(counts.desired),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        // A budget that covers no pod allows nothing, for pods may appear before it is looked at again.
        disruptions_allowed: Some(if counts.expected <= 0 { 0 } else { (healthy - counts.desired).max(0) }),
        expected_pods: Some(counts.expected),
        observed_generation: input.budget.metadata.generation,
    };
    settle_condition(&mut status, input.now);
    (status, look_again)
}

/// Nothing may go while it is not known how many there are.
fn failed(stored: &PodDisruptionBudgetStatus, why: &str, now: Timestamp) -> PodDisruptionBudgetStatus {
    let mut status = stored.clone();
    status.disruptions_allowed = Some(0);
    fail_condition(&mut status, why, now);
    status
}

fn about(input: &Input<'_>, kind: NoteKind, reason: &'static str, message: String) -> Note {
    let metadata = &input.budget.metadata;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let subject = Subject {
        api_version: "policy/v1".to_owned(),
        kind: "PodDisruptionBudget".to_owned(),
        namespace: text(&metadata.namespace),
        name: text(&metadata.name),
        uid: text(&metadata.uid),
    };
    Note { subject, field_path: String::new(), component: "controllermanager", kind, reason, message }
}

fn not_deleted(input: &Input<'_>, pod: &Pod) -> Note {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (budget, metadata) = (&input.budget.metadata, &pod.metadata);
    Note {
        subject: Subject {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: text(&metadata.namespace),
            name: text(&metadata.name),
            uid: text(&metadata.uid),
        },
        field_path: String::new(),
        component: "controllermanager",
        kind: NoteKind::Warning,
        reason: "NotDeleted",
        message: format!(
            "Pod was expected by PDB {}/{} to be deleted but it wasn't",
            text(&budget.namespace),
            text(&budget.name)
        ),
    }
}
