//! What Kubernetes fills in of a pod.
//!
//! Not what depends on things that are not here: no token is mounted that no volume asks for, and no taints drive them
//! out, so no tolerations are added.

use serde_json::{Value, json};

use crate::kinds::fields::{fill, has, items, object, set};

/// The permissions of files that are made of configuration: 0644.
const FILE_MODE: i32 = 0o644;
/// How long a token counts, in seconds, where nothing is said.
const TOKEN_SECONDS: i64 = 3600;

/// The grace of a pod that asks for none, in seconds.
const GRACE_SECONDS: i64 = 30;

/// Fills in the specification of a pod.
pub(crate) fn pod(spec: &mut Value) {
    let is_on_host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["initContainers", "containers"] {
        for container in items(spec, list) {
            if is_on_host {
                // On the host's network, each port is the host's.
                for port in items(container, "ports") {
                    let number = port["containerPort"].clone();
                    fill(port, "hostPort", number);
                }
            }
            requests(object(container, "resources"));
        }
    }
    template(spec);
    fill(spec, "enableServiceLinks", true);
    fill(spec, "preemptionPolicy", "PreemptLowerPriority");
    fill(spec, "priority", 0);
}

/// Fills in the specification of a pod, or of a template of pods.
pub(crate) fn template(spec: &mut Value) {
    fill(spec, "containers", json!([]));
    fill(spec, "dnsPolicy", "ClusterFirst");
    fill(spec, "restartPolicy", "Always");
    fill(spec, "schedulerName", "default-scheduler");
    fill(spec, "securityContext", json!({}));
    fill(spec, "terminationGracePeriodSeconds", GRACE_SECONDS);
    for list in ["initContainers", "containers"] {
        items(spec, list).for_each(container);
    }
    items(spec, "volumes").for_each(volume);
}

/// Fills in a container.
pub(super) fn container(container: &mut Value) {
    let policy = image_pull_policy(container["image"].as_str().unwrap_or_default());
    fill(container, "imagePullPolicy", policy);
    fill(container, "resources", json!({}));
    fill(container, "terminationMessagePath", "/dev/termination-log");
    fill(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        fill(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            fill(field, "apiVersion", "v1");
        }
        if let Some(resource) = variable.pointer_mut("/valueFrom/resourceFieldRef") {
            fill(resource, "divisor", "0");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name) {
            fill(probe, "failureThreshold", 3);
            fill(probe, "periodSeconds", 10);
            fill(probe, "successThreshold", 1);
            fill(probe, "timeoutSeconds", 1);
            http_get(probe);
            if let Some(grpc) = probe.get_mut("grpc") {
                fill(grpc, "service", "");
            }
        }
    }
    for pointer in ["/lifecycle/postStart", "/lifecycle/preStop"] {
        if let Some(handler) = container.pointer_mut(pointer) {
            http_get(handler);
        }
    }
}

fn http_get(handler: &mut Value) {
    if let Some(get) = handler.get_mut("httpGet") {
        fill(get, "path", "/");
        fill(get, "scheme", "HTTP");
    }
}

/// `Always` for an image whose tag may move: `latest`, or none.
fn image_pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or(image);
    let is_pinned = image.contains('@');
    match last.split_once(':') {
        _ if is_pinned => "IfNotPresent",
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

/// A container asks for no less than its limit where it does not say what it asks for.
fn requests(resources: &mut Value) {
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    for (name, limit) in limits {
        fill(object(resources, "requests"), &name, limit);
    }
}

fn volume(volume: &mut Value) {
    let has_source = volume.as_object().is_some_and(|fields| fields.keys().any(|name| name != "name"));
    if !has_source {
        set(volume, "emptyDir", json!({}));
    }
    for source in ["configMap", "downwardAPI", "projected", "secret"] {
        if let Some(source) = volume.get_mut(source) {
            fill(source, "defaultMode", FILE_MODE);
            files(source);
            items(source, "sources").for_each(projection);
        }
    }
    if let Some(path) = volume.get_mut("hostPath")
        && !has(path, "type")
    {
        set(path, "type", "");
    }
}

/// Fills in what the files of the downward API say of themselves.
fn files(source: &mut Value) {
    for file in items(source, "items") {
        if let Some(field) = file.get_mut("fieldRef") {
            fill(field, "apiVersion", "v1");
        }
        if let Some(resource) = file.get_mut("resourceFieldRef") {
            fill(resource, "divisor", "0");
        }
    }
}

fn projection(source: &mut Value) {
    if let Some(downward) = source.get_mut("downwardAPI") {
        files(downward);
    }
    if let Some(token) = source.get_mut("serviceAccountToken") {
        fill(token, "expirationSeconds", TOKEN_SECONDS);
    }
}
