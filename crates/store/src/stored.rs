//! How an object is kept in memory and on the disk: as its JSON text.
//!
//! A tree of values takes five times the memory of its text, and most who ask for an object pass its text on.

use std::sync::Arc;

use serde_json::Value;

/// What says the type of an object. Its text begins with these, and a list says them once for all.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

/// An object as the store keeps it. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    text: Arc<str>,
    /// Where what follows the type begins, in octets.
    rest: usize,
}

impl Stored {
    /// Writes an object down.
    pub fn of(object: &Value) -> Stored {
        let mut text = head_of(object);
        match object.as_object() {
            Some(fields) => {
                for (field, value) in fields.iter().filter(|(field, _)| !TYPE.contains(&field.as_str())) {
                    push_field(&mut text, field, value);
                }
                text.push('}');
            }
            None => text = object.to_string(),
        }
        Stored::with_text(text.into(), object)
    }

    /// An object's text as it was read, and the object; `None` where the text is no JSON.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Stored, Value)> {
        let text = std::str::from_utf8(bytes).ok()?;
        let object: Value = text.parse().ok()?;
        // It has been written with its type elsewhere.
        let is_ours = !object.is_object() || text.starts_with(&head_of(&object));
        let stored = if is_ours { Stored::with_text(text.into(), &object) } else { Stored::of(&object) };
        Some((stored, object))
    }

    fn with_text(text: Arc<str>, object: &Value) -> Stored {
        let head = if object.is_object() { head_of(object).len() } else { 0 };
        let comma = usize::from(text[head..].starts_with(','));
        Stored { text, rest: head + comma }
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text without `apiVersion` and `kind`, and without the brace that opens it.
    pub fn untyped(&self) -> &str {
        &self.text[self.rest..]
    }

    /// The object.
    ///
    /// # Panics
    /// Never: what was written from a value, or read as one, is one.
    pub fn value(&self) -> Value {
        // This parser is compiled with its crate: fast also where ours is not optimised.
        self.text.parse().expect("it is JSON")
    }
}

/// What the text of an object begins with: the brace, and the type.
fn head_of(object: &Value) -> String {
    let mut head = "{".to_owned();
    for field in TYPE {
        if let Some(value) = object.get(field) {
            push_field(&mut head, field, value);
        }
    }
    head
}

fn push_field(text: &mut String, field: &str, value: &Value) {
    if text.len() > 1 {
        text.push(',');
    }
    text.push_str(&Value::from(field).to_string());
    text.push(':');
    text.push_str(&value.to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_begins_with_the_type() {
        let object = json!({"a": 1, "kind": "Pod", "metadata": {"name": "x"}, "apiVersion": "v1"});
        let stored = Stored::of(&object);
        assert_eq!(stored.text(), r#"{"apiVersion":"v1","kind":"Pod","a":1,"metadata":{"name":"x"}}"#);
        assert_eq!(stored.untyped(), r#""a":1,"metadata":{"name":"x"}}"#);
        assert_eq!(stored.value(), object);
    }

    #[test]
    fn objects_of_every_shape_are_read_as_they_were() {
        let shapes = [
            json!({}),
            json!({"kind": "Pod"}),
            json!({"apiVersion": {"kind": 1}, "kind": null}),
            json!({"apiVersion": "v1", "kind": "Pod", "\"": "\u{0}\u{1f600}"}),
            json!({"b": 1, "a": ["kind", {"apiVersion": 2}]}),
            json!([1]),
            Value::Null,
        ];
        for object in shapes {
            let stored = Stored::of(&object);
            assert_eq!(stored.value(), object);
            assert_eq!(Stored::read(stored.text().as_bytes()), Some((stored.clone(), object.clone())));
            if object.is_object() {
                let rest: Value = format!("{{{}", stored.untyped()).parse().expect("an object without its type");
                let mut expected = object.clone();
                for field in TYPE {
                    expected.as_object_mut().expect("an object").remove(field);
                }
                assert_eq!(rest, expected);
            }
        }
    }

    #[test]
    fn a_text_whose_type_stands_elsewhere_is_written_anew() {
        let text = br#"{"a":1,"apiVersion":"v1","kind":"Pod"}"#;
        let (stored, object) = Stored::read(text).expect("it is JSON");
        assert_eq!(stored, Stored::of(&object));
        assert_eq!(stored.untyped(), r#""a":1}"#);
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for bytes in [&b"{"[..], b"", b"\xff", b"{} {}", b"1e999"] {
            assert_eq!(Stored::read(bytes), None);
        }
    }
}
