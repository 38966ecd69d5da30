//! Which pods a disruption budget covers, and which budgets a change concerns.

use std::collections::BTreeSet;

use api::selector::Labels;
use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{Unit, World, selects};

impl World {
    /// The pods that a budget selects, by name: none where it has no selector, all where that is empty.
    pub fn pods_of_budget<'a>(&'a self, namespace: &'a str, budget: &PodDisruptionBudget) -> Vec<&'a Pod> {
        let covered = |pod: &&Pod| is_covered(budget, &pod.metadata);
        self.pods.of(namespace).map(|(_, pod)| pod).filter(covered).collect()
    }

    /// What a set is to have is what its budgets count with.
    pub(super) fn mark_budgets(&self, namespace: &str, dirty: &mut BTreeSet<Unit>) {
        let budgets = self.budgets.of(namespace).map(|(name, _)| Unit::Budget((namespace.to_owned(), name.to_owned())));
        dirty.extend(budgets);
    }

    pub(super) fn mark_budgets_of_pod(&self, namespace: &str, pod: &ObjectMeta, dirty: &mut BTreeSet<Unit>) {
        for (budget, _) in self.budgets.of(namespace).filter(|(_, budget)| is_covered(budget, pod)) {
            dirty.insert(Unit::Budget((namespace.to_owned(), budget.to_owned())));
        }
    }
}

fn is_covered(budget: &PodDisruptionBudget, pod: &ObjectMeta) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| selects(&Labels::from_selector(selector), pod))
}
