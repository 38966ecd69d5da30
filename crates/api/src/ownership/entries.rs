//! `metadata.managedFields`: who owns which fields of an object.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{fields, set::Set};
use crate::{
    limits::{MANAGER_BYTES_MAX, SUBRESOURCE_BYTES_MAX, UPDATE_MANAGERS_MAX},
    status::Cause,
};

/// The manager of the oldest changes, where there are too many to keep apart.
const ANCIENT: &str = "ancient-changes";

/// How a manager came to its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// It applied a configuration, which says what it wants: what it no longer says goes.
    Apply,
    /// It wrote them otherwise.
    Update,
}

/// Who owns fields. Of somebody who applies the version does not matter, for the next configuration may be in another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    /// Empty for the object itself.
    pub(super) subresource: String,
}

/// A manager and what it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) manager: Manager,
    /// When it last changed anything, in RFC 3339 to the second; `None` where that is not told.
    pub(super) time: Option<String>,
    pub(super) set: Set,
}

/// Who owns what of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries(pub(super) Vec<Entry>);

impl Manager {
    /// Whether both are the same.
    fn is(&self, other: &Manager) -> bool {
        self.name == other.name
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }
}

impl Entries {
    /// Reads `managedFields`. Entries of versions in which the kind is not served are left out.
    ///
    /// Errors: every cause why an entry is none.
    pub(super) fn read(value: &Value, api_version: &str) -> Result<Entries, Vec<Cause>> {
        let mut entries = Entries::default();
        let mut causes = Vec::new();
        for (place, value) in value.as_array().into_iter().flatten().enumerate() {
            match Entry::read(value, &format!("metadata.managedFields[{place}]")) {
                Ok(entry) if entry.manager.api_version == api_version => entries.put(entry),
                Ok(_) => {}
                Err(cause) => causes.push(cause),
            }
        }
        if causes.is_empty() { Ok(entries) } else { Err(causes) }
    }

    /// Reads what is stored, which was written here.
    pub(super) fn stored(object: &Value, api_version: &str) -> Entries {
        Entries::read(&object["metadata"]["managedFields"], api_version).unwrap_or_default()
    }

    pub(super) fn get(&self, manager: &Manager) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.manager.is(manager))
    }

    /// Puts an entry in the place of the manager's own, if there is one.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|known| known.manager.is(&entry.manager)) {
            Some(known) => *known = entry,
            None => self.0.push(entry),
        }
    }

    /// Takes fields from everybody whom this is said of.
    pub(super) fn take(&mut self, set: &Set, from: impl Fn(&Manager) -> bool) {
        if set.is_empty() {
            return;
        }
        self.0.retain_mut(|entry| {
            if from(&entry.manager) {
                entry.set.subtract(set);
            }
            !entry.set.is_empty()
        });
    }

    /// Gives fields to a manager, beside those that it has.
    pub(super) fn give(&mut self, manager: Manager, set: Set, now: &str) {
        if set.is_empty() {
            return;
        }
        let time = Some(now.to_owned());
        match self.0.iter_mut().find(|entry| entry.manager.is(&manager)) {
            Some(entry) => {
                entry.set.extend(set);
                entry.time = time;
            }
            None => self.0.push(Entry { manager, time, set }),
        }
    }

    /// Puts the oldest of too many changes together, as Kubernetes' `capmanagers.go`.
    pub(super) fn cap(&mut self) {
        let is_update = |entry: &Entry| entry.manager.operation == Operation::Update;
        let mut surplus = self.0.iter().filter(|entry| is_update(entry)).count().saturating_sub(UPDATE_MANAGERS_MAX);
        if surplus == 0 {
            return;
        }
        let (mut updates, others): (Vec<Entry>, Vec<Entry>) = self.0.drain(..).partition(is_update);
        self.0 = others;
        updates.sort_by(|one, other| (&one.time, &one.manager).cmp(&(&other.time, &other.manager)));
        let mut updates = updates.into_iter();
        if let Some(mut ancient) = updates.next() {
            // Two become one: the first of them takes a place of its own until the second comes.
            while surplus > 0 {
                let Some(next) = updates.next() else { break };
                ancient.manager = Manager { name: ANCIENT.to_owned(), subresource: String::new(), ..ancient.manager };
                ancient.set.extend(next.set);
                ancient.time = next.time;
                surplus -= 1;
            }
            self.0.push(ancient);
        }
        for entry in updates {
            match self.0.iter_mut().find(|known| known.manager.is(&entry.manager)) {
                Some(known) => known.set.extend(entry.set),
                None => self.0.push(entry),
            }
        }
    }

    /// As `managedFields`, in Kubernetes' order.
    pub(super) fn write(mut self) -> Value {
        self.0.sort_by(|one, other| {
            let order = |entry: &Entry| (entry.manager.operation, entry.time.clone());
            order(one).cmp(&order(other)).then_with(|| one.manager.cmp(&other.manager))
        });
        self.0.iter().map(Entry::write).collect()
    }
}

