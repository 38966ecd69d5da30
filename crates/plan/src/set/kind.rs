//! A set of either kind, seen alike.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::LazyLock};

use api::petset::PetSet;
use jiff::SignedDuration;
use k8s_openapi::{
    api::{
        apps::v1::{RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec},
        core::v1::{PersistentVolumeClaim, PodTemplateSpec},
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference},
        util::intstr::IntOrString,
    },
};

use super::{
    pet::Ordinal,
    rules::{self, Rules},
};

/// A set that is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Set<'a> {
    /// `apps/v1alpha1 PetSet`, as in Kubernetes 1.3.
    PetSet(&'a PetSet),
    /// `apps/v1 StatefulSet`, as in Kubernetes 1.36.
    StatefulSet(&'a StatefulSet),
}

impl<'a> From<&'a PetSet> for Set<'a> {
    fn from(set: &'a PetSet) -> Set<'a> {
        Set::PetSet(set)
    }
}

impl<'a> From<&'a StatefulSet> for Set<'a> {
    fn from(set: &'a StatefulSet) -> Set<'a> {
        Set::StatefulSet(set)
    }
}

/// How pets get to another revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Not at all by the set: users delete pets, and the new ones are of the newest revision.
    OnDelete,
    /// From the highest ordinal down to `from`: one after the other, or so many at once that no more are unavailable.
    Rolling { from: Ordinal, unavailable_max: Option<usize> },
    /// All old pets at once, and no new one before the last of them is gone.
    Recreate,
}

/// Whether claims go with their set, and with a pet that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retention {
    pub(super) delete_with_set: bool,
    pub(super) delete_with_pet: bool,
}

