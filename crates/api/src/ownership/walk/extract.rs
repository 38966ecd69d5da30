//! Which fields a value has.

use serde_json::Value;

use super::{Covers, below, element, field, is_map, item, whole};
use crate::ownership::{
    schema::{Struct, Type},
    set::Set,
};

/// The fields that an applied configuration speaks of.
///
/// Errors: where, and a sentence, for a field that its kind does not have, a value of the wrong form, an item of a list
/// without its keys or with those of another.
pub(in crate::ownership) fn declared(
    object: &Value,
    shape: &'static Struct,
    covers: Covers<'_>,
) -> Result<Set, String> {
    Extract { is_strict: true }.root(object, shape, covers)
}

/// The fields that an object has. Of items of a list that share their keys only the name is a field.
pub(in crate::ownership) fn held(object: &Value, shape: &'static Struct) -> Set {
    Extract { is_strict: false }.root(object, shape, &|_| true).unwrap_or_default()
}

struct Extract {
    /// Whether what does not fit the shape is an error, and is not just passed over.
    is_strict: bool,
}

impl Extract {
    fn root(&self, object: &Value, shape: &'static Struct, covers: Covers<'_>) -> Result<Set, String> {
        let mut set = Set::default();
        for (name, value) in object.as_object().into_iter().flatten().filter(|(name, _)| covers(name)) {
            self.field(whole(shape), name, value, &mut set)?;
        }
        // That there is metadata is nobody's.
        set.forgo(&field("metadata"));
        Ok(set)
    }

    fn field(&self, of: Type, name: &str, value: &Value, set: &mut Set) -> Result<(), String> {
        let Some((of, is_named)) = below(of, name) else {
            return self.fault(format!(".{name}: field not declared in schema"));
        };
        let (is_member, inner) = self.value(value, of).map_err(|why| format!(".{name}{why}"))?;
        set.put(field(name), is_member || !is_named, inner);
        Ok(())
    }

    /// Whether the value is a field itself, and the fields below it.
    fn value(&self, value: &Value, of: Type) -> Result<(bool, Set), String> {
        let mut set = Set::default();
        match (of, value) {
            (Type::Identity, _) => Ok((false, set)),
            (Type::Atomic, _) | (_, Value::Null) => Ok((true, set)),
            (_, Value::Object(fields)) if is_map(of, Some(value)) => {
                for (name, value) in fields {
                    self.field(of, name, value, &mut set)?;
                }
                Ok((fields.is_empty(), set))
            }
            (Type::Set | Type::ListMap(..), Value::Array(items)) => {
                self.items(items, of, &mut set)?;
                Ok((false, set))
            }
            (Type::Deduced, _) => Ok((true, set)),
            (Type::Object(_) | Type::Embedded(_) | Type::Map, other) => {
                self.fault(format!(": expected map, got {other}")).map(|()| (true, set))
            }
            (Type::Set | Type::ListMap(..), other) => {
                self.fault(format!(": expected list, got {other}")).map(|()| (true, set))
            }
        }
    }

    fn items(&self, items: &[Value], of: Type, set: &mut Set) -> Result<(), String> {
        for (place, value) in items.iter().enumerate() {
            let element = match element(of, value) {
                Ok(element) => element,
                Err(why) => {
                    self.fault(format!(": element {place}: {why}"))?;
                    continue;
                }
            };
            if set.get(&element).is_some() {
                self.fault(format!(": duplicate entries for key {element}"))?;
                // Whose of the items a field would be cannot be told.
                set.cut(&element);
                continue;
            }
            let (_, below) = self.value(value, item(of)).map_err(|why| format!("{element}{why}"))?;
            set.put(element, true, below);
        }
        Ok(())
    }

    fn fault(&self, why: String) -> Result<(), String> {
        if self.is_strict { Err(why) } else { Ok(()) }
    }
}
