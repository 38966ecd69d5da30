//! Patches: what turns the object that is into the object that is wanted.

use serde_json::{Map, Value};

/// Where the last applied manifest is kept, as kubectl does.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The JSON merge patch (RFC 7386) that makes `current` have what `wanted` says, and no longer what only `last` said.
///
/// Fields that only `current` has stay: the server or another client set them. A list is sent whole if it differs in
/// anything that `wanted` says, and not at all if its items say no less than wanted: defaults of the server inside a
/// list are no difference. An empty patch means that there is nothing to do.
pub(crate) fn three_way(last: &Value, wanted: &Value, current: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let fields = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
    let (last, current) = (fields(last), fields(current));
    let wanted = wanted.as_object().unwrap_or(&empty);
    let mut patch = Map::new();
    for (name, value) in wanted {
        let is = current.get(name).unwrap_or(&Value::Null);
        if value.is_object() && is.is_object() {
            let inner = three_way(last.get(name).unwrap_or(&Value::Null), value, is);
            if !inner.is_empty() {
                patch.insert(name.clone(), Value::Object(inner));
            }
        } else if !covers(is, value, last.get(name)) {
            patch.insert(name.clone(), value.clone());
        }
    }
    for name in last.keys().filter(|name| !wanted.contains_key(*name) && current.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    patch
}

/// The JSON merge patch from one object to another.
pub(crate) fn two_way(from: &Value, to: &Value) -> Map<String, Value> {
    three_way(from, to, from)
}

/// Whether `is` says all that `wanted` says, and no more of what `last` said and `wanted` dropped.
fn covers(is: &Value, wanted: &Value, last: Option<&Value>) -> bool {
    match (is, wanted) {
        (Value::Object(_), Value::Object(_)) => three_way(last.unwrap_or(&Value::Null), wanted, is).is_empty(),
        (Value::Array(is), Value::Array(wanted)) => {
            let last = last.and_then(Value::as_array);
            is.len() == wanted.len()
                && is
                    .iter()
                    .zip(wanted)
                    .enumerate()
                    .all(|(n, (is, wanted))| covers(is, wanted, last.and_then(|last| last.get(n))))
        }
        _ => is == wanted,
    }
}

/// The manifest as it is remembered: without the memory itself, as compact JSON with a line end.
pub(crate) fn remembered(manifest: &Value) -> String {
    let mut manifest = manifest.clone();
    if let Some(annotations) = manifest["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    } else if let Some(metadata) = manifest["metadata"].as_object_mut() {
        // As kubectl, which always writes the map that it is going to fill.
        metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
    }
    format!("{manifest}\n")
}

/// The manifest that carries the memory of itself.
pub(crate) fn remembering(manifest: &Value) -> Value {
    let memory = remembered(manifest);
    let mut manifest = manifest.clone();
    if !manifest["metadata"]["annotations"].is_object() {
        manifest["metadata"]["annotations"] = Value::Object(Map::new());
    }
    manifest["metadata"]["annotations"][LAST_APPLIED] = Value::String(memory);
    manifest
}

/// What was applied last, or nothing.
pub(crate) fn last_applied(current: &Value) -> Value {
    let text = current["metadata"]["annotations"][LAST_APPLIED].as_str();
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_what_is_said_and_drops_what_is_no_longer_said() {
        let last = json!({"spec": {"replicas": 2, "paused": true, "labels": {"a": "1", "b": "2"}}});
        let wanted = json!({"spec": {"replicas": 3, "labels": {"a": "1"}}});
        let current =
            json!({"spec": {"replicas": 2, "paused": true, "labels": {"a": "1", "b": "2", "c": "3"}}, "status": {}});
        assert_eq!(
            Value::Object(three_way(&last, &wanted, &current)),
            json!({"spec": {"replicas": 3, "paused": null, "labels": {"b": null}}})
        );
    }

    #[test]
    fn defaults_inside_lists_are_no_difference() {
        let wanted = json!({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}});
        let current = json!({"spec": {"containers": [
            {"name": "a", "imagePullPolicy": "Always", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}});
        assert!(three_way(&wanted, &wanted, &current).is_empty());
    }

    #[test]
    fn a_list_that_differs_is_sent_whole() {
        let last = json!({"args": [{"name": "a", "value": "1"}]});
        let dropped = json!({"args": [{"name": "a"}]});
        let current = json!({"args": [{"name": "a", "value": "1", "set": true}]});
        assert_eq!(Value::Object(three_way(&last, &dropped, &current)), json!({"args": [{"name": "a"}]}));
        let longer = json!({"args": [{"name": "a", "value": "1"}, {"name": "b"}]});
        assert_eq!(Value::Object(three_way(&last, &longer, &current)), longer);
    }

    #[test]
    fn a_type_that_changes_is_replaced() {
        let patch = three_way(&json!({"a": 1}), &json!({"a": {"b": 1}}), &json!({"a": 1}));
        assert_eq!(Value::Object(patch), json!({"a": {"b": 1}}));
    }

    #[test]
    fn the_memory_is_of_the_manifest_alone() {
        let manifest = json!({"kind": "Pod", "metadata": {"name": "a", "annotations": {"x": "y"}}});
        let remembering = remembering(&manifest);
        assert_eq!(last_applied(&remembering), manifest);
        assert_eq!(remembered(&remembering), remembered(&manifest));
    }
}
