//! Kubernetes' strategic merge patch: maps merge, lists merge by a key, and directives say what a merge cannot.
//!
//! The rules are those of `apimachinery/pkg/util/strategicpatch`. The merge keys, which Kubernetes reads from its Go
//! structs, stand in [`list_rule`].

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// `$patch` in a map (`replace`, `delete`, `merge`) or in an item of a list (`delete`, `replace`, `merge`).
const DIRECTIVE: &str = "$patch";
/// The fields of a map that stay; all others go.
const RETAIN_KEYS: &str = "$retainKeys";
/// Followed by the name of a list of plain values: those to remove.
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";
/// Followed by the name of a list: the order that its items shall have.
const ORDER_PREFIX: &str = "$setElementOrder/";

/// How a patch's list meets the object's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListRule {
    /// It takes its place.
    Atomic,
    /// Items with the same value of this field are merged, others are added.
    Keyed(&'static str),
    /// Plain values: the union.
    Union,
}

/// How the list at a path is merged, from the `patchStrategy` and `patchMergeKey` of Kubernetes' types.
///
/// The path has the names of the fields from the root, list items left out. Whatever is not named is atomic: among others
/// `command`, `args`, `tolerations`, `taints`, `accessModes` and `volumeClaimTemplates`.
fn list_rule(kind: &str, path: &[String]) -> ListRule {
    use ListRule::{Atomic, Keyed, Union};
    let (parent, field) = match path {
        [.., parent, field] => (parent.as_str(), field.as_str()),
        [field] => ("", field.as_str()),
        [] => return Atomic,
    };
    match (parent, field) {
        ("metadata", "finalizers") => Union,
        ("metadata", "ownerReferences") => Keyed("uid"),
        ("containers" | "initContainers" | "ephemeralContainers", list) => match list {
            "ports" => Keyed("containerPort"),
            "env" => Keyed("name"),
            "volumeMounts" => Keyed("mountPath"),
            "volumeDevices" => Keyed("devicePath"),
            _ => Atomic,
        },
        ("spec", "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "imagePullSecrets") => {
            Keyed("name")
        }
        ("spec", "hostAliases") | ("status", "podIPs" | "hostIPs") => Keyed("ip"),
        ("spec", "topologySpreadConstraints") => Keyed("topologyKey"),
        ("spec", "ports") if kind == "Service" => Keyed("port"),
        ("spec", "podCIDRs") if kind == "Node" => Union,
        ("", "secrets") if kind == "ServiceAccount" => Keyed("name"),
        ("status", "conditions") => Keyed("type"),
        ("status", "addresses") if kind == "Node" => Keyed("type"),
        _ => Atomic,
    }
}

/// The object with the patch merged into it.
///
/// Errors: the sentence for a 400 where the patch is malformed: a directive of the wrong form, an item without its key.
pub(super) fn merge(kind: &str, object: Value, patch: Value) -> Result<Value, String> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err("invalid JSON document".to_owned());
    };
    Merge { kind, path: Vec::new() }.maps(object, patch).map(Value::Object)
}

/// One merge, with the path of the field that it has come to.
struct Merge<'a> {
    kind: &'a str,
    path: Vec<String>,
}