impl<'a> Set<'a> {
    /// The set's metadata.
    pub fn metadata(self) -> &'a ObjectMeta {
        match self {
            Set::PetSet(set) => &set.metadata,
            Set::StatefulSet(set) => &set.metadata,
        }
    }

    /// The set's name.
    pub fn name(self) -> &'a str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The set's namespace.
    pub fn namespace(self) -> &'a str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }

    /// The set's uid.
    pub fn uid(self) -> &'a str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// `apps/v1alpha1` or `apps/v1`.
    pub fn api_version(self) -> &'static str {
        self.rules().api_version
    }

    /// `PetSet` or `StatefulSet`.
    pub fn kind(self) -> &'static str {
        self.rules().kind
    }

    /// Whether its deletion has been asked for.
    pub fn is_leaving(self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// Which pods it selects.
    pub fn selector(self) -> Option<&'a LabelSelector> {
        match self {
            Set::PetSet(set) => set.spec.selector.as_ref(),
            Set::StatefulSet(_) => Some(&self.spec().selector),
        }
    }

    /// The name of its governing service, maybe empty.
    pub fn service_name(self) -> &'a str {
        match self {
            Set::PetSet(set) => &set.spec.service_name,
            Set::StatefulSet(_) => self.spec().service_name.as_deref().unwrap_or_default(),
        }
    }

    /// Its claim templates, by name. Of two with one name the first counts.
    pub fn claim_templates(self) -> impl Iterator<Item = (&'a str, &'a PersistentVolumeClaim)> {
        let templates = match self {
            Set::PetSet(set) => set.spec.volume_claim_templates.as_slice(),
            Set::StatefulSet(_) => self.spec().volume_claim_templates.as_deref().unwrap_or_default(),
        };
        let mut seen = std::collections::BTreeSet::new();
        templates
            .iter()
            .map(|t| (t.metadata.name.as_deref().unwrap_or_default(), t))
            .filter(move |(name, _)| seen.insert(*name))
    }

    /// The ordinals that it is to have.
    pub fn target(self) -> Range<u32> {
        let (start, replicas) = match self {
            Set::PetSet(set) => (0, set.spec.replicas),
            Set::StatefulSet(_) => {
                (self.spec().ordinals.as_ref().and_then(|o| o.start).unwrap_or(0), self.spec().replicas)
            }
        };
        let start = start.max(0).unsigned_abs();
        start..start + replicas.unwrap_or(1).max(0).unsigned_abs()
    }

    /// What its pets are made from now.
    pub(super) fn template(self) -> &'a PodTemplateSpec {
        match self {
            Set::PetSet(set) => &set.spec.template,
            Set::StatefulSet(_) => &self.spec().template,
        }
    }

    /// The labels that its claims get: the selector's, or the template's where the set has no selector.
    pub(super) fn match_labels(self) -> Option<&'a BTreeMap<String, String>> {
        match self.selector() {
            Some(selector) => selector.match_labels.as_ref(),
            None => self.template().metadata.as_ref().and_then(|m| m.labels.as_ref()),
        }
    }

    /// What distinguishes its kind and its policy from the others.
    pub(super) fn rules(self) -> &'static Rules {
        match self {
            Set::PetSet(_) => &rules::PET_SET,
            Set::StatefulSet(_) if self.spec().pod_management_policy.as_deref() == Some("Parallel") => &rules::PARALLEL,
            Set::StatefulSet(_) => &rules::ORDERED_READY,
        }
    }

    /// How long a pet must have been Ready to count as available: `spec.minReadySeconds`.
    pub(super) fn min_ready(self) -> SignedDuration {
        let seconds = match self {
            Set::PetSet(_) => None,
            Set::StatefulSet(_) => self.spec().min_ready_seconds,
        };
        SignedDuration::from_secs(seconds.unwrap_or(0).max(0).into())
    }

    /// How its pets are updated. A percentage of unavailable pets is rounded down, and it is always at least one pet.
    ///
    /// Source: `getStatefulSetMaxUnavailable` and `updateStatefulSetAfterInvariantEstablished` of Kubernetes' controller.
    pub(super) fn strategy(self) -> Strategy {
        let Set::StatefulSet(_) = self else { return Strategy::OnDelete };
        let strategy = self.spec().update_strategy.as_ref();
        match strategy.and_then(|strategy| strategy.type_.as_deref()) {
            Some("OnDelete") => Strategy::OnDelete,
            Some("Recreate") => Strategy::Recreate,
            _ => {
                let rolling =
                    self.rolling().map_or(Cow::Owned(RollingUpdateStatefulSetStrategy::default()), Cow::Borrowed);
                let target = self.target();
                let unavailable_max = rolling.max_unavailable.as_ref().map(|max| match max {
                    IntOrString::Int(count) => usize::try_from(*count).unwrap_or(1).max(1),
                    IntOrString::String(share) => {
                        let percent: usize = share.trim_end_matches('%').parse().unwrap_or(0);
                        (target.len() * percent / 100).max(1)
                    }
                });
                let from = target.start.saturating_add(rolling.partition.unwrap_or(0).max(0).unsigned_abs());
                Strategy::Rolling { from, unavailable_max }
            }
        }
    }

    /// The parameters of `RollingUpdate`, where there are any.
    pub(super) fn rolling(self) -> Option<&'a RollingUpdateStatefulSetStrategy> {
        let Set::StatefulSet(_) = self else { return None };
        self.spec().update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref())
    }

    /// What becomes of claims.
    pub(super) fn retention(self) -> Retention {
        let policy = match self {
            Set::PetSet(_) => None,
            Set::StatefulSet(_) => self.spec().persistent_volume_claim_retention_policy.as_ref(),
        };
        let is_delete = |value: Option<&String>| value.is_some_and(|value| value == "Delete");
        Retention {
            delete_with_set: is_delete(policy.and_then(|policy| policy.when_deleted.as_ref())),
            delete_with_pet: is_delete(policy.and_then(|policy| policy.when_scaled.as_ref())),
        }
    }

    /// The reference by which what it makes belongs to it.
    pub(super) fn reference(self) -> OwnerReference {
        OwnerReference {
            api_version: self.api_version().to_owned(),
            kind: self.kind().to_owned(),
            name: self.name().to_owned(),
            uid: self.uid().to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }

    /// The spec of a StatefulSet. One without a spec was never admitted.
    fn spec(self) -> &'a StatefulSetSpec {
        static NONE: LazyLock<StatefulSetSpec> = LazyLock::new(StatefulSetSpec::default);
        match self {
            Set::StatefulSet(set) => set.spec.as_ref().unwrap_or(&NONE),
            Set::PetSet(_) => &NONE,
        }
    }
}
