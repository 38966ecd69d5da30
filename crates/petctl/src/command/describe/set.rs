//! A PetSet or `StatefulSet`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    document::{Document, list, say},
    pod::{containers, volumes},
};

pub(super) fn describe(set: &Value, pods: &Value) -> Document {
    let (spec, status) = (&set["spec"], &set["status"]);
    let mut document = Document::of(set);
    document.metadata(set);
    document.map("Selector", &spec["selector"]["matchLabels"], "=");
    document.field("Service Name", &say(&spec["serviceName"]));
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    document.field("Replicas", &format!("{wanted} desired | {} total", number(&status["replicas"])));
    document.optional("Update Strategy", &spec["updateStrategy"]["type"]);
    document.optional("Partition", &spec["updateStrategy"]["rollingUpdate"]["partition"]);
    document.optional("Pod Management", &spec["podManagementPolicy"]);
    document.field("Pods Status", &phases(pods));
    pod_template(&mut document, &spec["template"]);
    let claims = spec["volumeClaimTemplates"].as_array().filter(|claims| !claims.is_empty());
    if let Some(claims) = claims {
        document.section("Volume Claims");
        for claim in claims {
            document.field("Name", &say(&claim["metadata"]["name"]));
            document.field("StorageClass", &storage_class(claim));
            document.field("Capacity", &say(&claim["spec"]["resources"]["requests"]["storage"]));
            document.field("Access Modes", &list(&claim["spec"]["accessModes"]).join(", "));
        }
        document.end();
    }
    document
}

/// What pods are made from.
pub(super) fn pod_template(document: &mut Document, template: &Value) {
    document.section("Pod Template");
    document.map("Labels", &template["metadata"]["labels"], "=");
    document.map("Annotations", &template["metadata"]["annotations"], ": ");
    containers(document, "Init Containers", &template["spec"]["initContainers"], &Value::Null);
    containers(document, "Containers", &template["spec"]["containers"], &Value::Null);
    volumes(document, &template["spec"]["volumes"]);
    document.end();
}

/// A budget for disruptions.
pub(super) fn budget(budget: &Value) -> Document {
    let (spec, status) = (&budget["spec"], &budget["status"]);
    let mut document = Document::of(budget);
    document.metadata(budget);
    document.optional("Min available", &spec["minAvailable"]);
    document.optional("Max unavailable", &spec["maxUnavailable"]);
    document.field("Selector", &api::admission::selector_text(&spec["selector"]));
    document.section("Status");
    for (name, field) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        document.field(name, &say(&status[field]));
    }
    document.end();
    document
}

/// `spec.storageClassName`, else the annotation of its time.
pub(super) fn storage_class(claim: &Value) -> String {
    let annotation = |name: &str| say(&claim["metadata"]["annotations"][name]);
    [
        say(&claim["spec"]["storageClassName"]),
        annotation(api::kinds::storage_class::CLASS_BETA),
        annotation(api::petset::STORAGE_CLASS),
    ]
    .into_iter()
    .find(|name| !name.is_empty())
    .unwrap_or_default()
}

/// `2 Running / 1 Waiting / 0 Succeeded / 0 Failed`.
fn phases(pods: &Value) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in pods["items"].as_array().into_iter().flatten() {
        *counts.entry(pod["status"]["phase"].as_str().unwrap_or("Pending")).or_default() += 1;
    }
    let of = |phase| counts.get(phase).copied().unwrap_or(0);
    format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        of("Running"),
        of("Pending"),
        of("Succeeded"),
        of("Failed")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_what_a_budget_allows() {
        let object = json!({
            "kind": "PodDisruptionBudget", "apiVersion": "policy/v1",
            "metadata": {"name": "zk", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"maxUnavailable": "30%", "selector": {"matchLabels": {"app": "zk"}}},
            "status": {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3}});
        let expected = "\
Name:              zk
Namespace:         default
Created:           2026-01-01T00:00:00Z
Labels:            <none>
Annotations:       <none>
Max unavailable:   30%
Selector:          app=zk
Status:
  Allowed disruptions:   1
  Current:               3
  Desired:               2
  Total:                 3
";
        assert_eq!(budget(&object).finish(), expected);
    }

    #[test]
    fn tells_all_about_a_set() {
        let set = json!({
            "kind": "PetSet", "apiVersion": "apps/v1alpha1",
            "metadata": {"name": "web", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "serviceName": "nginx", "replicas": 2, "selector": {"matchLabels": {"app": "nginx"}},
                "template": {
                    "metadata": {"labels": {"app": "nginx"}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"}},
                    "spec": {"containers": [{"name": "nginx", "image": "nginx:1", "ports": [{"containerPort": 80}],
                        "readinessProbe": {"exec": {"command": ["cat", "/ready"]}, "periodSeconds": 1},
                        "volumeMounts": [{"name": "www", "mountPath": "/data"}]}]}},
                "volumeClaimTemplates": [{
                    "metadata": {"name": "www", "annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"}},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]},
            "status": {"replicas": 1}});
        let pods = json!({"items": [{"status": {"phase": "Running"}}, {"status": {}}]});
        let expected = "\
Name:           web
Namespace:      default
Created:        2026-01-01T00:00:00Z
Labels:         <none>
Annotations:    <none>
Selector:       app=nginx
Service Name:   nginx
Replicas:       2 desired | 1 total
Pods Status:    1 Running / 1 Waiting / 0 Succeeded / 0 Failed
Pod Template:
  Labels:        app=nginx
  Annotations:   pod.alpha.kubernetes.io/initialized: true
  Containers:
    nginx:
      Image:         nginx:1
      Ports:         80/TCP
      Readiness:     exec [cat /ready] delay=0s timeout=1s period=1s #success=1 #failure=3
      Environment:   <none>
      Mounts:        /data from www (rw)
Volume Claims:
  Name:           www
  StorageClass:   anything
  Capacity:       1Gi
  Access Modes:   ReadWriteOnce
";
        assert_eq!(describe(&set, &pods).finish(), expected);
    }
}
