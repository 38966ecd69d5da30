//! Sets of fields as `metadata.managedFields[].fieldsV1` has them.
//!
//! `{"f:spec":{"f:replicas":{}}}`: the name of each field begins with what kind of name it is, and `.` stands for the field
//! itself beside what is below it (structured-merge-diff's `fieldpath/serialize.go`).

use serde_json::{Map, Value};

use super::set::{Element, Plain, Set};

/// Reads `fieldsV1`. What later versions may have invented is left out, as Kubernetes does.
///
/// Errors: a sentence, where a name cannot be read.
pub(super) fn read(fields: &Value) -> Result<Set, String> {
    read_node(fields).map(|(_, set)| set)
}

/// Writes `fieldsV1`.
pub(super) fn write(set: &Set) -> Value {
    let mut fields = Map::new();
    for (element, node) in set.iter() {
        let mut below = write(&node.below);
        if node.is_member && !node.below.is_empty() {
            below["."] = Value::Object(Map::new());
        }
        fields.insert(name(element), below);
    }
    Value::Object(fields)
}

/// Whether the field itself is meant, and what is below it.
fn read_node(fields: &Value) -> Result<(bool, Set), String> {
    let mut set = Set::default();
    let mut is_member = false;
    match fields {
        Value::Object(fields) => {
            for (name, below) in fields {
                if name == "." {
                    is_member = true;
                } else if let Some(element) = element(name)? {
                    let (is_member, below) = read_node(below)?;
                    set.put(element, is_member, below);
                }
            }
        }
        Value::Null => {}
        other => return Err(format!("expected a map of fields, got {other}")),
    }
    // A field with nothing below it can only be meant itself.
    let is_leaf = set.is_empty();
    Ok((is_member || is_leaf, set))
}

fn name(element: &Element) -> String {
    match element {
        Element::Field(name) => format!("f:{name}"),
        Element::Key(keys) => {
            let keys: Map<String, Value> =
                keys.iter().map(|(name, Plain(value))| (name.clone(), value.clone())).collect();
            format!("k:{}", Value::Object(keys))
        }
        Element::Value(Plain(value)) => format!("v:{value}"),
        Element::Index(place) => format!("i:{place}"),
    }
}

/// The element of a name; `None` for one of a kind that is not known.
fn element(name: &str) -> Result<Option<Element>, String> {
    let unreadable = |why: &str| format!("{why}: {name}");
    if name.len() < 2 {
        return Err(unreadable("key must be 2 characters long"));
    }
    let Some((kind, text)) = name.split_once(':').filter(|(kind, _)| kind.len() == 1) else {
        return Err(unreadable("missing colon"));
    };
    let value = || serde_json::from_str::<Value>(text).map_err(|error| unreadable(&error.to_string()));
    Ok(Some(match kind {
        "f" => Element::Field(text.to_owned()),
        "v" => Element::Value(Plain(value()?)),
        "k" => match value()? {
            Value::Object(keys) => Element::Key(sorted(keys)),
            _ => return Err(unreadable("expected a map of keys")),
        },
        "i" => Element::Index(text.parse().map_err(|_| unreadable("expected a whole number"))?),
        _ => return Ok(None),
    }))
}

fn sorted(keys: Map<String, Value>) -> Vec<(String, Plain)> {
    let mut keys: Vec<_> = keys.into_iter().map(|(name, value)| (name, Plain(value))).collect();
    keys.sort();
    keys
}
