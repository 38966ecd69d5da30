//! A namespace that is being deleted: its content goes first.

use k8s_openapi::api::core::v1::Namespace;

use crate::{Wait, Write};

/// An object in the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Group-qualified plural: `pods`, `petsets.apps`.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// Its revision.
    pub rv: String,
    /// Whether its deletion has been asked for already.
    pub deleting: bool,
}

/// What is to happen about a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Content to delete, the namespace to change or remove.
    pub writes: Vec<Write>,
    /// What it waits for.
    pub waits: Vec<Wait>,
}

/// Decides what is next for one namespace and everything in it.
pub fn plan(namespace: &Namespace, content: &[Content]) -> Plan {
    let _ = (namespace, content);
    Plan::default()
}
