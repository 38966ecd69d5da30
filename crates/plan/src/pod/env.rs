//! A container's environment, and `$(VAR)` in what may refer to it.
//!
//! Source: the kubelet's `makeEnvironmentVariables`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container as ContainerSpec, EnvFromSource, EnvVarSource};

use super::{downward, view::View, volumes::found};
use crate::config::Octets;

/// A container's variables in order, each once and expanded; `Err` is why they cannot be had, in the kubelet's words.
pub(super) fn environment(view: &View<'_>, container: &ContainerSpec) -> Result<Vec<(String, String)>, String> {
    let mut environment = Environment::default();
    for source in container.env_from.iter().flatten() {
        whole(view, source, &mut environment)?;
    }
    for variable in container.env.iter().flatten() {
        let text = variable.value.as_deref().unwrap_or_default();
        let value = match &variable.value_from {
            Some(source) if text.is_empty() => match value_from(view, container, source)? {
                Some(value) => value,
                None => continue,
            },
            Some(_) | None => expand(text, &environment.known),
        };
        environment.set(&variable.name, value);
    }
    let Environment { order, known } = environment;
    let value = |name: String| known.get(&name).cloned().map(|value| (name, value));
    Ok(order.into_iter().filter_map(value).collect())
}

/// Variables in the order in which each was named first; the value that was set last counts.
#[derive(Default)]
struct Environment {
    order: Vec<String>,
    known: BTreeMap<String, String>,
}

impl Environment {
    fn set(&mut self, name: &str, value: String) {
        if self.known.insert(name.to_owned(), value).is_none() {
            self.order.push(name.to_owned());
        }
    }
}

/// All values of an object, each as a variable.
fn whole(view: &View<'_>, source: &EnvFromSource, environment: &mut Environment) -> Result<(), String> {
    let config = view.input.config;
    let values = match (&source.config_map_ref, &source.secret_ref) {
        (Some(map), _) => found(config.config_maps.get(&map.name), "configmap", &map.name, map.optional)?,
        (None, Some(secret)) => found(config.secrets.get(&secret.name), "secret", &secret.name, secret.optional)?,
        (None, None) => return Ok(()),
    };
    let prefix = source.prefix.as_deref().unwrap_or_default();
    for (key, value) in &values.data {
        environment.set(&format!("{prefix}{key}"), text(key, value)?);
    }
    Ok(())
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

/// The value that a source gives; `None` where it gives none and need not.
fn value_from(view: &View<'_>, container: &ContainerSpec, source: &EnvVarSource) -> Result<Option<String>, String> {
    let (config, namespace) = (view.input.config, &view.input.key.namespace);
    if let Some(field) = &source.field_ref {
        return downward::field(view, &field.field_path).map(Some);
    }
    if let Some(resource) = &source.resource_field_ref {
        return downward::resource(view, resource, Some(container)).map(Some);
    }
    if let Some(wanted) = &source.config_map_key_ref {
        let values = found(config.config_maps.get(&wanted.name), "configmap", &wanted.name, wanted.optional)?;
        return key(&values.data, &wanted.key, wanted.optional, || format!("ConfigMap {namespace}/{}", wanted.name));
    }
    if let Some(wanted) = &source.secret_key_ref {
        let values = found(config.secrets.get(&wanted.name), "secret", &wanted.name, wanted.optional)?;
        return key(&values.data, &wanted.key, wanted.optional, || format!("Secret {namespace}/{}", wanted.name));
    }
    Ok(Some(String::new()))
}

/// The value of a key of an object.
fn key(
    values: &BTreeMap<String, Octets>,
    key: &str,
    optional: Option<bool>,
    whose: impl Fn() -> String,
) -> Result<Option<String>, String> {
    match values.get(key) {
        Some(value) => text(key, value).map(Some),
        None if optional == Some(true) => Ok(None),
        None => Err(format!("couldn't find key {key} in {}", whose())),
    }
}

/// A value as text, without telling it where it is none.
fn text(key: &str, value: &Octets) -> Result<String, String> {
    let text = std::str::from_utf8(value.as_slice()).ok().filter(|text| !text.contains('\0'));
    text.map(str::to_owned).ok_or_else(|| format!("the value of key {key} is no text"))
}
