//! A container's environment, and `$(VAR)` in what may refer to it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container as ContainerSpec, EnvVarSource};

use super::view::View;

/// A container's variables in order, expanded; `Err` is why they cannot be had, in the kubelet's words.
pub(super) fn environment(view: &View<'_>, container: &ContainerSpec) -> Result<Vec<(String, String)>, String> {
    for source in container.env_from.iter().flatten() {
        if let Some(map) = &source.config_map_ref
            && map.optional != Some(true)
        {
            return Err(format!("configmap \"{}\" not found", map.name));
        }
        if let Some(secret) = &source.secret_ref
            && secret.optional != Some(true)
        {
            return Err(format!("secret \"{}\" not found", secret.name));
        }
    }
    let mut all = Vec::new();
    let mut known = BTreeMap::new();
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => match value_from(view, source)? {
                Some(value) => value,
                None => continue,
            },
            None => expand(variable.value.as_deref().unwrap_or_default(), &known),
        };
        known.insert(variable.name.clone(), value.clone());
        all.push((variable.name.clone(), value));
    }
    Ok(all)
}

/// Replaces `$(NAME)` by the variable's value; `$$` is one `$`; a reference to an unknown variable stays as it is.
/// Source: the expansion rules of `Container.command` in the API reference.
pub(super) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match known.get(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    expanded
}

fn value_from(view: &View<'_>, source: &EnvVarSource) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return self::field(view, &field.field_path).map(Some);
    }
    if let Some(key) = &source.config_map_key_ref {
        let missing = format!("configmap \"{}\" not found", key.name);
        return if key.optional == Some(true) { Ok(None) } else { Err(missing) };
    }
    if let Some(key) = &source.secret_key_ref {
        let missing = format!("secret \"{}\" not found", key.name);
        return if key.optional == Some(true) { Ok(None) } else { Err(missing) };
    }
    if let Some(resource) = &source.resource_field_ref {
        return Err(format!("resourceFieldRef {} is not supported", resource.resource));
    }
    Ok(Some(String::new()))
}

/// A field of the pod as the downward API gives it.
fn field(view: &View<'_>, path: &str) -> Result<String, String> {
    let metadata = &view.pod.metadata;
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = match map {
            "metadata.labels" => &metadata.labels,
            "metadata.annotations" => &metadata.annotations,
            _ => return Err(format!("unsupported fieldPath: {path}")),
        };
        return Ok(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default());
    }
    let address = || view.address().map(|address| address.to_string()).unwrap_or_default();
    Ok(match path {
        "metadata.name" => view.input.key.name.clone(),
        "metadata.namespace" => view.input.key.namespace.clone(),
        "metadata.uid" => view.uid.to_owned(),
        "spec.nodeName" => view.spec.node_name.clone().unwrap_or_default(),
        "spec.serviceAccountName" => view.spec.service_account_name.clone().unwrap_or_else(|| "default".to_owned()),
        "status.podIP" | "status.podIPs" => address(),
        "status.hostIP" | "status.hostIPs" => view.input.host.address.to_string(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}
