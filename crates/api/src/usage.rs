//! `metrics.k8s.io/v1beta1`: what pods and the node use, measured when somebody asks and not kept.
//!
//! Sources: `k8s.io/metrics/pkg/apis/metrics/v1beta1` for the shapes, metrics-server for names, verbs and rounding.

use std::{borrow::Borrow, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::{
    api::resource::Quantity,
    apis::meta::v1::{ObjectMeta, Time},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    kinds::{ShapeOnly, normalise, quantity},
    resource::{Resource, Scope},
};

/// What is measured, in the order in which discovery lists it. It is no part of
/// [`crate::resource::RESOURCES`], whose objects are kept.
pub static USAGES: [&Resource; 2] = [&NODE_METRICS, &POD_METRICS];

/// `kubectl top nodes`.
pub static NODE_METRICS: Resource = Resource {
    group: "metrics.k8s.io",
    version: "v1beta1",
    kind: "NodeMetrics",
    plural: "nodes",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    subresources: &[],
    rules: &ShapeOnly(|object| normalise::<NodeMetrics>(&NODE_METRICS, object)),
};

/// `kubectl top pods`.
pub static POD_METRICS: Resource = Resource {
    group: "metrics.k8s.io",
    version: "v1beta1",
    kind: "PodMetrics",
    plural: "pods",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    subresources: &[],
    rules: &ShapeOnly(|object| normalise::<PodMetrics>(&POD_METRICS, object)),
};

/// What is measured at a path.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    USAGES.into_iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// Whether a resource is measured, and not kept.
pub fn is_measured(resource: &Resource) -> bool {
    find(resource.group, resource.version, resource.plural).is_some()
}

/// What the containers of a pod use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics")]
pub struct PodMetrics {
    /// `metrics.k8s.io/v1beta1`.
    #[serde(default)]
    pub api_version: String,
    /// `PodMetrics`.
    #[serde(default)]
    pub kind: String,
    /// The pod's name, namespace and labels.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// When the measurement ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Time>,
    /// How long it took, such as `1.004s`.
    #[serde(default)]
    pub window: String,
    /// Each container that runs.
    #[serde(default)]
    pub containers: Vec<ContainerMetrics>,
}

/// What a container uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.ContainerMetrics")]
pub struct ContainerMetrics {
    /// Its name in the pod's spec.
    #[serde(default)]
    pub name: String,
    /// `cpu` in cores, and `memory` in octets: the working set.
    #[serde(default)]
    pub usage: BTreeMap<String, Quantity>,
}

/// What the pods of a node use together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics")]
pub struct NodeMetrics {
    /// `metrics.k8s.io/v1beta1`.
    #[serde(default)]
    pub api_version: String,
    /// `NodeMetrics`.
    #[serde(default)]
    pub kind: String,
    /// The node's name and labels.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// When the measurement ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Time>,
    /// How long it took, such as `1.004s`.
    #[serde(default)]
    pub window: String,
    /// `cpu` in cores, and `memory` in octets: the working sets.
    #[serde(default)]
    pub usage: BTreeMap<String, Quantity>,
}

/// What a container used while it was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The uid of its pod.
    pub pod_uid: String,
    /// Its name in the pod's spec.
    pub container: String,
    /// Billionths of a core, on average.
    pub cpu_nanos: u64,
    /// Octets of memory that cannot be taken from it without its noticing.
    pub memory_bytes: u64,
    /// When the measurement ended.
    pub at: Timestamp,
    /// How long it took.
    pub window: SignedDuration,
}

/// The `PodMetrics` of a pod, of all samples those of its containers; `None` where none of them was measured.
pub fn of_pod(pod: &Value, samples: &[Sample]) -> Option<PodMetrics> {
    let uid = &pod["metadata"]["uid"];
    let mut own: Vec<&Sample> = samples.iter().filter(|sample| *uid == *sample.pod_uid).collect();
    own.sort_by(|a, b| a.container.cmp(&b.container));
    let (at, window) = span(&own)?;
    let containers = own.into_iter().map(|sample| ContainerMetrics {
        name: sample.container.clone(),
        usage: usage(sample.cpu_nanos, sample.memory_bytes),
    });
    Some(PodMetrics {
        api_version: POD_METRICS.api_version(),
        kind: POD_METRICS.kind.to_owned(),
        metadata: metadata(pod, at),
        timestamp: Some(Time(at)),
        window,
        containers: containers.collect(),
    })
}

/// The `NodeMetrics` of a node, whose pods these samples are of. Where nothing runs, nothing is used: `now` is when.
pub fn of_node(node: &Value, samples: &[&Sample], now: Timestamp) -> NodeMetrics {
    let (at, window) = span(samples).unwrap_or((now, "0s".to_owned()));
    let cpu = samples.iter().map(|sample| sample.cpu_nanos).fold(0, u64::saturating_add);
    let memory = samples.iter().map(|sample| sample.memory_bytes).fold(0, u64::saturating_add);
    NodeMetrics {
        api_version: NODE_METRICS.api_version(),
        kind: NODE_METRICS.kind.to_owned(),
        metadata: metadata(node, at),
        timestamp: Some(Time(at)),
        window,
        usage: usage(cpu, memory),
    }
}

