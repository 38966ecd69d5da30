//! Tables (`meta/v1 Table`), as `get` prints them.
//!
//! Each kind has a [`Printer`]: its columns and, beside them, how an object fills them. Clients upper-case the headings,
//! hide the wide columns until asked, and add namespace and labels from the row's object.

use serde_json::{Value, json};

use crate::resource::Resource;

mod access;
mod cluster;
mod config;
mod network;
mod pods;
mod sets;
mod storage;
mod usage;

/// What of each object goes into its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// Its metadata (the default).
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// A `Table` of these objects. `metadata` is the list's (`resourceVersion`, `continue`). `now` is in seconds since the
/// epoch; `headings` is false for the later events of a watch.
pub fn render(
    resource: &Resource,
    objects: &[&Value],
    metadata: Value,
    include: Include,
    headings: bool,
    now: i64,
) -> Value {
    render_kind(resource.kind, objects, metadata, include, headings, now)
}

/// As [`render`], for objects that are no resource of their own: `Scale`.
pub fn render_kind(
    kind: &str,
    objects: &[&Value],
    metadata: Value,
    include: Include,
    headings: bool,
    now: i64,
) -> Value {
    let printer = printer(kind);
    let rows = objects.iter().map(|object| {
        let object_in_row = match include {
            Include::None => Value::Null,
            Include::Metadata => json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            }),
            Include::Object => (*object).clone(),
        };
        json!({"cells": (printer.cells)(object, now), "object": object_in_row})
    });
    let columns = headings.then(|| printer.columns.iter().map(Column::definition).collect::<Vec<_>>());
    let rows: Vec<Value> = rows.collect();
    let mut table =
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows});
    table["metadata"] = metadata;
    table
}

/// A column of a table, as in `meta/v1 TableColumnDefinition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading, such as `Nominated Node`.
    pub name: &'static str,
    /// `string`, `integer`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the first column, else empty.
    pub format: &'static str,
    /// What the column says.
    pub description: &'static str,
    /// 0 is always shown, 1 only in wide output.
    pub priority: i32,
}

impl Column {
    const fn new(name: &'static str, description: &'static str) -> Column {
        Column { name, kind: "string", format: "", description, priority: 0 }
    }

    const fn integer(self) -> Column {
        Column { kind: "integer", ..self }
    }

    const fn boolean(self) -> Column {
        Column { kind: "boolean", ..self }
    }

    const fn wide(self) -> Column {
        Column { priority: 1, ..self }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        })
    }
}

/// The object's name.
const NAME: Column = Column { format: "name", ..Column::new("Name", "The name of the object.") };
/// Time since creation.
const AGE: Column = Column::new("Age", "The time since the object was created.");

/// How one kind is printed.
struct Printer {
    columns: &'static [Column],
    /// The cells of an object, one per column. The time is in seconds since the epoch.
    cells: fn(&Value, i64) -> Vec<Value>,
}

fn printer(kind: &str) -> &'static Printer {
    match kind {
        "Pod" => &pods::POD,
        "PetSet" => &sets::PET_SET,
        "StatefulSet" => &sets::STATEFUL_SET,
        "ControllerRevision" => &sets::REVISION,
        "Scale" => &sets::SCALE,
        "PodDisruptionBudget" => &sets::BUDGET,
        "Service" => &network::SERVICE,
        "Endpoints" => &network::ENDPOINTS,
        "EndpointSlice" => &network::SLICE,
        "PersistentVolumeClaim" => &storage::CLAIM,
        "PersistentVolume" => &storage::VOLUME,
        "StorageClass" => &storage::CLASS,
        "Namespace" => &cluster::NAMESPACE,
        "Node" => &cluster::NODE,
        "Event" => &cluster::EVENT,
        "NodeMetrics" | "PodMetrics" => &usage::USAGE,
        "ConfigMap" => &config::CONFIG_MAP,
        "Secret" => &config::SECRET,
        "PodTemplate" => &config::POD_TEMPLATE,
        "ResourceQuota" => &config::QUOTA,
        "Lease" => &config::LEASE,
        "PriorityClass" => &config::PRIORITY_CLASS,
        "NetworkPolicy" => &network::POLICY,
        "RoleBinding" | "ClusterRoleBinding" => &access::BINDING,
        "Role" | "ClusterRole" | "LimitRange" => &DATED,
        _ => &OTHER,
    }
}

/// Any kind without columns of its own.
static OTHER: Printer = Printer { columns: &[NAME, AGE], cells: |object, now| vec![name(object), age_of(object, now)] };

/// Kinds for which Kubernetes tells the moment instead of the age.
static DATED: Printer = Printer {
    columns: &[NAME, Column { kind: "date", ..Column::new("Created At", "When the object was created.") }],
    cells: |object, _| vec![name(object), text(&object["metadata"]["creationTimestamp"]).into()],
};

/// The columns of a kind's table, as Kubernetes 1.36 has them (PetSet: as 1.3 had them).
pub fn columns(kind: &str) -> &'static [Column] {
    printer(kind).columns
}

/// The cells of one row, in the order of [`columns`]. `now` is in seconds since the epoch.
pub fn cells(kind: &str, object: &Value, now: i64) -> Vec<Value> {
    (printer(kind).cells)(object, now)
}

/// A duration as Kubernetes prints ages: `37s`, `2m5s`, `10m`, `3h4m`, `2d`.
///
/// The rule is that of `apimachinery/pkg/util/duration`; a clock that is two seconds or more ahead gives `<invalid>`.
pub fn age(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two_units(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two_units(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => two_units(days, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{days}d"),
        () if hours < 24 * 365 * 8 => two_units(years, "y", days % 365, "d"),
        () => format!("{years}y"),
    }
}

fn two_units(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit}{small}{small_unit}") }
}

/// The time since a moment that the object tells, or `<unknown>`.
fn since(moment: &Value, now: i64) -> String {
    seconds(moment).map_or_else(|| "<unknown>".to_owned(), |then| age(now - then))
}

fn seconds(moment: &Value) -> Option<i64> {
    moment.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].as_str().unwrap_or_default().into()
}

fn age_of(object: &Value, now: i64) -> Value {
    since(&object["metadata"]["creationTimestamp"], now).into()
}

/// A text, empty where it is missing.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text, or another where it is missing or empty.
fn text_or<'a>(value: &'a Value, missing: &'a str) -> &'a str {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or(missing)
}

/// The items of a list, none where it is missing.
fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Texts joined by commas, or another text where there are none.
fn joined<'a>(texts: impl IntoIterator<Item = &'a str>, missing: &str) -> String {
    let texts: Vec<_> = texts.into_iter().collect();
    if texts.is_empty() { missing.to_owned() } else { texts.join(",") }
}

/// The phase of a claim, a volume or such, `Terminating` once it is being deleted.
fn phase(object: &Value) -> &str {
    if object["metadata"]["deletionTimestamp"].is_null() { text(&object["status"]["phase"]) } else { "Terminating" }
}

#[cfg(test)]
mod tests;
