//! OpenAPI v2 in protobuf, the only format in which kubectl asks for it: the messages of gnostic's `OpenAPIv2.proto`, as
//! far as the document has fields for them.

use std::sync::LazyLock;

use serde_json::Value;

use super::swagger::openapi_v2;

/// `GET /openapi/v2` in protobuf: `openapi.v2.Document`.
///
/// It is kept: kubectl asks with every `apply` that changes something.
pub fn openapi_v2_protobuf() -> &'static [u8] {
    static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| encoded(&messages::DOCUMENT, &openapi_v2()));
    &DOCUMENT
}

/// A message: its fields by their names in JSON, and the number of the field that takes what begins with `x-`.
struct Message {
    fields: &'static [(&'static str, u32, Form)],
    extensions: u32,
}

/// How a value is written down.
enum Form {
    Text,
    Flag,
    Message(&'static Message),
    /// Each item of a list as a field of its own.
    Each(&'static Form),
    /// Each field of an object as a message of its name and its value.
    Named(&'static Form),
    /// A message that has the value in the field of this number, and nothing else.
    In(u32, &'static Form),
    /// A parameter, whose message depends on where it stands.
    Parameter,
}

mod messages {
    use super::{
        Form::{Each, Flag, In, Message as Of, Named, Parameter, Text},
        Message,
    };

    pub(super) static DOCUMENT: Message = Message {
        fields: &[
            ("swagger", 1, Text),
            ("info", 2, Of(&INFO)),
            ("paths", 8, In(2, &Named(&Of(&PATH_ITEM)))),
            ("definitions", 9, In(1, &Named(&Of(&SCHEMA)))),
        ],
        extensions: 16,
    };

    static INFO: Message = Message { fields: &[("title", 1, Text), ("version", 2, Text)], extensions: 7 };

    pub(super) static PATH_ITEM: Message = Message {
        fields: &[
            ("get", 2, Of(&OPERATION)),
            ("put", 3, Of(&OPERATION)),
            ("post", 4, Of(&OPERATION)),
            ("delete", 5, Of(&OPERATION)),
            ("patch", 8, Of(&OPERATION)),
            ("parameters", 9, Each(&In(1, &Parameter))),
        ],
        extensions: 10,
    };

    static OPERATION: Message = Message {
        fields: &[
            ("tags", 1, Each(&Text)),
            ("description", 3, Text),
            ("operationId", 5, Text),
            ("produces", 6, Each(&Text)),
            ("consumes", 7, Each(&Text)),
            ("parameters", 8, Each(&In(1, &Parameter))),
            ("responses", 9, In(1, &Named(&In(1, &Of(&RESPONSE))))),
        ],
        extensions: 13,
    };

    static RESPONSE: Message =
        Message { fields: &[("description", 1, Text), ("schema", 2, In(1, &Of(&SCHEMA)))], extensions: 5 };

    pub(super) static BODY: Message =
        Message { fields: &[("name", 2, Text), ("in", 3, Text), ("schema", 5, Of(&SCHEMA))], extensions: 6 };

    pub(super) static QUERY: Message = Message {
        fields: &[("in", 2, Text), ("description", 3, Text), ("name", 4, Text), ("type", 6, Text)],
        extensions: 23,
    };

    pub(super) static PATH: Message = Message {
        fields: &[
            ("required", 1, Flag),
            ("in", 2, Text),
            ("description", 3, Text),
            ("name", 4, Text),
            ("type", 5, Text),
        ],
        extensions: 22,
    };

    pub(super) static SCHEMA: Message = Message {
        fields: &[
            ("$ref", 1, Text),
            ("format", 2, Text),
            ("description", 4, Text),
            ("required", 19, Each(&Text)),
            ("additionalProperties", 21, In(1, &Of(&SCHEMA))),
            ("type", 22, In(1, &Text)),
            ("items", 23, In(1, &Of(&SCHEMA))),
            ("properties", 25, In(1, &Named(&Of(&SCHEMA)))),
        ],
        extensions: 31,
    };
}

fn encoded(message: &Message, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some((_, number, form)) = message.fields.iter().find(|(known, ..)| known == name) {
            put(form, *number, value, &mut out);
        } else {
            debug_assert!(name.starts_with("x-"), "{name} has no number");
            put_extension(message.extensions, name, value, &mut out);
        }
    }
    out
}

/// Writes one value as a field, or as many of them as it has items.
fn put(form: &Form, number: u32, value: &Value, out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    match form {
        Form::Text => return put_octets(number, value.as_str().unwrap_or_default().as_bytes(), out),
        Form::Flag => return put_number(number, value.as_bool().unwrap_or_default().into(), out),
        Form::Each(form) => {
            return value.as_array().into_iter().flatten().for_each(|item| put(form, number, item, out));
        }
        Form::Named(form) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                let mut entry = Vec::new();
                put_octets(1, name.as_bytes(), &mut entry);
                put(form, 2, value, &mut entry);
                put_octets(number, &entry, out);
            }
            return;
        }
        Form::Message(message) => inner = encoded(message, value),
        Form::In(number, form) => put(form, *number, value, &mut inner),
        Form::Parameter => match value["in"].as_str() {
            Some("body") => put_octets(1, &encoded(&messages::BODY, value), &mut inner),
            place => {
                let (number, message) =
                    if place == Some("path") { (4, &messages::PATH) } else { (3, &messages::QUERY) };
                let mut parameter = Vec::new();
                put_octets(number, &encoded(message, value), &mut parameter);
                put_octets(2, &parameter, &mut inner);
            }
        },
    }
    put_octets(number, &inner, out);
}

/// Writes what the specification does not know, as YAML, which all JSON is.
fn put_extension(number: u32, name: &str, value: &Value, out: &mut Vec<u8>) {
    let (mut any, mut entry) = (Vec::new(), Vec::new());
    put_octets(2, value.to_string().as_bytes(), &mut any);
    put_octets(1, name.as_bytes(), &mut entry);
    put_octets(2, &any, &mut entry);
    put_octets(number, &entry, out);
}

fn put_octets(number: u32, octets: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(octets.len() as u64, out);
    out.extend_from_slice(octets);
}

fn put_number(number: u32, value: u64, out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3, out);
    put_varint(value, out);
}

/// A number in groups of seven bits, the lowest first; all but the last have the eighth bit set.
fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_written_as_gnostic_reads_them() {
        let schema = json!({"$ref": "R", "type": "object", "x-y": [1]});
        let expected = b"\x0a\x01R\xb2\x01\x08\x0a\x06object\xfa\x01\x0c\x0a\x03x-y\x12\x05\x12\x03[1]";
        assert_eq!(encoded(&messages::SCHEMA, &schema), expected);
        let path = json!({"get": {"parameters": [{"in": "path", "required": true}]}});
        let expected = b"\x12\x10\x42\x0e\x0a\x0c\x12\x0a\x22\x08\x12\x04path\x08\x01";
        assert_eq!(encoded(&messages::PATH_ITEM, &path), expected);
    }

    #[test]
    fn the_whole_document_is_encoded() {
        // Encoding asserts that every field has a number.
        let text = openapi_v2_protobuf();
        let whole = openapi_v2();
        let definitions = whole["definitions"].as_object().unwrap();
        assert!(definitions.keys().all(|name| text.windows(name.len()).any(|window| window == name.as_bytes())));
    }
}