/// When the last measurement ended, and how long the longest took.
fn span(samples: &[impl Borrow<Sample>]) -> Option<(Timestamp, String)> {
    let at = samples.iter().map(|sample| sample.borrow().at).max()?;
    let window = samples.iter().map(|sample| sample.borrow().window).max()?;
    Some((at, format!("{}s", f64::from(i32::try_from(window.as_millis()).unwrap_or(i32::MAX)) / 1000.0)))
}

/// Memory in whole `Ki`, as metrics-server gives it.
fn usage(cpu_nanos: u64, memory_bytes: u64) -> BTreeMap<String, Quantity> {
    let [cpu, memory] = amounts(cpu_nanos.into(), memory_bytes.into());
    BTreeMap::from([("cpu".to_owned(), Quantity(cpu)), ("memory".to_owned(), Quantity(memory))])
}

/// Cores and octets as quantities in canonical form.
fn amounts(cpu_nanos: i128, memory_bytes: i128) -> [String; 2] {
    [format!("{cpu_nanos}n"), format!("{}Ki", memory_bytes / 1024)]
        .map(|text| quantity::parse(&text).map_or(text, |quantity| quantity.to_string()))
}

fn metadata(of: &Value, at: Timestamp) -> ObjectMeta {
    let text = |field: &str| of["metadata"][field].as_str().map(str::to_owned);
    let labels = of["metadata"]["labels"].as_object().map(|labels| {
        labels.iter().map(|(label, value)| (label.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    });
    ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        labels,
        creation_timestamp: Some(Time(at)),
        ..ObjectMeta::default()
    }
}

/// The sum of what the containers of a `PodMetrics` use, or what a `NodeMetrics` says, as cells of a table.
pub(crate) fn cells(metrics: &Value) -> [String; 2] {
    let containers = metrics["containers"].as_array().into_iter().flatten();
    let usages: Vec<&Value> = containers.map(|container| &container["usage"]).chain([&metrics["usage"]]).collect();
    let sum = |resource: &str| -> i128 {
        let told = usages.iter().filter_map(|usage| quantity::parse(usage[resource].as_str()?));
        told.map(quantity::Quantity::nanos).sum()
    };
    amounts(sum("cpu"), sum("memory") / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(pod: &str, container: &str, cpu_nanos: u64, memory_bytes: u64, at: &str, millis: i64) -> Sample {
        Sample {
            pod_uid: pod.to_owned(),
            container: container.to_owned(),
            cpu_nanos,
            memory_bytes,
            at: at.parse().unwrap(),
            window: SignedDuration::from_millis(millis),
        }
    }

    #[test]
    fn a_pod_is_measured_until_its_last_container_is_and_as_long_as_the_one_that_took_longest() {
        let pod = json!({"metadata": {"name": "web-0", "namespace": "shop", "uid": "u", "labels": {"app": "nginx"}}});
        let samples = [
            sample("u", "b", 5, 1023, "2026-01-01T00:00:02Z", 900),
            sample("other", "a", 1, 1, "2026-01-01T00:00:09Z", 9_000),
            sample("u", "a", u64::MAX, u64::MAX, "2026-01-01T00:00:01Z", 1_100),
        ];
        let metrics = of_pod(&pod, &samples).unwrap();
        assert_eq!(metrics.containers.iter().map(|its| its.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((metrics.timestamp, metrics.window.as_str()), (Some(Time(samples[0].at)), "1.1s"));
        assert_eq!(json!(metrics.containers[1].usage), json!({"cpu": "5n", "memory": "0"}));
        assert_eq!(of_pod(&json!({"metadata": {"uid": "none"}}), &samples), None);
        let node = of_node(&json!({"metadata": {"name": "n"}}), &samples.each_ref(), samples[0].at);
        assert_eq!(node.window, "9s");
        assert_eq!(node.usage["memory"].0, "9223372036854775807", "the largest quantity; it does not begin at 0 again");
    }

    #[test]
    fn what_is_measured_is_of_its_own_shape() {
        for (resource, metrics) in [
            (&POD_METRICS, json!(PodMetrics::default())),
            (&NODE_METRICS, json!(of_node(&json!({}), &[], Timestamp::UNIX_EPOCH))),
        ] {
            let mut metrics = metrics;
            metrics["apiVersion"] = resource.api_version().into();
            metrics["kind"] = resource.kind.into();
            let (_, unknown) = resource.rules.normalise(metrics).unwrap();
            assert_eq!(unknown, [""; 0], "{}", resource.kind);
        }
    }
}
