//! An applied configuration merged into an object, and fields taken out of one.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{below, element, fields, is_map, item, items, whole};
use crate::ownership::{
    schema::{Struct, Type},
    set::{Element, Set},
};

/// The object with what the configuration says. What it does not speak of stays.
pub(in crate::ownership) fn merge(live: &Value, config: &Value, shape: &'static Struct) -> Value {
    both(live, config, whole(shape))
}

fn both(live: &Value, config: &Value, of: Type) -> Value {
    if is_map(of, Some(live)) && is_map(of, Some(config)) && (live.is_object() || config.is_object()) {
        return maps(live, config, of);
    }
    match (of, live, config) {
        (Type::Set | Type::ListMap(..), Value::Array(items), Value::Null) if !items.is_empty() => live.clone(),
        (Type::Set | Type::ListMap(..), Value::Array(live), Value::Array(config)) => lists(live, config, of),
        _ => config.clone(),
    }
}

fn maps(live: &Value, config: &Value, of: Type) -> Value {
    let (olds, news) = (fields(Some(live)), fields(Some(config)));
    let mut merged = Map::new();
    for (name, old) in olds {
        let value = match news.get(name) {
            Some(new) => both(old, new, below(of, name).map_or(Type::Atomic, |(of, _)| of)),
            None => old.clone(),
        };
        merged.insert(name.clone(), value);
    }
    let added = news.iter().filter(|(name, _)| !olds.contains_key(*name));
    merged.extend(added.map(|(name, new)| (name.clone(), new.clone())));
    Value::Object(merged)
}

/// Two lists whose items have names. What both have stands in the order of the configuration; what only the object has stays
/// as far ahead as it was (structured-merge-diff's `typed/merge.go`).
fn lists(live: &[Value], config: &[Value], of: Type) -> Value {
    let (Some(olds), Some(news)) = (items(of, live), items(of, config)) else { return config.to_vec().into() };
    let (old_order, new_order) = (order(of, live), order(of, config));
    let mut shared = new_order.iter().filter(|name| olds.contains_key(*name)).peekable();
    let merged = |name: &Element| match (&olds.get(name).map(Vec::as_slice), &news[name][..]) {
        (Some([old]), [new, ..]) => both(old, new, item(of)),
        (_, [new, ..]) => (*new).clone(),
        (_, []) => Value::Null,
    };
    let mut out = Vec::with_capacity(live.len().max(config.len()));
    let mut done = BTreeSet::new();
    let (mut old, mut new) = (old_order.iter().peekable(), new_order.iter().peekable());
    while old.peek().is_some() || new.peek().is_some() {
        if let (Some(next), Some(wanted)) = (old.peek(), new.peek()) {
            if next == wanted {
                out.push(merged(wanted));
                done.insert((*wanted).clone());
                shared.next();
                old.next();
                new.next();
                continue;
            }
            // It comes where the configuration has it.
            if news.contains_key(*next) && shared.peek().is_some_and(|shared| shared != next) {
                old.next();
                continue;
            }
        }
        if let Some(next) = old.peek() {
            if !news.contains_key(*next) {
                out.extend(olds[*next].iter().map(|value| (*value).clone()));
                old.next();
                continue;
            }
            if done.contains(*next) {
                old.next();
            }
        }
        if let Some(wanted) = new.next() {
            out.push(merged(wanted));
            done.insert(wanted.clone());
            if shared.peek() == Some(&wanted) {
                shared.next();
            }
        }
    }
    out.into()
}

/// The names of the items of a list in order, each once.
fn order(of: Type, values: &[Value]) -> Vec<Element> {
    let mut seen = BTreeSet::new();
    let names = values.iter().filter_map(|value| element(of, value).ok());
    names.filter(|name| seen.insert(name.clone())).collect()
}

/// The object without these fields. A map or list that is left with nothing goes as well.
pub(in crate::ownership) fn remove(object: &Value, gone: &Set, shape: &'static Struct) -> Value {
    rest(object, gone, whole(shape)).unwrap_or_else(|| Value::Object(Map::new()))
}

fn rest(value: &Value, gone: &Set, of: Type) -> Option<Value> {
    match value {
        Value::Object(fields) if is_map(of, Some(value)) => {
            let mut left = Map::new();
            for (name, value) in fields {
                let value = match gone.get(&Element::Field(name.clone())) {
                    Some(node) if node.is_member => None,
                    Some(node) => rest(value, &node.below, below(of, name).map_or(Type::Atomic, |(of, _)| of)),
                    None => Some(value.clone()),
                };
                left.extend(value.map(|value| (name.clone(), value)));
            }
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Value::Array(values) if matches!(of, Type::Set | Type::ListMap(..)) => {
            let left: Vec<Value> = values
                .iter()
                .filter_map(|value| match element(of, value).ok().and_then(|name| gone.get(&name)) {
                    Some(node) if node.is_member => None,
                    Some(node) => rest(value, &node.below, item(of)),
                    None => Some(value.clone()),
                })
                .collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        Value::Object(_) | Value::Array(_) => None,
        plain => Some(plain.clone()),
    }
}

/// The set with the fields of structs that have members below them: who owns `spec.template.spec` owns `spec` for as long as it
/// is a matter of what may go.
pub(in crate::ownership) fn named(set: &Set, shape: &'static Struct) -> Set {
    named_below(set, whole(shape))
}

fn named_below(set: &Set, of: Type) -> Set {
    let mut all = Set::default();
    for (element, node) in set.iter() {
        let (of, is_named) = match element {
            Element::Field(name) => below(of, name).unwrap_or((Type::Atomic, false)),
            Element::Key(_) => (item(of), false),
            Element::Value(_) | Element::Index(_) => (Type::Atomic, false),
        };
        let is_struct_field = is_named && !node.below.is_empty();
        all.put(element.clone(), node.is_member || is_struct_field, named_below(&node.below, of));
    }
    all
}