impl Merge<'_> {
    fn maps(&mut self, mut object: Object, mut patch: Object) -> Result<Object, String> {
        if self.kind == "PodDisruptionBudget" && self.path == ["spec", "selector"] {
            // Its strategy is `replace`: two selectors that are merged would select less than either.
            return Ok(match plain(Value::Object(patch)) {
                Some(Value::Object(selector)) => selector,
                _ => Object::new(),
            });
        }
        match patch.remove(DIRECTIVE) {
            None => {}
            Some(Value::String(directive)) if directive == "merge" => {}
            Some(Value::String(directive)) if directive == "replace" => return Ok(patch),
            Some(Value::String(directive)) if directive == "delete" => return Ok(Object::new()),
            Some(other) => return Err(unknown_directive(&other, &patch)),
        }
        retain_keys(&mut object, &mut patch)?;
        let orders = take_prefixed(&mut patch, ORDER_PREFIX, "setElementOrder list")?;
        let removals = take_prefixed(&mut patch, DELETE_PREFIX, "primitive list")?;
        for (field, removal) in removals {
            if let Some(Value::Array(values)) = object.get_mut(&field) {
                let removal: HashSet<Value> = removal.into_iter().collect();
                values.retain(|value| !removal.contains(value));
            }
        }
        for (field, order) in orders {
            if patch.get(&field).is_some_and(Value::is_null) {
                continue;
            }
            self.path.push(field.clone());
            let list = self.ordered_list(object.get(&field), patch.remove(&field), &order);
            self.path.pop();
            if let Some(list) = list? {
                object.insert(field, list);
            }
        }
        for (field, value) in patch {
            if value.is_null() {
                object.remove(&field);
                continue;
            }
            self.path.push(field.clone());
            let merged = match (object.remove(&field), value) {
                (Some(Value::Object(old)), Value::Object(new)) => self.maps(old, new).map(Value::Object).map(Some),
                (Some(Value::Array(old)), Value::Array(new)) => self.lists(old, new, None).map(Value::Array).map(Some),
                (_, new) => Ok(plain(new)),
            };
            self.path.pop();
            if let Some(merged) = merged? {
                object.insert(field, merged);
            }
        }
        Ok(object)
    }

    /// The list of a field whose order the patch gives; `None` where neither side has the list.
    fn ordered_list(
        &mut self,
        object: Option<&Value>,
        patch: Option<Value>,
        order: &[Value],
    ) -> Result<Option<Value>, String> {
        let list = |value| match value {
            Value::Array(items) => Ok(items),
            _ => Err("invalid patch format of setElementOrder list".to_owned()),
        };
        let old = object.cloned().map(list).transpose()?;
        match (old, patch) {
            (None, None) => Ok(None),
            (old, patch) => {
                let new = patch.map(list).transpose()?.unwrap_or_default();
                self.lists(old.unwrap_or_default(), new, Some(order)).map(Value::Array).map(Some)
            }
        }
    }

    /// Two lists merged; in `order` where the patch gives one, else in the order of the patch.
    fn lists(&mut self, old: Vec<Value>, new: Vec<Value>, order: Option<&[Value]>) -> Result<Vec<Value>, String> {
        match list_rule(self.kind, &self.path) {
            ListRule::Atomic => Ok(new.into_iter().filter_map(plain).collect()),
            ListRule::Union => {
                let mut merged = old.clone();
                let present: HashSet<&Value> = old.iter().collect();
                merged.extend(new.iter().filter(|value| !present.contains(value)).cloned());
                Ok(arranged(merged, order.unwrap_or(&new), &old, |value| Some(value.clone())))
            }
            ListRule::Keyed(key) => {
                let (live, sent) = (old.clone(), new.clone());
                let merged = self.keyed(old, new, key)?;
                Ok(arranged(merged, order.unwrap_or(&sent), &live, |item| item.get(key).cloned()))
            }
        }
    }

    fn keyed(&mut self, mut old: Vec<Value>, new: Vec<Value>, key: &str) -> Result<Vec<Value>, String> {
        let mut additions = Vec::new();
        let mut gone = HashSet::new();
        let mut replaced = false;
        for item in new {
            let Value::Object(mut item) = item else {
                return Err(format!("expected all elements of the list at {} to be maps", self.path.join(".")));
            };
            match item.remove(DIRECTIVE) {
                None => additions.push(item),
                Some(Value::String(directive)) if directive == "merge" => additions.push(item),
                // The other items of the patch are then the whole list.
                Some(Value::String(directive)) if directive == "replace" => replaced = true,
                Some(Value::String(directive)) if directive == "delete" => {
                    gone.insert(key_of(&item, key)?);
                }
                Some(other) => return Err(unknown_directive(&other, &item)),
            }
        }
        if replaced {
            return Ok(additions.into_iter().map(Value::Object).collect());
        }
        old.retain(|live| live.get(key).is_none_or(|value| !gone.contains(value)));
        // Of several items with the same key the first is meant.
        let mut places = HashMap::new();
        for (place, value) in old.iter().enumerate() {
            if let Some(value) = value.get(key) {
                places.entry(value.clone()).or_insert(place);
            }
        }
        for item in additions {
            let value = key_of(&item, key)?;
            match places.get(&value).and_then(|place| old.get_mut(*place)) {
                Some(live) => {
                    if let Value::Object(fields) = live.take() {
                        *live = Value::Object(self.maps(fields, item)?);
                    }
                }
                None => {
                    places.insert(value, old.len());
                    old.extend(plain(Value::Object(item)));
                }
            }
        }
        Ok(old)
    }
}

