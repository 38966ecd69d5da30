//! Fields of a pod that are valid and have no effect here.

use serde_json::{Value, json};

use crate::kinds::fields::has;

const ONE_NODE: &str = "there is one node";
const NO_IDENTITY: &str = "pods get no credentials for the API";
const NOT_ENFORCED: &str = "this version enforces no resource limits";
const ASKED_ONCE: &str =
    "this version enforces no resource limits; what is requested counts when the pod gets its node";
const IMAGE_USER: &str = "this version does not look up the image's own user";
const NOT_APPLIED: &str = "this version does not apply it";

/// Fields of the specification, and why each has no effect.
const SPEC: &[(&str, &str)] = &[
    ("activeDeadlineSeconds", NOT_APPLIED),
    ("automountServiceAccountToken", NO_IDENTITY),
    ("hostIPC", NOT_APPLIED),
    ("hostPID", NOT_APPLIED),
    ("hostUsers", NOT_APPLIED),
    ("hostnameOverride", NOT_APPLIED),
    ("imagePullSecrets", "pods read no Secrets yet; images are pulled as the engine pulls them"),
    ("os", ONE_NODE),
    ("priorityClassName", "no pod is preempted, for there is one node"),
    ("resourceClaims", NOT_APPLIED),
    ("runtimeClassName", "the engine's own runtime runs every pod"),
    ("serviceAccount", NO_IDENTITY),
    ("serviceAccountName", NO_IDENTITY),
    ("setHostnameAsFQDN", NOT_APPLIED),
    ("shareProcessNamespace", NOT_APPLIED),
];

/// Fields of a container, and why each has no effect.
const CONTAINER: &[(&str, &str)] = &[
    ("resizePolicy", NOT_ENFORCED),
    ("restartPolicyRules", "the pod's restartPolicy alone decides"),
    ("stdinOnce", NOT_APPLIED),
];

/// What of a container's security context is applied.
const CONTAINER_SECURITY: &[&str] =
    &["capabilities", "privileged", "readOnlyRootFilesystem", "runAsGroup", "runAsNonRoot", "runAsUser"];

/// What of a pod's security context is applied: to each container that says nothing of its own.
const POD_SECURITY: &[&str] = &["runAsGroup", "runAsNonRoot", "runAsUser"];

/// One sentence for each field of the specification at the path `field` that has no effect.
pub(crate) fn of(spec: &Value, field: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    ignored(spec, SPEC, field, &mut warnings);
    let scheduler = spec.get("schedulerName").and_then(Value::as_str).unwrap_or_default();
    if !["", "default-scheduler"].contains(&scheduler) {
        warnings.push(format!("{field}.schedulerName has no effect: {ONE_NODE}"));
    }
    let has_user = has(&spec["securityContext"], "runAsUser");
    let all_have_user = || containers(spec).all(|(_, _, container)| has(&container["securityContext"], "runAsUser"));
    security(spec, POD_SECURITY, !has_user && !all_have_user(), field, &mut warnings);
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        of_volume(volume, &format!("{field}.volumes[{index}]"), &mut warnings);
    }
    for (list, index, container) in containers(spec) {
        of_container(container, has_user, &format!("{field}.{list}[{index}]"), &mut warnings);
    }
    warnings
}

/// The containers of a pod, each with its list and its index there.
fn containers(spec: &Value) -> impl Iterator<Item = (&'static str, usize, &Value)> {
    ["initContainers", "containers"].into_iter().flat_map(move |list| {
        let containers = spec[list].as_array().into_iter().flatten().enumerate();
        containers.map(move |(index, container)| (list, index, container))
    })
}

/// `has_user` tells whether the pod says as which user its containers run.
fn of_container(container: &Value, has_user: bool, field: &str, warnings: &mut Vec<String>) {
    ignored(container, CONTAINER, field, warnings);
    let asks = ["claims", "limits", "requests"].into_iter().find(|name| has(&container["resources"], name));
    if asks.is_some() {
        warnings.push(format!("{field}.resources is not held to: {ASKED_ONCE}"));
    }
    let path = container.get("terminationMessagePath");
    if path.is_some_and(|path| path != "/dev/termination-log") {
        warnings.push(format!("{field}.terminationMessagePath has no effect: this version reads no such file"));
    }
    let policy = container.get("terminationMessagePolicy");
    if policy.is_some_and(|policy| policy != "File") {
        warnings.push(format!("{field}.terminationMessagePolicy has no effect: this version reads no such file"));
    }
    let has_user = has_user || has(&container["securityContext"], "runAsUser");
    security(container, CONTAINER_SECURITY, !has_user, field, warnings);
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        for name in ["mountPropagation", "recursiveReadOnly"] {
            if has(mount, name) {
                warnings.push(format!("{field}.volumeMounts[{index}].{name} has no effect: {NOT_APPLIED}"));
            }
        }
    }
}

fn ignored(object: &Value, fields: &[(&str, &str)], field: &str, warnings: &mut Vec<String>) {
    for (name, why) in fields {
        // What asks for nothing loses nothing.
        let asks = object.get(*name).is_some_and(|value| *value != json!(false) && *value != json!({}));
        if asks {
            warnings.push(format!("{field}.{name} has no effect: {why}"));
        }
    }
}

fn of_volume(volume: &Value, field: &str, warnings: &mut Vec<String>) {
    let directory = &volume["emptyDir"];
    if has(directory, "sizeLimit") && directory["medium"] != "Memory" {
        warnings
            .push(format!("{field}.emptyDir.sizeLimit has no effect: directories of this machine have no fixed size"));
    }
    if volume["hostPath"]["type"] == "FileOrCreate" {
        warnings.push(format!("{field}.hostPath.type: this version makes no files; the path must exist"));
    }
}

/// `needs_user`: fields that count only beside a user are warned of where none is given.
fn security(object: &Value, applied: &[&str], needs_user: bool, field: &str, warnings: &mut Vec<String>) {
    let context = object.get("securityContext").and_then(Value::as_object);
    for (name, value) in context.into_iter().flatten() {
        let beside_user = ["runAsGroup", "runAsNonRoot"].contains(&name.as_str()) && *value != json!(false);
        if !applied.contains(&name.as_str()) {
            warnings.push(format!("{field}.securityContext.{name} has no effect: {NOT_APPLIED}"));
        } else if needs_user && beside_user {
            warnings.push(format!("{field}.securityContext.{name} has no effect without runAsUser: {IMAGE_USER}"));
        }
    }
}
