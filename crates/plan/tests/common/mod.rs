//! What the worlds around a set have in common, whatever its kind.

use plan::{
    law::{self, Broken},
    pod::Host,
    set::{self, Plan, Reserved},
};
use serde_json::{Value, json};

/// Plans for a set: [`set::plan`], or one that breaks a law.
pub(crate) type Planner = fn(&set::Input<'_>) -> Plan;

/// An object from its JSON.
pub(crate) fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What this planner plans, unless it breaks a law.
pub(crate) fn judged(planner: Planner, input: &set::Input<'_>) -> Result<Plan, Broken> {
    let plan = planner(input);
    law::set::all(input, &plan).map(|()| plan)
}

/// This host.
pub(crate) fn host() -> Host {
    Host {
        instance: "default".into(),
        node: "laptop".into(),
        address: [10, 88, 0, 1].into(),
        domain: "cluster.local".into(),
        dns: [10, 88, 0, 1].into(),
        search: Vec::new(),
        resolvers: Vec::new(),
    }
}

/// A reservation as the committer keeps it: its pod has the reservation's uid, through the store and back.
pub(crate) fn kept(mut reserved: Reserved) -> Reserved {
    reserved.pod.metadata.uid.clone_from(&reserved.metadata.uid);
    object(json!(reserved))
}
