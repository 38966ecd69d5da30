//! The revisions of a set's template: which there are, which a new pet is made from, and which are forgotten.
//!
//! Source: `pkg/controller/history` and `getStatefulSetRevisions` of Kubernetes' controller.

use std::collections::{BTreeMap, BTreeSet};

use api::selector::Labels;
use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, StatefulSet},
        core::v1::{Pod, PodTemplateSpec},
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, runtime::RawExtension},
};
use serde_json::{Value, json};

use super::{
    kind::{Set, Strategy},
    owner,
    pet::{Hold, Ordinal},
};
use crate::{Write, unwritten};

/// The label of pods and revisions that says which revision they are of.
pub const REVISION_LABEL: &str = "controller-revision-hash";
/// The label of a revision with its own hash.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";
/// Kept where the set does not say: `spec.revisionHistoryLimit`.
const HISTORY_DEFAULT: i32 = 10;

/// The revision that a pod was made from; empty where it says none.
pub(super) fn of_pod(pod: &Pod) -> &str {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_LABEL)).map_or("", String::as_str)
}

/// A revision: its name, and the template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Revision {
    pub(super) name: String,
    pub(super) template: PodTemplateSpec,
}

/// What a set's pets are to be made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Revisions {
    /// The name of what the set was before the change that is under way; that of `update` where there is none.
    pub(super) current: String,
    /// What that holds, unless it cannot be read.
    current_template: Option<PodTemplateSpec>,
    /// What the set is now.
    pub(super) update: Revision,
    /// How often a name was taken by a revision with other content: `status.collisionCount`.
    pub(super) collisions: i32,
    /// A revision to make, to bring to the top, to adopt.
    pub(super) writes: Vec<Write>,
    /// The revisions that are the set's, the oldest first.
    kept: Vec<ControllerRevision>,
}

impl Revisions {
    /// The revisions of a set. `all` are those whose names begin like its own; it takes those that it controls, and adopts
    /// those that it selects and nobody controls.
    pub(super) fn of(set: &StatefulSet, all: &[&ControllerRevision]) -> Revisions {
        let view = Set::StatefulSet(set);
        let mut writes = Vec::new();
        let mut kept: Vec<ControllerRevision> = Vec::new();
        let labels = Labels::from_selector(&set.spec.as_ref().map(|spec| spec.selector.clone()).unwrap_or_default());
        let mut all = all.to_vec();
        all.sort_by_key(|revision| name_of(revision));
        for revision in all.iter().copied() {
            let is_selected = labels.matches(revision.metadata.labels.as_ref().unwrap_or(&BTreeMap::new()));
            match owner::controller(&revision.metadata) {
                Some(controller) if controller.uid == view.uid() => kept.push(revision.clone()),
                None if is_selected && !view.is_leaving() && revision.metadata.deletion_timestamp.is_none() => {
                    let mut adopted = revision.clone();
                    owner::adopt(&mut adopted.metadata, view);
                    kept.push(adopted.clone());
                    writes.push(Write::UpdateRevision(Box::new(adopted)));
                }
                _ => {}
            }
        }
        kept.sort_by(|a, b| (a.revision, &a.metadata.name).cmp(&(b.revision, &b.metadata.name)));

        let data = data(view.template());
        let next = kept.last().map_or(0, |last| last.revision) + 1;
        let mut collisions = set.status.as_ref().and_then(|status| status.collision_count).unwrap_or(0);
        let last = kept.len().checked_sub(1);
        let update = match kept.iter().rposition(|revision| data_of(revision) == Some(&data)) {
            Some(same) if Some(same) == last => name_of(&kept[same]).to_owned(),
            Some(same) => {
                kept[same].revision = next;
                let name = name_of(&kept[same]).to_owned();
                let bumped = kept.remove(same);
                writes.retain(|write| !matches!(write, Write::UpdateRevision(old) if name_of(old) == name));
                writes.push(Write::UpdateRevision(Box::new(bumped.clone())));
                kept.push(bumped);
                name
            }
            None => {
                let mut revision = new(view, &data, next, collisions);
                while all.iter().any(|other| name_of(other) == name_of(&revision)) {
                    collisions += 1;
                    revision = new(view, &data, next, collisions);
                }
                let name = name_of(&revision).to_owned();
                writes.push(Write::CreateRevision(Box::new(revision.clone())));
                kept.push(revision);
                name
            }
        };
        let update = Revision { name: update, template: view.template().clone() };
        let named = set.status.as_ref().and_then(|status| status.current_revision.as_deref()).unwrap_or_default();
        let (current, current_template) = match kept.iter().find(|revision| name_of(revision) == named) {
            Some(_) if named == update.name => (update.name.clone(), Some(update.template.clone())),
            Some(revision) => (named.to_owned(), template(revision)),
            None => (update.name.clone(), Some(update.template.clone())),
        };
        Revisions { current, current_template, update, collisions, writes, kept }
    }

