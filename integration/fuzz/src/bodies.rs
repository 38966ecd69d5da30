//! Bodies: what is accepted is whole, keeps its meaning, and is accepted again.

use api::{
    admission::{self, Stamp, Update},
    body::{self, Media},
    limits::{BODY_BYTES_MAX, NESTING_MAX},
    resource::{RESOURCES, Resource, Scope},
    status::Status,
    table::{self, Include},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// 2016-07-01T12:00:00Z.
const NOW: i64 = 1_467_374_400;

/// The fields that some kind lets select by, and one that none does.
const SELECTABLE: &[&str] = &["status.phase", "spec.nodeName", "type", "reason", "involvedObject.name", "no.such"];

/// `application/json`; the first byte chooses the kind.
pub fn body_json(input: &[u8]) {
    create(input, Media::Json);
}

/// `application/yaml`; the first byte chooses the kind.
pub fn body_yaml(input: &[u8]) {
    if let Some((_, manifest)) = input.split_first() {
        let _ = body::read_manifest(manifest);
    }
    create(input, Media::Yaml);
}

/// `application/vnd.kubernetes.protobuf`; the first byte chooses the kind.
pub fn protobuf(input: &[u8]) {
    create(input, Media::Protobuf);
}

fn create(input: &[u8], media: Media) {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let resource = RESOURCES[usize::from(choice) % RESOURCES.len()];
    match body::read(bytes, media, resource.kind) {
        Err(status) => is_sound(&status),
        Ok((value, _)) => {
            // Answers are never in protobuf.
            reads_back(&value, if media == Media::Yaml { Media::Yaml } else { Media::Json });
            let stored = admitted(resource, value);
            if let Ok(stored) = stored {
                stays_itself(resource, &stored);
            }
        }
    }
}

/// What a body comes to. A shape that was accepted is accepted again, unchanged.
fn admitted(resource: &Resource, value: Value) -> Result<Value, Status> {
    let (object, _) = resource.rules.normalise(value).inspect_err(is_sound)?;
    let again = resource.rules.normalise(object.clone());
    assert_eq!(again, Ok((object.clone(), Vec::new())), "a {} is normal once normalised", resource.kind);
    let _ = resource.rules.warnings(&object);
    admission::create(resource, namespace(resource), object, &stamp()).inspect_err(is_sound)
}

/// An object that is stored can be written back as it was read, in either format, and shown.
pub(crate) fn stays_itself(resource: &Resource, stored: &Value) {
    assert!(depth(stored) <= NESTING_MAX, "a stored object nests no deeper than a body may");
    let mut versioned = stored.clone();
    versioned["metadata"]["resourceVersion"] = "7".into();
    for media in [Media::Json, Media::Yaml] {
        reads_back(&versioned, media);
    }
    let mut defaulted = versioned.clone();
    resource.rules.default(&mut defaulted);
    assert_eq!(defaulted, versioned, "defaults are filled in once");
    let put = resource.rules.normalise(versioned.clone());
    let (put, unknown) = put.expect("what is stored is of its kind");
    assert_eq!(unknown, Vec::<String>::new());
    let update = admission::update(resource, put, &versioned);
    assert_eq!(update, Ok(Update::Write(versioned.clone())), "writing back what was read changes nothing");
    for include in [Include::None, Include::Metadata, Include::Object] {
        table::render(resource, &[&versioned], json!({}), include, true, NOW);
    }
    for field in SELECTABLE {
        let _ = resource.rules.selectable(&versioned, field);
    }
}

/// What the server writes, it reads as the same.
fn reads_back(value: &Value, media: Media) {
    let text = match media {
        Media::Json | Media::Protobuf => value.to_string(),
        Media::Yaml => serde_saphyr::to_string(value).expect("a value can be written as YAML"),
    };
    if text.len() > BODY_BYTES_MAX {
        return;
    }
    let again = body::read(text.as_bytes(), media, "object");
    assert_eq!(again.as_ref().map(|(again, _)| again), Ok(value), "{text}");
    assert_eq!(again.map(|(_, duplicates)| duplicates), Ok(Vec::new()));
}

/// A refusal says what and why, in a size that a client can bear.
pub(crate) fn is_sound(status: &Status) {
    assert!((400..500).contains(&status.code) || *status == Status::version_on_create(), "{status:?}");
    assert!(!status.message.is_empty(), "{status:?}");
    let wire = status.to_json();
    assert_eq!(wire["code"], status.code);
    assert_eq!(wire["status"], "Failure");
}

pub(crate) fn stamp() -> Stamp {
    let now = jiff::Timestamp::from_second(NOW).expect("a moment");
    Stamp { now, uid: Uuid::from_u128(0x1234_5678) }
}

pub(crate) fn namespace(resource: &Resource) -> &'static str {
    if resource.scope == Scope::Namespaced { "default" } else { "" }
}

/// How deep a value nests; 0 for one that holds no others.
pub(crate) fn depth(value: &Value) -> usize {
    let mut depth = 0;
    let mut level = vec![value];
    loop {
        let next: Vec<&Value> = level
            .iter()
            .flat_map(|value| -> Box<dyn Iterator<Item = &Value>> {
                match value {
                    Value::Array(items) => Box::new(items.iter()),
                    Value::Object(fields) => Box::new(fields.values()),
                    _ => Box::new(std::iter::empty()),
                }
            })
            .collect();
        if next.is_empty() {
            return depth;
        }
        (level, depth) = (next, depth + 1);
    }
}
