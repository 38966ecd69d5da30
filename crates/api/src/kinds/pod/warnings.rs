//! Fields of a pod that are valid and have no effect here.

use serde_json::{Value, json};

use crate::kinds::fields::has;

const ONE_NODE: &str = "there is one node";
const NO_IDENTITY: &str = "pods get the tokens that their volumes ask for";
const OWN_PROFILE: &str = "the engine gives every container the profile that it has";
const NOT_APPLIED: &str = "this version does not apply it";

/// Fields of the specification, and why each has no effect.
const SPEC: &[(&str, &str)] = &[
    ("automountServiceAccountToken", NO_IDENTITY),
    ("os", ONE_NODE),
    ("priorityClassName", "no pod is preempted, for there is one node"),
    ("resourceClaims", NOT_APPLIED),
    (
        "resources",
        "containers are held to their own limits; what the pod requests as a whole counts when it gets its node",
    ),
    ("runtimeClassName", "the engine's own runtime runs every pod"),
];

/// Fields of a container, and why each has no effect.
const CONTAINER: &[(&str, &str)] = &[
    ("resizePolicy", "what a container may use does not change while it runs"),
    ("restartPolicyRules", "the restartPolicy of the container, else of the pod, alone decides"),
];

/// What of a container's security context is applied.
const CONTAINER_SECURITY: &[&str] = &[
    "allowPrivilegeEscalation",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
];

/// What of a pod's security context is applied: to its volumes, its sandbox, and to each container that says nothing of its
/// own.
const POD_SECURITY: &[&str] = &[
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
];

/// One sentence for each field of the specification at the path `field` that has no effect.
pub(crate) fn of(spec: &Value, field: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    ignored(spec, SPEC, field, &mut warnings);
    if spec["hostUsers"] == false {
        warnings.push(format!("{field}.hostUsers has no effect: users in containers are those of the engine"));
    }
    let scheduler = spec.get("schedulerName").and_then(Value::as_str).unwrap_or_default();
    if !["", "default-scheduler"].contains(&scheduler) {
        warnings.push(format!("{field}.schedulerName has no effect: {ONE_NODE}"));
    }
    security(spec, POD_SECURITY, field, &mut warnings);
    let has_group = |context: &Value| has(context, "runAsGroup");
    let all_have_group = || containers(spec).all(|(_, _, container)| has_group(&container["securityContext"]));
    let context = &spec["securityContext"];
    if context["supplementalGroupsPolicy"] == "Strict" && !has_group(context) && !all_have_group() {
        warnings.push(format!(
            "{field}.securityContext.supplementalGroupsPolicy: Strict has no effect without runAsGroup: the engine adds the \
             groups that the image has for its user"
        ));
    }
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        of_volume(volume, &format!("{field}.volumes[{index}]"), &mut warnings);
    }
    for (list, index, container) in containers(spec) {
        of_container(container, &format!("{field}.{list}[{index}]"), &mut warnings);
    }
    warnings
}

/// The containers of a pod, each with its list and its index there.
fn containers(spec: &Value) -> impl Iterator<Item = (&'static str, usize, &Value)> {
    ["initContainers", "containers", "ephemeralContainers"].into_iter().flat_map(move |list| {
        let containers = spec[list].as_array().into_iter().flatten().enumerate();
        containers.map(move |(index, container)| (list, index, container))
    })
}

fn of_container(container: &Value, field: &str, warnings: &mut Vec<String>) {
    ignored(container, CONTAINER, field, warnings);
    if has(&container["resources"], "claims") {
        warnings.push(format!("{field}.resources.claims has no effect: {NOT_APPLIED}"));
    }
    if has(&container["resources"]["limits"], "ephemeral-storage") {
        warnings.push(format!(
            "{field}.resources.limits[ephemeral-storage] has no effect: nobody measures what a container writes"
        ));
    }
    security(container, CONTAINER_SECURITY, field, warnings);
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        for (name, without) in [("mountPropagation", &["None"][..]), ("recursiveReadOnly", &["Disabled", "IfPossible"])]
        {
            if mount[name].as_str().is_some_and(|asked| !without.contains(&asked)) {
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

fn security(object: &Value, applied: &[&str], field: &str, warnings: &mut Vec<String>) {
    let context = object.get("securityContext").and_then(Value::as_object);
    for (name, value) in context.into_iter().flatten() {
        // Charts render options of SELinux that ask for nothing.
        if applied.contains(&name.as_str()) || *value == json!({}) {
            continue;
        }
        // The engine's own profile is what is asked for then.
        if name == "appArmorProfile" {
            if value["type"] != "RuntimeDefault" {
                warnings.push(format!("{field}.securityContext.{name} has no effect: {OWN_PROFILE}"));
            }
            continue;
        }
        warnings.push(format!("{field}.securityContext.{name} has no effect: {NOT_APPLIED}"));
    }
}
