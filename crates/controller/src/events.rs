//! Notes become Kubernetes Events: equal ones are counted, old ones go.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plan::{Note, NoteKind};
use serde_json::{Value, json};
use store::{Expect, Key, Store, Write};
use uuid::Uuid;

use crate::world::resources;

/// Events are kept for a day after they were last seen: an hour, as Kubernetes keeps them, is gone before a person
/// has come back from lunch to find out what happened.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// An event that repeats is written at most this often; what happens between is counted and written with the next.
/// A probe that fails once a second would otherwise write once a second for ever.
pub const WRITTEN_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// At most so many events are kept, the most recently seen.
pub const COUNT_MAX: usize = 10_000;

/// Counts repetitions between writes.
#[derive(Debug, Default)]
pub struct Recorder {
    pending: BTreeMap<Key, Pending>,
}

#[derive(Debug)]
struct Pending {
    written: Timestamp,
    unwritten: i64,
}

impl Recorder {
    /// The write that tells of a note, or `None` where it was told a moment ago.
    pub fn write(&mut self, store: &Store, note: &Note, node: &str, uid: Uuid, now: Timestamp) -> Option<Write> {
        let key = key(note);
        let recent = self.pending.get_mut(&key);
        if let Some(recent) = recent
            && now.duration_since(recent.written) < WRITTEN_EVERY
        {
            recent.unwritten += 1;
            return None;
        }
        let unwritten = self.pending.insert(key.clone(), Pending { written: now, unwritten: 0 });
        let times = 1 + unwritten.map_or(0, |pending| pending.unwritten);
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let Some(stored) = store.get(&key) else {
            return Some(Write::Create { object: event(&key, note, node, times, uid, &stamp), key });
        };
        let mut object = (*stored).clone();
        object["count"] = json!(object["count"].as_i64().unwrap_or(1) + times);
        object["lastTimestamp"] = json!(stamp);
        Some(Write::Update { key, object, expect: Expect::Exists })
    }

    /// The writes that remove what is too old or too much.
    pub fn sweep(&mut self, store: &Store, now: Timestamp) -> Vec<Write> {
        self.pending.retain(|_, pending| now.duration_since(pending.written) < KEPT_FOR);
        let mut seen: Vec<(Timestamp, Key)> = store
            .list(resources::EVENTS, None)
            .items
            .iter()
            .map(|object| {
                let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
                (last_seen(object), Key::new(resources::EVENTS, &part("namespace"), &part("name")))
            })
            .collect();
        seen.sort();
        let surplus = seen.len().saturating_sub(COUNT_MAX);
        let too_old = |at: &Timestamp| now.duration_since(*at) > KEPT_FOR;
        let gone = seen.into_iter().enumerate().filter(|(i, (at, _))| *i < surplus || too_old(at));
        gone.map(|(_, (_, key))| Write::Delete { key, expect: Expect::Exists }).collect()
    }
}

/// Equal notes have equal keys, across restarts too: the name is made from what the note says.
fn key(note: &Note) -> Key {
    let parts = [&note.subject.uid, &note.subject.kind, note.component, note.reason, &note.field_path, &note.message];
    let mut hash = Fnv::default();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    let namespace = if note.subject.namespace.is_empty() { "default" } else { &note.subject.namespace };
    Key::new(resources::EVENTS, namespace, &format!("{}.{:016x}", note.subject.name, hash.0))
}

fn event(key: &Key, note: &Note, node: &str, count: i64, uid: Uuid, stamp: &str) -> Value {
    let mut involved = json!({
        "apiVersion": note.subject.api_version,
        "kind": note.subject.kind,
        "name": note.subject.name,
        "uid": note.subject.uid,
    });
    if !note.subject.namespace.is_empty() {
        involved["namespace"] = json!(note.subject.namespace);
    }
    if !note.field_path.is_empty() {
        involved["fieldPath"] = json!(note.field_path);
    }
    let mut source = json!({"component": note.component});
    if note.component == "kubelet" {
        source["host"] = json!(node);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": &*key.namespace, "name": &*key.name, "uid": uid.to_string(), "creationTimestamp": stamp},
        "involvedObject": involved,
        "reason": note.reason,
        "message": note.message,
        "source": source,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": count,
        "type": match note.kind { NoteKind::Normal => "Normal", NoteKind::Warning => "Warning" },
        "reportingComponent": note.component,
        "reportingInstance": node,
    })
}

fn last_seen(event: &Value) -> Timestamp {
    let stamps = [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
    stamps.iter().find_map(|stamp| stamp.as_str()?.parse().ok()).unwrap_or_default()
}

/// FNV-1a, 64 bits: names events, where the standard library's hash promises nothing across versions.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
