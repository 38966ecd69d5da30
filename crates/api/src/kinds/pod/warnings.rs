//! Fields of a pod that are valid and have no effect here.

use serde_json::{Value, json};

use crate::kinds::fields::has;

const ONE_NODE: &str = "there is one node";
const NO_IDENTITY: &str = "pods get no credentials for the API";
const NOT_ENFORCED: &str = "this version enforces no resource limits";
const NOT_APPLIED: &str = "this version does not apply it";

/// Fields of the specification, and why each has no effect.
const SPEC: &[(&str, &str)] = &[
    ("affinity", ONE_NODE),
    ("automountServiceAccountToken", NO_IDENTITY),
    ("hostIPC", NOT_APPLIED),
    ("hostPID", NOT_APPLIED),
    ("hostUsers", NOT_APPLIED),
    ("hostnameOverride", NOT_APPLIED),
    ("imagePullSecrets", "this version has no Secrets; images are pulled as the engine pulls them"),
    ("nodeSelector", ONE_NODE),
    ("os", ONE_NODE),
    ("overhead", ONE_NODE),
    ("priorityClassName", "no pod is preempted, for there is one node"),
    ("readinessGates", "only probes decide whether a pod is ready"),
    ("resourceClaims", NOT_APPLIED),
    ("resources", NOT_ENFORCED),
    ("runtimeClassName", "the engine's own runtime runs every pod"),
    ("schedulingGates", ONE_NODE),
    ("serviceAccount", NO_IDENTITY),
    ("serviceAccountName", NO_IDENTITY),
    ("setHostnameAsFQDN", NOT_APPLIED),
    ("shareProcessNamespace", NOT_APPLIED),
    ("tolerations", ONE_NODE),
    ("topologySpreadConstraints", ONE_NODE),
];

/// Fields of a container, and why each has no effect.
const CONTAINER: &[(&str, &str)] = &[
    ("resizePolicy", NOT_ENFORCED),
    ("restartPolicyRules", "the pod's restartPolicy alone decides"),
    ("stdinOnce", NOT_APPLIED),
];

/// What of a container's security context is applied.
const CONTAINER_SECURITY: &[&str] =
    &["capabilities", "privileged", "readOnlyRootFilesystem", "runAsGroup", "runAsUser"];

/// What of a pod's security context is applied: to each container that says nothing of its own.
const POD_SECURITY: &[&str] = &["runAsGroup", "runAsUser"];

/// One sentence for each field of the specification at the path `field` that has no effect.
pub(crate) fn of(spec: &Value, field: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    ignored(spec, SPEC, field, &mut warnings);
    let scheduler = spec.get("schedulerName").and_then(Value::as_str).unwrap_or_default();
    if !["", "default-scheduler"].contains(&scheduler) {
        warnings.push(format!("{field}.schedulerName has no effect: {ONE_NODE}"));
    }
    security(spec, POD_SECURITY, field, &mut warnings);
    for list in ["initContainers", "containers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            of_container(container, &format!("{field}.{list}[{index}]"), &mut warnings);
        }
    }
    warnings
}

fn of_container(container: &Value, field: &str, warnings: &mut Vec<String>) {
    ignored(container, CONTAINER, field, warnings);
    let asks = ["claims", "limits", "requests"].into_iter().find(|name| has(&container["resources"], name));
    if asks.is_some() {
        warnings.push(format!("{field}.resources has no effect: {NOT_ENFORCED}"));
    }
    let path = container.get("terminationMessagePath");
    if path.is_some_and(|path| path != "/dev/termination-log") {
        warnings.push(format!("{field}.terminationMessagePath has no effect: this version reads no such file"));
    }
    let policy = container.get("terminationMessagePolicy");
    if policy.is_some_and(|policy| policy != "File") {
        warnings.push(format!("{field}.terminationMessagePolicy has no effect: this version reads no such file"));
    }
    security(container, CONTAINER_SECURITY, field, warnings);
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

fn security(object: &Value, applied: &[&str], field: &str, warnings: &mut Vec<String>) {
    let context = object.get("securityContext").and_then(Value::as_object);
    for name in context.into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !applied.contains(name)) {
        warnings.push(format!("{field}.securityContext.{name} has no effect: {NOT_APPLIED}"));
    }
}
