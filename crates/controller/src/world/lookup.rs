//! Where the world finds what a change concerns, kept with each change.

use std::collections::{BTreeMap, BTreeSet};

use api::selector::Labels;
use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use plan::{
    read::is_ready,
    schedule::{asks_who_is_there, shuns, takes},
    set::{Reserved, Set},
};

use super::{
    Name, SetKey, claims_of, images_of,
    index::{Groups, Labelled, Selectors},
    labels_of,
};

/// Everything by which objects are looked for.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Pods by label, in each namespace.
    pods: BTreeMap<String, Labelled>,
    /// Pods by the uid of their controller.
    pub(super) controlled: Groups<String, Name>,
    /// The names of the pods that mount a claim.
    pub(super) mounting: Groups<Name, String>,
    /// Pods that are not Ready, or have had containers added, by the images that they name.
    pub(super) unready: Groups<String, Name>,
    /// Pods that keep others away by what they are.
    pub(super) shunning: BTreeSet<Name>,
    /// Pods that take what others may ask for.
    pub(super) taking: BTreeSet<Name>,
    /// Sets by what they select, in each namespace.
    pub(super) sets: BTreeMap<String, Selectors<SetKey>>,
    /// Sets by uid.
    pub(super) uids: Groups<String, SetKey>,
    /// Sets by their governing service.
    pub(super) governed: Groups<Name, SetKey>,
    /// The names of services by what they select, in each namespace.
    pub(super) services: BTreeMap<String, Selectors<String>>,
    /// The names of budgets by what they cover, in each namespace.
    pub(super) budgets: BTreeMap<String, Selectors<String>>,
    /// The names of the pods that a set has reserved.
    pub(super) reserved: Groups<SetKey, String>,
    /// Those of them for which it counts who else is there, whoever that is.
    pub(super) particular: BTreeSet<Name>,
}

impl Lookup {
    /// Takes in a pod in the place of what it was before.
    pub(super) fn pod(&mut self, name: &Name, before: Option<&Pod>, after: Option<&Pod>) {
        let labelled = self.pods.entry(name.0.clone()).or_default();
        let (old, new) = (before.map(|pod| labels_of(&pod.metadata)), after.map(|pod| labels_of(&pod.metadata)));
        if old != new {
            if let Some(labels) = old {
                labelled.remove(&name.1, labels);
            }
            if let Some(labels) = new {
                labelled.insert(&name.1, labels);
            }
        }
        if labelled.is_empty() {
            self.pods.remove(&name.0);
        }
        for (names, belongs) in
            [(&mut self.shunning, after.is_some_and(shuns)), (&mut self.taking, after.is_some_and(takes))]
        {
            if belongs {
                names.insert(name.clone());
            } else {
                names.remove(name);
            }
        }
        if let Some(pod) = before {
            for uid in controllers_of(&pod.metadata) {
                self.controlled.remove(uid, name);
            }
            for claim in claims_of(pod) {
                self.mounting.remove(&(name.0.clone(), claim.to_owned()), &name.1);
            }
            for image in images_of(pod) {
                self.unready.remove(&image, name);
            }
        }
        if let Some(pod) = after {
            for uid in controllers_of(&pod.metadata) {
                self.controlled.insert(uid.to_owned(), name.clone());
            }
            for claim in claims_of(pod) {
                self.mounting.insert((name.0.clone(), claim.to_owned()), name.1.clone());
            }
            if !is_ready(pod) || has_ephemeral_containers(pod) {
                for image in images_of(pod) {
                    self.unready.insert(image, name.clone());
                }
            }
        }
    }

    /// The pods of a namespace by label.
    pub(super) fn pods_in(&self, namespace: &str) -> &Labelled {
        static NONE: Labelled = Labelled::new();
        self.pods.get(namespace).unwrap_or(&NONE)
    }

    /// The pods that mount a claim, each once.
    pub(super) fn mounting_any(&self) -> BTreeSet<(&str, &str)> {
        self.mounting.iter().map(|((namespace, _), pod)| (namespace.as_str(), pod.as_str())).collect()
    }

    /// Takes in a set in the place of what it was before.
    pub(super) fn set(&mut self, key: &SetKey, before: Option<Set<'_>>, after: Option<Set<'_>>) {
        let governing = |set: Set<'_>| (key.namespace.clone(), set.service_name().to_owned());
        if let Some(set) = before {
            self.uids.remove(set.uid(), key);
            self.governed.remove(&governing(set), key);
        }
        if let Some(set) = after {
            self.uids.insert(set.uid().to_owned(), key.clone());
            self.governed.insert(governing(set), key.clone());
        }
        let selector = after.and_then(Set::selector).map(Labels::from_selector);
        place(&mut self.sets, &key.namespace, key, selector.as_ref());
    }

    /// Takes in a service.
    pub(super) fn service(&mut self, (namespace, name): &Name, after: Option<&Service>) {
        let selector = after.and_then(selector_of_service);
        place(&mut self.services, namespace, name, selector.as_ref());
    }

    /// Takes in a disruption budget.
    pub(super) fn budget(&mut self, (namespace, name): &Name, after: Option<&PodDisruptionBudget>) {
        let selector = after.and_then(|budget| budget.spec.as_ref()?.selector.as_ref()).map(Labels::from_selector);
        place(&mut self.budgets, namespace, name, selector.as_ref());
    }

    /// Takes in what is reserved in the place of what was before.
    pub(super) fn reserved(&mut self, (namespace, name): &Name, before: Option<&Reserved>, after: Option<&Reserved>) {
        if let Some(reserved) = before {
            self.reserved.remove(&SetKey::of_reserved(namespace, reserved), name);
        }
        if let Some(reserved) = after {
            self.reserved.insert(SetKey::of_reserved(namespace, reserved), name.clone());
        }
        let id = (namespace.clone(), name.clone());
        if after.is_some_and(|reserved| takes(&reserved.pod) || asks_who_is_there(&reserved.pod)) {
            self.particular.insert(id);
        } else {
            self.particular.remove(&id);
        }
    }
}

/// Whether containers were added to a pod: it may be Ready while they wait.
fn has_ephemeral_containers(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.ephemeral_containers.iter().flatten().next().is_some())
}

/// Puts somebody's selector where it is found, and takes it away where there is none.
fn place<T: Ord + Clone + std::fmt::Debug>(
    spaces: &mut BTreeMap<String, Selectors<T>>,
    namespace: &str,
    whose: &T,
    selector: Option<&Labels>,
) {
    match selector {
        Some(selector) => spaces.entry(namespace.to_owned()).or_default().insert(whose, selector),
        None => {
            let Some(space) = spaces.get_mut(namespace) else { return };
            space.remove(whose);
            if space.is_empty() {
                spaces.remove(namespace);
            }
        }
    }
}

/// What a service selects; `None` for one that selects nothing.
pub(super) fn selector_of_service(service: &Service) -> Option<Labels> {
    let selector = service.spec.as_ref()?.selector.as_ref().filter(|selector| !selector.is_empty())?;
    let selector = LabelSelector { match_labels: Some(selector.clone()), match_expressions: None };
    Some(Labels::from_selector(&selector))
}

/// The uids of those that control an object: one at most, where rules hold.
pub(super) fn controllers_of(object: &ObjectMeta) -> impl Iterator<Item = &str> {
    let owners = object.owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}
