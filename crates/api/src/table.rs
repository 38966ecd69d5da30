//! Tables (`meta/v1 Table`), as `get` prints them.

use serde_json::Value;

use crate::resource::Resource;

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
    let _ = (resource, objects, metadata, include, headings, now);
    Value::Null
}

/// A column of a table, as in `meta/v1 TableColumnDefinition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading, such as `Nominated Node`.
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub kind: &'static str,
    /// `name` for the first column, else empty.
    pub format: &'static str,
    /// What the column says.
    pub description: &'static str,
    /// 0 is always shown, 1 only in wide output.
    pub priority: i32,
}

/// The columns of a kind's table, as Kubernetes 1.36 has them (PetSet: as 1.3 had them).
pub fn columns(kind: &str) -> &'static [Column] {
    let _ = kind;
    &[]
}

/// The cells of one row, in the order of [`columns`]. `now` is in seconds since the epoch.
pub fn cells(kind: &str, object: &Value, now: i64) -> Vec<Value> {
    let _ = (kind, object, now);
    Vec::new()
}

/// A duration as Kubernetes prints ages: `37s`, `2m5s`, `10m`, `3h4m`, `2d`.
pub fn age(seconds: i64) -> String {
    seconds.to_string()
}
