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

/// Knows which event tells of which note, and counts repetitions between writes.
#[derive(Debug, Default)]
pub struct Recorder {
    known: BTreeMap<Fingerprint, Known>,
}

/// What makes notes equal.
type Fingerprint = u64;

#[derive(Debug)]
struct Known {
    key: Key,
    written: Timestamp,
    unwritten: i64,
}

impl Recorder {
    /// A recorder that goes on counting the events that are stored.
    pub fn load(store: &Store) -> Recorder {
        let known = store.list(resources::EVENTS, None).items;
        let known = known.iter().map(|event| {
            let known = Known { key: key_of(event), written: last_seen(event), unwritten: 0 };
            (fingerprint_of_event(event), known)
        });
        Recorder { known: known.collect() }
    }

    /// The write that tells of a note, or `None` where it was told a moment ago.
    pub fn write(&mut self, store: &Store, note: &Note, node: &str, uid: Uuid, now: Timestamp) -> Option<Write> {
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let fingerprint = fingerprint_of_note(note);
        if let Some(known) = self.known.get_mut(&fingerprint)
            && let Some(stored) = store.get(&known.key)
        {
            if now.duration_since(known.written) < WRITTEN_EVERY {
                known.unwritten += 1;
                return None;
            }
            let times = 1 + std::mem::take(&mut known.unwritten);
            known.written = now;
            let mut object = (*stored).clone();
            object["count"] = json!(object["count"].as_i64().unwrap_or(1) + times);
            object["lastTimestamp"] = json!(stamp);
            return Some(Write::Update { key: known.key.clone(), object, expect: Expect::Exists });
        }
        let key = new_key(store, note, now);
        self.known.insert(fingerprint, Known { key: key.clone(), written: now, unwritten: 0 });
        Some(Write::Create { object: event(&key, note, node, uid, &stamp), key })
    }

    /// The writes that remove what is too old or too much.
    pub fn sweep(&mut self, store: &Store, now: Timestamp) -> Vec<Write> {
        self.known.retain(|_, known| store.get(&known.key).is_some());
        let mut seen: Vec<(Timestamp, Key)> =
            store.list(resources::EVENTS, None).items.iter().map(|event| (last_seen(event), key_of(event))).collect();
        seen.sort();
        let surplus = seen.len().saturating_sub(COUNT_MAX);
        let too_old = |at: &Timestamp| now.duration_since(*at) > KEPT_FOR;
        let gone = seen.into_iter().enumerate().filter(|(i, (at, _))| *i < surplus || too_old(at));
        gone.map(|(_, (_, key))| Write::Delete { key, expect: Expect::Exists }).collect()
    }
}

/// A name that begins with its time, as Kubernetes' do: clients that list events of one second in the order of their
/// names list them in the order in which they happened.
fn new_key(store: &Store, note: &Note, now: Timestamp) -> Key {
    let namespace = if note.subject.namespace.is_empty() { "default" } else { &note.subject.namespace };
    let named = |time: i128| Key::new(resources::EVENTS, namespace, &format!("{}.{time:016x}", note.subject.name));
    let mut time = now.as_nanosecond();
    while store.get(&named(time)).is_some() {
        time += 1;
    }
    named(time)
}

fn key_of(event: &Value) -> Key {
    let part = |name: &str| event["metadata"][name].as_str().unwrap_or_default();
    Key::new(resources::EVENTS, part("namespace"), part("name"))
}

fn fingerprint_of_note(note: &Note) -> Fingerprint {
    fingerprint([&note.subject.uid, &note.subject.kind, note.component, note.reason, &note.field_path, &note.message])
}

fn fingerprint_of_event(event: &Value) -> Fingerprint {
    let involved = &event["involvedObject"];
    let parts = [
        &involved["uid"],
        &involved["kind"],
        &event["source"]["component"],
        &event["reason"],
        &involved["fieldPath"],
        &event["message"],
    ];
    fingerprint(parts.map(|part| part.as_str().unwrap_or_default()))
}

fn fingerprint(parts: [&str; 6]) -> Fingerprint {
    use std::hash::{DefaultHasher, Hash, Hasher};
    // Compared within one process alone.
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

fn event(key: &Key, note: &Note, node: &str, uid: Uuid, stamp: &str) -> Value {
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
        "count": 1,
        "type": match note.kind { NoteKind::Normal => "Normal", NoteKind::Warning => "Warning" },
        "reportingComponent": note.component,
        "reportingInstance": node,
    })
}

fn last_seen(event: &Value) -> Timestamp {
    let stamps = [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
    stamps.iter().find_map(|stamp| stamp.as_str()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plan::Subject;

    use super::*;

    fn note(message: &str) -> Note {
        Note {
            subject: Subject {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: "default".into(),
                name: "web-0".into(),
                uid: "u".into(),
            },
            field_path: String::new(),
            component: "kubelet",
            kind: NoteKind::Normal,
            reason: "Started",
            message: message.into(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_470_000_000 + seconds).unwrap()
    }

    async fn tell(recorder: &mut Recorder, store: &Store, message: &str, now: Timestamp) {
        let uid = Uuid::from_u128(now.as_nanosecond().unsigned_abs());
        let write = recorder.write(store, &note(message), "node", uid, now);
        store.commit(write.into_iter().collect()).await.unwrap();
    }

    fn told(store: &Store) -> Vec<(String, i64)> {
        let events = store.list(resources::EVENTS, None).items;
        events
            .iter()
            .map(|event| (event["message"].as_str().unwrap().into(), event["count"].as_i64().unwrap()))
            .collect()
    }

    #[tokio::test]
    async fn equal_notes_are_counted_and_written_now_and_then_also_by_the_next_daemon() {
        let store = Store::in_memory();
        let mut recorder = Recorder::load(&store);
        for second in 0..10 {
            tell(&mut recorder, &store, "again", at(second)).await;
        }
        assert_eq!(told(&store), [("again".into(), 1)]);
        tell(&mut recorder, &store, "again", at(10)).await;
        assert_eq!(told(&store), [("again".into(), 11)]);
        let mut next = Recorder::load(&store);
        tell(&mut next, &store, "again", at(30)).await;
        assert_eq!(told(&store), [("again".into(), 12)]);
    }

    #[tokio::test]
    async fn events_of_one_moment_are_listed_in_the_order_in_which_they_happened() {
        let store = Store::in_memory();
        let mut recorder = Recorder::load(&store);
        for message in ["scheduled", "pulled", "created", "started"] {
            tell(&mut recorder, &store, message, at(0)).await;
        }
        let order: Vec<String> = told(&store).into_iter().map(|(message, _)| message).collect();
        assert_eq!(order, ["scheduled", "pulled", "created", "started"]);
    }

    #[tokio::test]
    async fn old_events_go_and_may_come_again() {
        let store = Store::in_memory();
        let mut recorder = Recorder::load(&store);
        tell(&mut recorder, &store, "old", at(0)).await;
        let later = at(KEPT_FOR.as_secs() + 1);
        store.commit(recorder.sweep(&store, later)).await.unwrap();
        assert_eq!(told(&store), []);
        tell(&mut recorder, &store, "old", later).await;
        assert_eq!(told(&store), [("old".into(), 1)]);
    }
}
