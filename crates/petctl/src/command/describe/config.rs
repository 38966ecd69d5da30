//! What pods read: ConfigMaps, and Secrets without their values.

use serde_json::Value;

use super::document::{Document, say};

pub(super) fn config_map(map: &Value) -> Document {
    let mut document = Document::of(map);
    document.metadata(map);
    document.section("Data");
    for (key, value) in fields(&map["data"]) {
        document.lines(key, &say(value).lines().map(str::to_owned).collect::<Vec<_>>());
    }
    for (key, value) in fields(&map["binaryData"]) {
        document.field(key, &size(value));
    }
    document.end();
    document
}

pub(super) fn secret(secret: &Value) -> Document {
    let mut document = Document::of(secret);
    document.metadata(secret);
    document.field("Type", &say(&secret["type"]));
    document.section("Data");
    for (key, value) in fields(&secret["data"]) {
        document.field(key, &size(value));
    }
    document.end();
    document
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// How much a text in base64 stands for.
fn size(value: &Value) -> String {
    let letters = say(value).trim_end_matches('=').len();
    format!("{} bytes", letters * 3 / 4)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_described_without_its_values() {
        let metadata = json!({"name": "a", "namespace": "ns", "creationTimestamp": "2016-07-01T12:00:00Z"});
        let of = |more: &Value| {
            let mut object = json!({"metadata": metadata});
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object
        };
        let head = "Name:          a\nNamespace:     ns\nCreated:       2016-07-01T12:00:00Z\nLabels:        <none>\n\
                    Annotations:   <none>\n";
        let secret = secret(&of(&json!({"type": "Opaque", "data": {"k": "aGVsbG8=", "none": ""}}))).finish();
        assert_eq!(secret, format!("{head}Type:          Opaque\nData:\n  k:      5 bytes\n  none:   0 bytes\n"));
        let map = of(&json!({"data": {"a": "one\ntwo\n", "b": ""}, "binaryData": {"c": "AAA="}}));
        let map = config_map(&map).finish();
        assert_eq!(map, format!("{head}Data:\n  a:   one\n       two\n  b:   <none>\n  c:   2 bytes\n"));
    }
}
