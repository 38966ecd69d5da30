//! Notes become Kubernetes Events: equal ones are counted, old ones go.

use std::collections::{BTreeMap, BTreeSet};

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

/// So many warnings that differ in their message alone are told one by one, as by Kubernetes' clients; the others
/// become one event that is counted. Messages of engines hold times, numbers and names that differ each time.
pub const SIMILAR_MAX: usize = 10;

/// After so long without such a warning it is told by itself again.
pub const SIMILAR_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Begins the message of an event that stands for many, which is the last one's.
const COMBINED: &str = "(combined from similar events): ";

/// Knows which event tells of which note, and counts repetitions between writes.
#[derive(Debug, Default)]
pub struct Recorder {
    known: BTreeMap<Fingerprint, Known>,
    /// Warnings that differ in their message alone.
    similar: BTreeMap<Fingerprint, Similar>,
}

/// What makes notes equal.
type Fingerprint = u64;

#[derive(Debug)]
struct Known {
    key: Key,
    written: Timestamp,
    unwritten: i64,
}

#[derive(Debug)]
struct Similar {
    last: Timestamp,
    messages: BTreeSet<Fingerprint>,
}

impl Recorder {
    /// A recorder that goes on counting the events that are stored.
    pub fn load(store: &Store) -> Recorder {
        let known = store.list(resources::EVENTS, None).items;
        let known = known.iter().map(|event| {
            let known = Known { key: key_of(event), written: last_seen(event), unwritten: 0 };
            (fingerprint_of_event(event), known)
        });
        Recorder { known: known.collect(), similar: BTreeMap::new() }
    }

    /// The write that tells of a note, or `None` where it was told a moment ago.
    pub fn write(&mut self, store: &Store, note: &Note, node: &str, uid: Uuid, now: Timestamp) -> Option<Write> {
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let combined;
        let note = if self.is_one_of_many(note, now) {
            combined = Note { message: format!("{COMBINED}{}", note.message), ..note.clone() };
            &combined
        } else {
            note
        };
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
            object["message"] = json!(note.message);
            return Some(Write::Update { key: known.key.clone(), object, expect: Expect::Exists });
        }
        let key = new_key(store, note, now);
        self.known.insert(fingerprint, Known { key: key.clone(), written: now, unwritten: 0 });
        Some(Write::Create { object: event(&key, note, node, uid, &stamp), key })
    }

    /// Whether a warning is like so many others of late that it is no longer told by itself.
    fn is_one_of_many(&mut self, note: &Note, now: Timestamp) -> bool {
        if note.kind != NoteKind::Warning {
            return false;
        }
        let likeness = fingerprint_of_note(&Note { message: COMBINED.to_owned(), ..note.clone() });
        let similar = self.similar.entry(likeness).or_insert(Similar { last: now, messages: BTreeSet::new() });
        if now.duration_since(similar.last) > SIMILAR_FOR {
            similar.messages.clear();
        }
        similar.last = now;
        let fingerprint = fingerprint_of_note(note);
        if similar.messages.contains(&fingerprint) {
            return false;
        }
        if similar.messages.len() < SIMILAR_MAX {
            similar.messages.insert(fingerprint);
            return false;
        }
        true
    }

    /// The writes that remove what is too old or too much.
    pub fn sweep(&mut self, store: &Store, now: Timestamp) -> Vec<Write> {
        self.known.retain(|_, known| store.get(&known.key).is_some());
        self.similar.retain(|_, similar| now.duration_since(similar.last) <= SIMILAR_FOR);
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
    let message = likeness(&note.message);
    fingerprint([&note.subject.uid, &note.subject.kind, note.component, note.reason, &note.field_path, message])
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
    let mut parts = parts.map(|part| part.as_str().unwrap_or_default());
    parts[5] = likeness(parts[5]);
    fingerprint(parts)
}

/// All events that stand for many are equal.
fn likeness(message: &str) -> &str {
    if message.starts_with(COMBINED) { COMBINED } else { message }
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

    #[tokio::test]
    async fn warnings_that_differ_each_time_do_not_pile_up() {
        let store = Store::in_memory();
        let mut recorder = Recorder::load(&store);
        for number in 0..40 {
            let warning = Note { kind: NoteKind::Warning, ..note(&format!("no ({number:02})")) };
            let write = recorder.write(&store, &warning, "node", Uuid::from_u128(number), at(number as i64 * 20));
            store.commit(write.into_iter().collect()).await.unwrap();
        }
        let mut expected: Vec<(String, i64)> = (0..10).map(|number| (format!("no ({number:02})"), 1)).collect();
        expected.push(("(combined from similar events): no (39)".into(), 30));
        assert_eq!(told(&store), expected);
        // After ten quiet minutes the next one is told by itself.
        let warning = Note { kind: NoteKind::Warning, ..note("no (40)") };
        assert!(matches!(recorder.write(&store, &warning, "node", Uuid::nil(), at(2000)), Some(Write::Create { .. })));
    }
}
