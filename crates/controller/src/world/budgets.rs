//! Which pods a disruption budget covers, and which budgets a change concerns.

use std::collections::BTreeSet;

use api::selector::Labels;
use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use plan::set::Set;

use super::{Unit, World, labels_of, selects};

impl World {
    /// The pods that a budget selects, by name: none where it has no selector, all where that is empty.
    pub fn pods_of_budget<'a>(&'a self, namespace: &'a str, budget: &PodDisruptionBudget) -> Vec<&'a Pod> {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref()).map(Labels::from_selector);
        selector.map_or_else(Vec::new, |selector| self.pods_selected(namespace, &selector))
    }

    /// What a set is to have is what the budgets of its pods count with.
    pub(super) fn mark_budgets_of_set(&self, set: Set<'_>, dirty: &mut BTreeSet<Unit>) {
        for pod in self.pods_of_set(set) {
            self.mark_budgets_of_pod(set.namespace(), &pod.metadata, dirty);
        }
    }

    pub(super) fn mark_budgets_of_pod(&self, namespace: &str, pod: &ObjectMeta, dirty: &mut BTreeSet<Unit>) {
        let Some(budgets) = self.lookup.budgets.get(namespace) else { return };
        for name in budgets.candidates(labels_of(pod)) {
            if self.budgets.get(namespace, name).is_some_and(|budget| is_covered(budget, pod)) {
                dirty.insert(Unit::Budget((namespace.to_owned(), name.clone())));
            }
        }
    }
}

fn is_covered(budget: &PodDisruptionBudget, pod: &ObjectMeta) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| selects(&Labels::from_selector(selector), pod))
}