/// The merged list in its order: the items named by the patch in the patch's order, the others in the live list's.
///
/// An item of the object alone comes before an item of the patch only where it did so in the live list; hence what the patch
/// adds comes first.
fn arranged(merged: Vec<Value>, order: &[Value], live: &[Value], key: impl Fn(&Value) -> Option<Value>) -> Vec<Value> {
    let places = |list: &[Value]| {
        let mut places = HashMap::new();
        for (place, item) in list.iter().enumerate() {
            places.entry(key(item)).or_insert(place);
        }
        places
    };
    let (order, live) = (places(order), places(live));
    let place = |item: &Value, places: &HashMap<Option<Value>, usize>| places.get(&key(item)).copied();
    let (mut named, others): (Vec<_>, Vec<_>) = merged.into_iter().partition(|item| place(item, &order).is_some());
    named.sort_by_cached_key(|item| place(item, &order));
    let mut arranged = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        let mine = place(&other, &live);
        while let Some(next) = named.peek() {
            match (mine, place(next, &live)) {
                (Some(mine), Some(theirs)) if mine < theirs => break,
                _ => arranged.extend(named.next()),
            }
        }
        arranged.push(other);
    }
    arranged.extend(named);
    arranged
}

/// A value of the patch where the object has none: without nulls and directives; `None` where it says to delete.
fn plain(value: Value) -> Option<Value> {
    match value {
        Value::Object(mut fields) => {
            if fields.remove(DIRECTIVE).is_some_and(|directive| directive == "delete") {
                return None;
            }
            let is_directive =
                |name: &str| name == RETAIN_KEYS || name.starts_with(ORDER_PREFIX) || name.starts_with(DELETE_PREFIX);
            let fields = fields
                .into_iter()
                .filter(|(name, value)| !value.is_null() && !is_directive(name))
                .filter_map(|(name, value)| plain(value).map(|value| (name, value)));
            Some(Value::Object(fields.collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(plain).collect())),
        other => Some(other),
    }
}

fn retain_keys(object: &mut Object, patch: &mut Object) -> Result<(), String> {
    let malformed = || "invalid patch format of retainKeys".to_owned();
    let Some(retained) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(retained) = retained else { return Err(malformed()) };
    let retained: HashSet<&str> = retained.iter().filter_map(Value::as_str).collect();
    let is_retained = |name: &str| retained.contains(name);
    let is_field = |name: &str| !name.starts_with('$');
    if patch.iter().any(|(name, value)| is_field(name) && !value.is_null() && !is_retained(name)) {
        return Err(malformed());
    }
    object.retain(|name, _| is_retained(name));
    Ok(())
}

/// Takes the directives with this prefix out of the patch, with the names of their fields.
fn take_prefixed(patch: &mut Object, prefix: &str, what: &str) -> Result<Vec<(String, Vec<Value>)>, String> {
    let names: Vec<String> = patch.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    let mut taken = Vec::with_capacity(names.len());
    for name in names {
        match patch.remove(&name) {
            Some(Value::Array(items)) => taken.push((name[prefix.len()..].to_owned(), items)),
            _ => return Err(format!("invalid patch format of {what}")),
        }
    }
    Ok(taken)
}

fn key_of(item: &Object, key: &str) -> Result<Value, String> {
    let without = || format!("map: {} does not contain declared merge key: {key}", Value::Object(item.clone()));
    item.get(key).cloned().ok_or_else(without)
}

fn unknown_directive(directive: &Value, map: &Object) -> String {
    let directive = directive.as_str().map_or_else(|| directive.to_string(), ToOwned::to_owned);
    format!("unknown patch type: {directive} in map: {}", Value::Object(map.clone()))
}

#[cfg(test)]
mod tests;
