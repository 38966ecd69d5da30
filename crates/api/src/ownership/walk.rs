//! Walks over values by their shape: which fields a value has, which differ between two, two merged, some removed.
//!
//! The rules are those of structured-merge-diff's package `typed`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use super::{
    schema::{Default as Missing, Key, Struct, Type},
    set::{Element, Plain},
};

mod compare;
mod extract;
mod merge;

pub(super) use compare::{Comparison, compare};
pub(super) use extract::{declared, held};
pub(super) use merge::{merge, named, remove};

/// Which top-level fields of an object a walk looks at.
pub(super) type Covers<'a> = &'a dyn Fn(&str) -> bool;

/// How a value below a map or struct of this type is owned, and whether its name is a field's of a struct; `None` where the
/// struct has no such field.
fn below(of: Type, name: &str) -> Option<(Type, bool)> {
    match of {
        Type::Object(shape) | Type::Embedded(shape) => shape.field(name).map(|of| (of, true)),
        Type::Deduced => Some((Type::Deduced, false)),
        Type::Map | Type::Identity | Type::Atomic | Type::Set | Type::ListMap(..) => Some((Type::Atomic, false)),
    }
}

/// How the items of a list of this type are owned.
fn item(of: Type) -> Type {
    match of {
        Type::ListMap(_, shape) => Type::Object(shape),
        _ => Type::Atomic,
    }
}

/// Whether a value of this type is looked into as a map.
fn is_map(of: Type, value: Option<&Value>) -> bool {
    match of {
        Type::Object(_) | Type::Embedded(_) | Type::Map => true,
        Type::Deduced => value.is_some_and(Value::is_object),
        Type::Identity | Type::Atomic | Type::Set | Type::ListMap(..) => false,
    }
}

/// The name of an item of a list. Errors: a sentence, where it has none.
fn element(of: Type, value: &Value) -> Result<Element, String> {
    let Type::ListMap(keys, _) = of else {
        return match value {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Element::Value(Plain(value.clone()))),
        };
    };
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut named = Vec::with_capacity(keys.len());
    for Key(name, default) in keys {
        let value = match (fields.get(*name), default) {
            (Some(value), _) => value.clone(),
            (None, Missing::Text(text)) => (*text).into(),
            (None, Missing::Number(number)) => (*number).into(),
            (None, Missing::Missing) => {
                return Err(format!(
                    "associative list with keys has an element that omits key field {name:?} (and doesn't have default value)"
                ));
            }
        };
        named.push(((*name).to_owned(), Plain(value)));
    }
    named.sort();
    Ok(Element::Key(named))
}

/// The items of a list by their names, each name with all items that have it; `None` where one has no name.
fn items(of: Type, list: &[Value]) -> Option<BTreeMap<Element, Vec<&Value>>> {
    let mut items = BTreeMap::<_, Vec<&Value>>::new();
    for value in list {
        items.entry(element(of, value).ok()?).or_default().push(value);
    }
    Some(items)
}

fn field(name: &str) -> Element {
    Element::Field(name.to_owned())
}

/// The fields of a map; none for what is none.
fn fields(value: Option<&Value>) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.and_then(Value::as_object).unwrap_or(&NONE)
}

/// The items of a list; none for what is none.
fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The type of a whole object.
fn whole(shape: &'static Struct) -> Type {
    Type::Embedded(shape)
}
