//! The quality of service that a pod gets.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use crate::kinds::quantity;

/// The resources that count for it.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed`, `Burstable` or `BestEffort`. A request that is not given is the limit.
///
/// Source: `ComputePodQOS` in `pkg/apis/core/v1/helper/qos`.
pub fn class(spec: &PodSpec) -> &'static str {
    let mut sums = Sums { requests: BTreeMap::new(), limits: BTreeMap::new(), all_are_limited: true };
    match &spec.resources {
        Some(resources) => sums.add(Some(resources)),
        None => containers(spec).for_each(|container| sums.add(container.resources.as_ref())),
    }
    if sums.requests.is_empty() && sums.limits.is_empty() {
        return "BestEffort";
    }
    if sums.all_are_limited && sums.requests == sums.limits { "Guaranteed" } else { "Burstable" }
}

/// Ephemeral containers have no resources.
fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

/// What is asked for altogether, in billionths.
struct Sums {
    requests: BTreeMap<&'static str, i128>,
    limits: BTreeMap<&'static str, i128>,
    all_are_limited: bool,
}

impl Sums {
    fn add(&mut self, resources: Option<&ResourceRequirements>) {
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        for name in RESOURCES {
            let (request, limit) = (amount(requests, name), amount(limits, name));
            self.all_are_limited &= limit.is_some();
            for (sums, amount) in [(&mut self.requests, request.or(limit)), (&mut self.limits, limit)] {
                if let Some(amount) = amount {
                    let sum = sums.entry(name).or_insert(0);
                    *sum = sum.saturating_add(amount);
                }
            }
        }
    }
}

/// What is asked for of a resource; nothing counts as not asked for.
fn amount(list: Option<&BTreeMap<String, Quantity>>, name: &str) -> Option<i128> {
    let amount = quantity::parse(list?.get(name)?.0.trim())?.nanos();
    (amount > 0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(containers: &Value) -> &'static str {
        class(&serde_json::from_value(json!({ "containers": containers })).unwrap())
    }

    fn asking(requests: &Value, limits: &Value) -> Value {
        json!({"name": "c", "resources": {"requests": requests, "limits": limits}})
    }

    #[test]
    fn the_class_follows_from_requests_and_limits_as_numbers() {
        let both = json!({"cpu": "1", "memory": "1Gi"});
        for (containers, expected) in [
            (json!([{"name": "c"}]), "BestEffort"),
            (json!([asking(&json!({"cpu": "0"}), &json!({"ephemeral-storage": "1Gi"}))]), "BestEffort"),
            (json!([asking(&json!({"cpu": "100m"}), &json!({}))]), "Burstable"),
            (json!([asking(&json!({}), &both)]), "Guaranteed"),
            (json!([asking(&json!({"cpu": "1000m", "memory": "1024Mi"}), &both)]), "Guaranteed"),
            (json!([asking(&json!({"cpu": "500m"}), &both)]), "Burstable"),
            (json!([asking(&json!({}), &both), {"name": "d"}]), "Burstable"),
            (json!([asking(&json!({}), &json!({"memory": "1Gi"}))]), "Burstable"),
        ] {
            assert_eq!(of(&containers), expected, "{containers}");
        }
    }

    #[test]
    fn what_the_pod_asks_for_as_a_whole_counts_instead() {
        let spec = json!({"containers": [{"name": "c"}], "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}});
        assert_eq!(class(&serde_json::from_value(spec).unwrap()), "Guaranteed");
    }
}
