//! Who owns which fields of an object: `metadata.managedFields`, and server-side apply, which rests on it.
//!
//! Everything is pure. Whoever writes fields owns them ([`created`], [`updated`]). Whoever applies a configuration owns
//! what it says, comes into conflict with others whose fields it would change, and loses what it no longer says
//! ([`applied`]). What a list or map is owned by (as a whole, item by item, and by which keys the items are told apart) is
//! told by the table of the topology, which is made from Kubernetes' published schema.
//!
//! Follows Kubernetes' `apimachinery/pkg/util/managedfields` and structured-merge-diff's `merge.Updater`, less what they do
//! for kinds in several versions: every kind here is served in one.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    limits::MANAGER_BYTES_MAX,
    resource::{Resource, Subresource},
    status::{Cause, Status},
};
pub(crate) use conflict::Conflict;
use entries::{Entries, Entry, Manager, Operation};
use schema::Struct;
use set::{Element, Set};
use walk::Comparison;

mod conflict;
mod entries;
mod fields;
mod schema;
mod set;
mod topology;
mod walk;

/// Whose all fields of an object are that nobody had written down before the first configuration was applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// The manager whose configurations take over from client-side apply.
const KUBECTL: &str = "kubectl";
/// Where client-side apply keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but its status.
    Main,
    /// Its status alone.
    Status,
    /// The number of its replicas, as a scale.
    Scale,
    /// A pod's ephemeral containers alone.
    EphemeralContainers,
}

/// Who writes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The name of the field manager.
    pub manager: &'a str,
    /// What it writes.
    pub part: Part,
    /// The time of the write.
    pub now: Timestamp,
}

/// What becomes of fields that others own, and that a configuration would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflicts {
    /// The configuration is refused.
    Refuse,
    /// They change hands.
    Force,
}

impl Part {
    fn subresource(self) -> &'static str {
        match self {
            Part::Main => "",
            Part::Status => "status",
            Part::Scale => "scale",
            Part::EphemeralContainers => "ephemeralcontainers",
        }
    }

    /// Whether a write of this part reaches a top-level field.
    fn covers(self, resource: &Resource, field: &str) -> bool {
        match self {
            Part::Status => field == "status",
            Part::Main | Part::Scale | Part::EphemeralContainers => {
                field != "status" || !resource.subresources.contains(&Subresource::Status)
            }
        }
    }
}

impl Writer<'_> {
    fn manager(&self, resource: &Resource, operation: Operation) -> Manager {
        let name = if self.manager.is_empty() { "unknown" } else { self.manager };
        Manager {
            name: name.to_owned(),
            operation,
            api_version: resource.api_version(),
            subresource: self.part.subresource().to_owned(),
        }
    }
}

/// The name of the manager that a client is by its `User-Agent`, where it does not tell one: what stands before the first `/`.
pub fn manager_of_agent(agent: &str) -> String {
    let name = agent.split('/').next().unwrap_or_default();
    let mut manager = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if manager.len() + letter.len_utf8() > MANAGER_BYTES_MAX {
            break;
        }
        manager.push(letter);
    }
    manager
}

/// Why a text is no name of a manager (`fieldManager`), if it is none.
pub fn manager_problem(name: &str) -> Option<Cause> {
    entries::manager_problem("fieldManager", name)
}

