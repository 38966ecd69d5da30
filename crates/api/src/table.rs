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
