//! Conflicts: what a configuration would change, and who else owns it.

use super::{
    entries::{Entries, Manager, Operation},
    set::Set,
};
use crate::status::quoted;

/// The fields of one manager that a configuration would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    manager: Manager,
    set: Set,
}

impl Conflict {
    /// The conflicts with everybody whom this is said of, in the order of the managers.
    pub(super) fn between(entries: &Entries, changed: &Set, with: impl Fn(&Manager) -> bool) -> Vec<Conflict> {
        let theirs = entries.0.iter().filter(|entry| with(&entry.manager));
        let mut conflicts: Vec<Conflict> = theirs
            .map(|entry| Conflict { manager: entry.manager.clone(), set: entry.set.intersection(changed) })
            .filter(|conflict| !conflict.set.is_empty())
            .collect();
        conflicts.sort_by(|one, other| one.manager.cmp(&other.manager));
        conflicts
    }

    /// What is left of it without these fields.
    pub(super) fn without(mut self, set: &Set) -> Option<Conflict> {
        self.set.subtract(set);
        (!self.set.is_empty()).then_some(self)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.set.paths()
    }

    /// The manager as Kubernetes names it: `"kubectl-create" using apps/v1`.
    pub(crate) fn manager(&self) -> String {
        let Manager { name, operation, api_version, subresource } = &self.manager;
        let mut text = quoted(name);
        if !subresource.is_empty() {
            text = format!("{text} with subresource {}", quoted(subresource));
        }
        match operation {
            Operation::Apply => text,
            Operation::Update => format!("{text} using {api_version}"),
        }
    }
}
