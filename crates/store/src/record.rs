//! How keys, objects, events and revisions are written down.

use std::sync::Arc;

use serde_json::Value;

use crate::{Change, Event, Key, Revision, Stored};

/// The present revision, in [`Tree::Meta`](crate::Tree::Meta).
pub(crate) const REVISION: &[u8] = b"revision";

/// The sum over all objects, in [`Tree::Meta`](crate::Tree::Meta).
pub(crate) const TALLY: &[u8] = b"tally";

/// Ends each part of a key.
const END: u8 = 0;
/// After an `END` byte: that one was part of the text. UTF-8 has no such byte, so no part begins with it.
const ESCAPED: u8 = 0xff;

/// A key as bytes that sort as the key does, and of which none begins another.
pub(crate) fn encode_key(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.resource.len() + key.namespace.len() + key.name.len() + 3);
    for part in [&key.resource, &key.namespace, &key.name] {
        for byte in part.bytes() {
            bytes.push(byte);
            if byte == END {
                bytes.push(ESCAPED);
            }
        }
        bytes.push(END);
    }
    bytes
}

/// The key that [`encode_key`] wrote.
pub(crate) fn decode_key(bytes: &[u8]) -> Option<Key> {
    let (resource, rest) = decode_part(bytes)?;
    let (namespace, rest) = decode_part(rest)?;
    let (name, rest) = decode_part(rest)?;
    rest.is_empty().then(|| Key::new(&resource, &namespace, &name))
}

fn decode_part(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut part = Vec::new();
    let mut rest = bytes;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        if byte == END {
            match rest.strip_prefix(&[ESCAPED]) {
                Some(after) => rest = after,
                None => return Some((String::from_utf8(part).ok()?, rest)),
            }
        }
        part.push(byte);
    }
}

/// A revision as the key of its event.
pub(crate) fn encode_revision(revision: Revision) -> [u8; 8] {
    revision.0.to_be_bytes()
}

/// The revision that [`encode_revision`] wrote.
pub(crate) fn decode_revision(bytes: &[u8]) -> Option<Revision> {
    Some(Revision(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// An event, all but its revision: what happened, the key and the object with their lengths, and the way back to
/// the state before. That is a JSON patch, which is a fraction of a second object.
pub(crate) fn encode_event(event: &Event) -> Vec<u8> {
    let mut bytes = vec![match event.change {
        Change::Created => b'C',
        Change::Updated => b'U',
        Change::Deleted => b'D',
    }];
    push_field(&mut bytes, &encode_key(&event.key));
    push_field(&mut bytes, event.stored().text().as_bytes());
    if let Some(previous) = &event.previous {
        let way_back = json_patch::diff(&event.object, previous);
        bytes.extend_from_slice(&serde_json::to_vec(&way_back).expect("a patch is JSON"));
    }
    bytes
}

/// What an event says of which object, without reading the object.
pub(crate) fn decode_event_head(bytes: &[u8]) -> Option<(Change, Key)> {
    let (&change, rest) = bytes.split_first()?;
    let (key, _) = split_field(rest)?;
    Some((decode_change(change)?, decode_key(key)?))
}

/// The event that [`encode_event`] wrote.
pub(crate) fn decode_event(revision: Revision, bytes: &[u8]) -> Option<Event> {
    let (&change, rest) = bytes.split_first()?;
    let (key, rest) = split_field(rest)?;
    let (object, way_back) = split_field(rest)?;
    let (stored, object) = Stored::read(object)?;
    let previous = if way_back.is_empty() { None } else { Some(Arc::new(go_back(&object, way_back)?)) };
    let (change, key) = (decode_change(change)?, decode_key(key)?);
    Some(Event { previous, stored: stored.into(), ..Event::new(revision, change, key, object.into()) })
}

fn go_back(object: &Value, way_back: &[u8]) -> Option<Value> {
    let way_back: json_patch::Patch = serde_json::from_slice(way_back).ok()?;
    let mut previous = object.clone();
    json_patch::patch(&mut previous, &way_back).ok()?;
    Some(previous)
}

fn decode_change(byte: u8) -> Option<Change> {
    match byte {
        b'C' => Some(Change::Created),
        b'U' => Some(Change::Updated),
        b'D' => Some(Change::Deleted),
        _ => None,
    }
}

fn push_field(bytes: &mut Vec<u8>, field: &[u8]) {
    let length = u32::try_from(field.len()).expect("an object is far smaller than 4 GiB");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(field);
}

fn split_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// The revision in an object's `metadata.resourceVersion`.
pub(crate) fn revision_of(object: &Value) -> Option<Revision> {
    object.get("metadata")?.get("resourceVersion")?.as_str()?.parse().ok().map(Revision)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_key() -> impl Strategy<Value = Key> {
        let part = || "[\0\u{1}a-c\u{ff}.-]{0,4}";
        (part(), part(), part()).prop_map(|(resource, namespace, name)| Key::new(&resource, &namespace, &name))
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-b/~0\"-]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-b/~0-]{0,2}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_encoded_key_sorts_as_the_key(a in any_key(), b in any_key()) {
            prop_assert_eq!(encode_key(&a).cmp(&encode_key(&b)), a.cmp(&b));
        }

        #[test]
        fn an_encoded_key_begins_no_other(a in any_key(), b in any_key()) {
            prop_assert!(a == b || !encode_key(&a).starts_with(&encode_key(&b)));
        }

        #[test]
        fn a_key_reads_back(key in any_key()) {
            prop_assert_eq!(decode_key(&encode_key(&key)), Some(key));
        }

        #[test]
        fn garbage_is_no_key_and_no_event(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Some(key) = decode_key(&bytes) {
                prop_assert_eq!(encode_key(&key), bytes.clone());
            }
            let _ = decode_event(Revision(1), &bytes);
        }

        #[test]
        fn an_event_reads_back(
            change in prop_oneof![Just(Change::Created), Just(Change::Updated), Just(Change::Deleted)],
            key in any_key(),
            object in any_json(),
            previous in proptest::option::of(any_json()),
        ) {
            let previous = previous.map(Arc::new);
            let event = Event { previous, ..Event::new(Revision(7), change, key, object.into()) };
            let bytes = encode_event(&event);
            prop_assert_eq!(decode_event_head(&bytes), Some((event.change, event.key.clone())));
            prop_assert_eq!(format!("{:?}", decode_event(Revision(7), &bytes)), format!("{:?}", Some(event)));
        }
    }
}