/// Takes `metadata.managedFields` out of an object. Whoever sends it means to set it, and the types of the object's kind
/// would not keep an empty list.
pub fn take(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Writes down that a new object is its writer's. `object` has its defaults.
pub fn created(resource: &Resource, object: &mut Value, writer: Writer<'_>) {
    let comparison = compare(resource, &Value::Object(Map::new()), object, writer.part);
    record(resource, object, comparison, Entries::default(), writer);
}

/// Writes down what of a changed object is its writer's from now on. `new` has its defaults; `sent` is what the client wants
/// `managedFields` to be, if it says so. An empty list, or a list of one empty entry, forgets who owned what; of an object
/// of which that is not known nothing is written down.
///
/// Errors: 422 `Invalid` where `sent` is no such list.
pub fn updated(
    resource: &Resource,
    new: &mut Value,
    old: &Value,
    sent: Option<&Value>,
    writer: Writer<'_>,
) -> Result<(), Status> {
    let stored = &old["metadata"]["managedFields"];
    // Those of an object are its own, and not its subresources' to set.
    let sent = sent.filter(|sent| writer.part == Part::Main && *sent != stored && !sent.is_null());
    let version = resource.api_version();
    let entries = match sent {
        None => {
            changed(resource, new, old, writer);
            return Ok(());
        }
        Some(sent) if is_reset(sent) => Entries::default(),
        Some(sent) => {
            let name = old["metadata"]["name"].as_str().unwrap_or_default();
            let entries = Entries::read(sent, &version);
            entries.map_err(|causes| Status::invalid(resource.kind, resource.group, name, &causes))?
        }
    };
    if !entries.0.is_empty() {
        let comparison = compare(resource, old, new, writer.part);
        record(resource, new, comparison, entries, writer);
    }
    Ok(())
}

/// Writes down what of a changed object is its writer's from now on, where it is known who owned what before. `new` has its
/// defaults, and no `managedFields`.
pub fn changed(resource: &Resource, new: &mut Value, old: &Value, writer: Writer<'_>) {
    let stored = &old["metadata"]["managedFields"];
    if stored.is_null() {
        return;
    }
    let comparison = compare(resource, old, new, writer.part);
    if comparison.is_empty() {
        // As it is stored, to the letter.
        set(new, stored.clone());
    } else {
        record(resource, new, comparison, Entries::stored(old, &resource.api_version()), writer);
    }
}

fn compare(resource: &Resource, old: &Value, new: &Value, part: Part) -> Comparison {
    walk::compare(old, new, Struct::of(resource), &|field| part.covers(resource, field))
}

/// Gives the writer what it has changed, and takes that and what is gone from everybody.
fn record(resource: &Resource, object: &mut Value, comparison: Comparison, mut entries: Entries, writer: Writer<'_>) {
    entries.take(&comparison.changed, |_| true);
    entries.take(&comparison.removed, |_| true);
    let manager = writer.manager(resource, Operation::Update);
    entries.give(manager, comparison.changed, &entries::seconds(writer.now));
    entries.cap();
    put(object, entries);
}

/// The object as an applied configuration wants it, normalised, with its defaults; `live` is as it is stored, `None`
/// where there is no such object.
///
/// Errors: 400 for a configuration that is of another kind, sets `managedFields`, or has a field that the kind does not have
/// or a value that its type does not allow; 409 `Conflict` where somebody else owns what it would change, unless it is forced.
pub fn applied(
    resource: &Resource,
    live: Option<&Value>,
    config: &Value,
    writer: Writer<'_>,
    conflicts: Conflicts,
) -> Result<Value, Status> {
    if config["apiVersion"] != resource.api_version() || config["kind"] != resource.kind {
        return Err(other_type(config));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let nothing = Value::Object(Map::new());
    let live = live.unwrap_or(&nothing);
    let shape = Struct::of(resource);
    let covers = |field: &str| writer.part.covers(resource, field);
    let now = entries::seconds(writer.now);
    let manager = writer.manager(resource, Operation::Apply);
    let mut entries = Entries::stored(live, &resource.api_version());
    if entries.0.is_empty() {
        let before = Writer { manager: BEFORE_FIRST_APPLY, ..writer }.manager(resource, Operation::Update);
        let all = compare(resource, &nothing, live, writer.part).changed;
        entries.give(before, all, &now);
    }
    let declared = walk::declared(config, shape, &covers).map_err(|why| untyped(resource, config, &why))?;
    let last = entries.get(&manager).cloned();
    let time = last.as_ref().and_then(|last| last.time.clone());
    let is_as_before = last.as_ref().is_some_and(|last| last.set == declared);
    entries.put(Entry { manager: manager.clone(), time, set: declared });
    let mut merged = walk::merge(live, config, shape);
    if let Some(last) = last.filter(|_| !is_as_before) {
        merged = prune(&merged, &last.set, &entries, shape);
    }
    take(&mut merged);
    let (mut object, _) = resource.rules.normalise(merged)?;
    // What the server has filled in is no change, also where it stands in a list that is one field.
    resource.rules.default(&mut object);

    let comparison = compare(resource, live, &object, writer.part);
    let is_other = |other: &Manager| *other != manager;
    let found = Conflict::between(&entries, &comparison.changed, is_other);
    if conflicts == Conflicts::Refuse && !found.is_empty() {
        let found = if writer.manager == KUBECTL { not_applied_before(found, live, shape) } else { found };
        if !found.is_empty() {
            return Err(Status::apply_conflict(&found));
        }
    }
    entries.take(&comparison.changed, is_other);
    entries.take(&comparison.removed, is_other);
    entries.0.retain(|entry| !entry.set.is_empty());
    if !is_as_before || !comparison.is_empty() {
        entries.0.iter_mut().filter(|entry| entry.manager == manager).for_each(|entry| entry.time = Some(now.clone()));
    }
    if writer.manager == KUBECTL && writer.part == Part::Main {
        remember(&mut object, config);
    }
    put(&mut object, entries);
    Ok(object)
}

/// Takes out of the merged object what its manager said last and says no longer, unless somebody else owns it.
///
/// What others own is added back first, and then what nobody owns and went only with what it stands in.
fn prune(merged: &Value, last: &Set, entries: &Entries, shape: &'static Struct) -> Value {
    let named = |set: &Set| walk::named(set, shape);
    let last = named(last);
    let mut owned = Set::default();
    for entry in &entries.0 {
        owned.extend(named(&entry.set));
    }
    let all = named(&walk::held(merged, shape));
    let mut gone = all.clone();
    gone.subtract(&named(&walk::held(&walk::remove(merged, &last, shape), shape)));
    gone.subtract(&owned);
    let mut gone_for_good = all;
    gone_for_good.subtract(&named(&walk::held(&walk::remove(merged, &gone, shape), shape)));
    let mut gone = gone_for_good.intersection(&last);
    // It has the name, which is nobody's and never goes.
    gone.forgo(&Element::Field("metadata".to_owned()));
    walk::remove(merged, &gone, shape)
}

/// The conflicts that are left where client-side apply has applied a field before, as it still is: its owner is then the same
/// user, by another way (`managedfields/internal/lastappliedmanager.go`).
fn not_applied_before(found: Vec<Conflict>, live: &Value, shape: &'static Struct) -> Vec<Conflict> {
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or_default();
    let Ok(applied) = serde_json::from_str::<Value>(text) else { return found };
    if applied["apiVersion"] != live["apiVersion"] || crate::body::depth(&applied) > crate::limits::NESTING_MAX {
        return found;
    }
    let Ok(mut set) = walk::declared(&applied, shape, &|_| true) else { return found };
    let comparison = walk::compare(&applied, live, shape, &|_| true);
    set.subtract(&comparison.changed);
    set.subtract(&comparison.removed);
    found.into_iter().filter_map(|conflict| conflict.without(&set)).collect()
}

/// Keeps what client-side apply remembers up to date, where it remembers anything.
fn remember(object: &mut Value, config: &Value) {
    let Some(text) = object.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(LAST_APPLIED)) else {
        return;
    };
    if text.as_str().is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    *text = format!("{config}\n").into();
}

/// 400 for a configuration of another kind or version than the path's.
pub(crate) fn other_type(config: &Value) -> Status {
    let text = |field: &str| config[field].as_str().unwrap_or_default();
    let version = text("apiVersion");
    let slash = if version.contains('/') { "" } else { "/" };
    Status::bad_request(format!("invalid object type: {slash}{version}, Kind={}", text("kind")))
}

/// 400 for a configuration that does not fit its kind, in Kubernetes' words; there the code is 500.
fn untyped(resource: &Resource, config: &Value, why: &str) -> Status {
    let text = |field: &str| config["metadata"][field].as_str().unwrap_or_default();
    Status::bad_request(format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): {why}",
        text("namespace"),
        text("name"),
        resource.api_version(),
        resource.kind,
    ))
}

/// Whether a client wants to forget who owned what.
fn is_reset(sent: &Value) -> bool {
    match sent.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(only)]) => only.is_empty(),
        _ => false,
    }
}

fn put(object: &mut Value, entries: Entries) {
    if entries.0.is_empty() {
        take(object);
    } else {
        set(object, entries.write());
    }
}

fn set(object: &mut Value, entries: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("managedFields".to_owned(), entries);
    }
}

#[cfg(test)]
mod tests;