impl Entry {
    /// Errors: what is wrong with the entry at this path (`apimachinery/pkg/apis/meta/v1/validation`).
    fn read(value: &Value, path: &str) -> Result<Entry, Cause> {
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let invalid = |field: &str, value: Value, why: &str| Cause::invalid(format!("{path}.{field}"), value, why);
        if !value.is_object() {
            return Err(Cause::type_invalid(path, value.clone(), "must be an object"));
        }
        let operation = match value["operation"].as_str() {
            Some("Apply") => Operation::Apply,
            Some("Update") => Operation::Update,
            other => return Err(invalid("operation", other.unwrap_or_default().into(), "must be `Apply` or `Update`")),
        };
        if text("fieldsType") != "FieldsV1" {
            return Err(invalid("fieldsType", text("fieldsType").into(), "must be `FieldsV1`"));
        }
        if text("apiVersion").is_empty() {
            return Err(invalid("apiVersion", "".into(), "must not be empty"));
        }
        if let Some(cause) = manager_problem(&format!("{path}.manager"), &text("manager")) {
            return Err(cause);
        }
        if text("subresource").len() > SUBRESOURCE_BYTES_MAX {
            return Err(Cause::too_long(format!("{path}.subresource"), SUBRESOURCE_BYTES_MAX));
        }
        let time = match &value["time"] {
            Value::Null => None,
            time => match time.as_str().and_then(|time| time.parse::<Timestamp>().ok()) {
                Some(time) => Some(seconds(time)),
                None => return Err(invalid("time", time.clone(), "must be a time as in RFC 3339")),
            },
        };
        let set = fields::read(&value["fieldsV1"]).map_err(|why| {
            invalid("fieldsV1", value["fieldsV1"].clone(), &format!("must be names of fields: {why}"))
        })?;
        let manager = Manager {
            name: text("manager"),
            operation,
            api_version: text("apiVersion"),
            subresource: text("subresource"),
        };
        Ok(Entry { manager, time, set })
    }

    fn write(&self) -> Value {
        let operation = match self.manager.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        let mut entry = Map::new();
        entry.insert("apiVersion".to_owned(), self.manager.api_version.clone().into());
        entry.insert("fieldsType".to_owned(), "FieldsV1".into());
        entry.insert("fieldsV1".to_owned(), fields::write(&self.set));
        entry.insert("operation".to_owned(), operation.into());
        for (field, value) in [("manager", &self.manager.name), ("subresource", &self.manager.subresource)] {
            if !value.is_empty() {
                entry.insert(field.to_owned(), json!(value));
            }
        }
        if let Some(time) = &self.time {
            entry.insert("time".to_owned(), json!(time));
        }
        Value::Object(entry)
    }
}

/// Why a text is no name of a manager, if it is none.
pub(super) fn manager_problem(path: &str, name: &str) -> Option<Cause> {
    if name.len() > MANAGER_BYTES_MAX {
        return Some(Cause::too_long(path, MANAGER_BYTES_MAX));
    }
    let (place, strange) = name.char_indices().find(|(_, letter)| letter.is_control())?;
    let why = format!("invalid character U+{:04X} (at position {place})", u32::from(strange));
    Some(Cause::invalid(path, name, &why))
}

/// RFC 3339 in whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