    /// What a pet that is missing is made from: the old revision below the partition, and while the number of old pets that
    /// the status counts says that its place is theirs.
    ///
    /// The error says why it cannot be made: the old revision is no template. Nobody knows what the pet was then, and one of
    /// the newest revision would cross the partition.
    ///
    /// Source: `newVersionedStatefulSetPod`.
    pub(super) fn for_ordinal(&self, set: Set<'_>, ordinal: Ordinal) -> Result<Revision, Hold> {
        let Strategy::Rolling { from, .. } = set.strategy() else { return Ok(self.update.clone()) };
        let is_old = match (set, set.rolling()) {
            (_, Some(_)) => ordinal < from,
            (Set::StatefulSet(set), None) => {
                let old = set.status.as_ref().and_then(|status| status.current_replicas).unwrap_or(0).max(0);
                ordinal < from.saturating_add(old.unsigned_abs())
            }
            (Set::PetSet(_), None) => false,
        };
        if !is_old {
            return Ok(self.update.clone());
        }
        match &self.current_template {
            Some(template) => Ok(Revision { name: self.current.clone(), template: template.clone() }),
            None => Err(Hold::new("RevisionUnreadable", unwritten::revision_unreadable(&self.current))),
        }
    }

    /// Revisions beyond `spec.revisionHistoryLimit` that no pod and no status names, the oldest first.
    ///
    /// Source: `truncateHistory`.
    pub(super) fn forgotten(&self, set: &StatefulSet, pods: &[&Pod]) -> Vec<Write> {
        let limit = set.spec.as_ref().and_then(|spec| spec.revision_history_limit).unwrap_or(HISTORY_DEFAULT);
        let Ok(limit) = usize::try_from(limit) else { return Vec::new() };
        let mut live: BTreeSet<&str> = pods.iter().map(|pod| of_pod(pod)).collect();
        live.extend([self.current.as_str(), self.update.name.as_str()]);
        let history: Vec<&ControllerRevision> =
            self.kept.iter().filter(|revision| !live.contains(name_of(revision))).collect();
        let surplus = history.len().saturating_sub(limit);
        let is_written = |name: &str| {
            self.writes.iter().any(|write| matches!(write, Write::UpdateRevision(written) if name_of(written) == name))
        };
        let forgotten = history
            .into_iter()
            .take(surplus)
            .filter(|revision| revision.metadata.deletion_timestamp.is_none() && !is_written(name_of(revision)));
        forgotten
            .map(|revision| Write::DeleteContent {
                resource: "controllerrevisions.apps".to_owned(),
                namespace: revision.metadata.namespace.clone().unwrap_or_default(),
                name: name_of(revision).to_owned(),
                rv: revision.metadata.resource_version.clone().unwrap_or_default(),
            })
            .collect()
    }
}

/// The template that a revision holds, unless its data is of another shape.
fn template(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    serde_json::from_value(data_of(revision)?["spec"]["template"].clone()).ok()
}

fn data_of(revision: &ControllerRevision) -> Option<&Value> {
    revision.data.as_ref().map(|data| &data.0)
}

/// The patch that brings a set back to this template.
fn data(template: &PodTemplateSpec) -> Value {
    let mut template = json!(template);
    template["$patch"] = json!("replace");
    json!({"spec": {"template": template}})
}

fn new(set: Set<'_>, data: &Value, revision: i64, collisions: i32) -> ControllerRevision {
    let hash = hash(data, collisions);
    let metadata = set.template().metadata.as_ref();
    let mut labels = metadata.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    labels.insert(HASH_LABEL.to_owned(), hash.clone());
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", set.name())),
            namespace: Some(set.namespace().to_owned()),
            labels: Some(labels),
            annotations: set.metadata().annotations.clone(),
            owner_references: Some(vec![set.reference()]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(data.clone())),
        revision,
    }
}

/// A hash as Kubernetes writes it: the decimal digits of 32 bits in an alphabet in which no word is rude.
fn hash(data: &Value, collisions: i32) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = data.to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    let digits = crc32fast::hash(text.as_bytes()).to_string();
    digits.bytes().map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()])).collect()
}

fn name_of(revision: &ControllerRevision) -> &str {
    revision.metadata.name.as_deref().unwrap_or_default()
}
