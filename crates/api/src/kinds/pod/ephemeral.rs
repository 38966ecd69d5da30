//! Ephemeral containers: those that join a pod which runs, for somebody who looks into it. They are added one after the
//! other by `…/ephemeralcontainers`, stay in the specification, and never start again.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{Container, EphemeralContainer, PodSpec, ResourceRequirements};
use serde::Deserialize;
use serde_json::Value;

use crate::kinds::pod::{container, defaults, security};
use crate::kinds::{count_generation, fields};
use crate::status::Cause;

/// The field of a pod's specification.
const FIELD: &str = "ephemeralContainers";

/// The ephemeral containers of a pod as containers like any other.
pub fn containers(spec: &PodSpec) -> Vec<Container> {
    spec.ephemeral_containers.iter().flatten().cloned().map(plain).collect()
}

/// The pod with the ephemeral containers of another, and nothing else changed. Defaults are filled in.
pub(crate) fn replaced(new: &Value, old: &Value) -> Value {
    let mut object = old.clone();
    let spec = fields::object(&mut object, "spec");
    match new["spec"].get(FIELD) {
        Some(containers) => fields::set(spec, FIELD, containers.clone()),
        None => fields::remove(spec, FIELD),
    }
    fields::items(spec, FIELD).for_each(defaults::container);
    count_generation(&mut object, old);
    object
}

/// All that is wrong with the ephemeral containers of a pod, which had those of `old` before.
pub(crate) fn validate(object: &Value, old: &Value) -> Vec<Cause> {
    let field = format!("spec.{FIELD}");
    let spec = match PodSpec::deserialize(&object["spec"]) {
        Ok(spec) => spec,
        Err(error) => return vec![Cause::type_invalid("spec", Value::Null, &error.to_string())],
    };
    let mut wrong = Vec::new();
    for before in old["spec"][FIELD].as_array().into_iter().flatten() {
        let name = before["name"].as_str().unwrap_or_default();
        let now = object["spec"][FIELD].as_array().into_iter().flatten().find(|now| now["name"] == before["name"]);
        if now != Some(before) {
            let what = if now.is_none() { "removed" } else { "changed" };
            wrong.push(Cause::forbidden(&field, &format!("existing ephemeral containers {name:?} may not be {what}")));
        }
    }
    let volumes: HashSet<&str> = spec.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    let others = spec.init_containers.iter().flatten().chain(&spec.containers);
    let mut seen: HashSet<&str> = others.map(|container| container.name.as_str()).collect();
    for (index, ephemeral) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let field = format!("{field}[{index}]");
        if !ephemeral.name.is_empty() && !seen.insert(&ephemeral.name) {
            wrong.push(Cause::duplicate(format!("{field}.name"), ephemeral.name.as_str()));
        }
        container::validate(&plain(ephemeral.clone()), &volumes, &field, &mut wrong);
        security::validate_container(ephemeral.security_context.as_ref(), &spec, &field, &mut wrong);
        forbid(ephemeral, &field, &mut wrong);
        let target = ephemeral.target_container_name.as_deref().filter(|target| !target.is_empty());
        if let Some(target) = target.filter(|target| spec.containers.iter().all(|known| known.name != **target)) {
            wrong.push(Cause::not_found(format!("{field}.targetContainerName"), target));
        }
    }
    wrong
}

/// What is only of use to a container that the pod is made of.
fn forbid(ephemeral: &EphemeralContainer, field: &str, wrong: &mut Vec<Cause>) {
    let resources = ephemeral.resources.as_ref();
    let set = [
        ("ports", ephemeral.ports.as_ref().is_some_and(|ports| !ports.is_empty())),
        ("lifecycle", ephemeral.lifecycle.is_some()),
        ("livenessProbe", ephemeral.liveness_probe.is_some()),
        ("readinessProbe", ephemeral.readiness_probe.is_some()),
        ("startupProbe", ephemeral.startup_probe.is_some()),
        ("resources", resources.is_some_and(|asked| *asked != ResourceRequirements::default())),
        ("resizePolicy", ephemeral.resize_policy.as_ref().is_some_and(|policy| !policy.is_empty())),
        ("restartPolicy", ephemeral.restart_policy.is_some()),
    ];
    for (name, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
        wrong.push(Cause::forbidden(format!("{field}.{name}"), "cannot be set for an Ephemeral Container"));
    }
    for (index, mount) in ephemeral.volume_mounts.iter().flatten().enumerate() {
        for (name, path) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            if path.as_ref().is_some_and(|path| !path.is_empty()) {
                let field = format!("{field}.volumeMounts[{index}].{name}");
                wrong.push(Cause::forbidden(field, "cannot be set for an Ephemeral Container"));
            }
        }
    }
}

fn plain(ephemeral: EphemeralContainer) -> Container {
    Container {
        args: ephemeral.args,
        command: ephemeral.command,
        env: ephemeral.env,
        env_from: ephemeral.env_from,
        image: ephemeral.image,
        image_pull_policy: ephemeral.image_pull_policy,
        name: ephemeral.name,
        security_context: ephemeral.security_context,
        stdin: ephemeral.stdin,
        stdin_once: ephemeral.stdin_once,
        termination_message_path: ephemeral.termination_message_path,
        termination_message_policy: ephemeral.termination_message_policy,
        tty: ephemeral.tty,
        volume_devices: ephemeral.volume_devices,
        volume_mounts: ephemeral.volume_mounts,
        working_dir: ephemeral.working_dir,
        // What ephemeral containers may not have.
        ..Container::default()
    }
}
