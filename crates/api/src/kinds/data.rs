//! What ConfigMaps and Secrets have in common: values by key, which may be settled for good.

use serde_json::Value;

use crate::kinds::names::{self, invalid};
use crate::limits::DATA_BYTES_MAX;
use crate::status::Cause;

/// All that is wrong with the keys in a field.
pub(crate) fn validate_keys<'a>(keys: impl IntoIterator<Item = &'a String>, field: &str, wrong: &mut Vec<Cause>) {
    for key in keys {
        invalid(wrong, &format!("{field}[{key}]"), key, names::config_key(key));
    }
}

/// What is wrong with so many octets of values; `field` is whom Kubernetes blames.
pub(crate) fn validate_size(bytes: usize, field: &str, wrong: &mut Vec<Cause>) {
    if bytes > DATA_BYTES_MAX {
        wrong.push(Cause::too_long(field, DATA_BYTES_MAX));
    }
}

/// All that is wrong with a change of an object that was settled: `fields` are those that `immutable` settles.
pub(crate) fn validate_settled(object: &Value, old: &Value, fields: &[&str], wrong: &mut Vec<Cause>) {
    if old["immutable"] != true {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    if object["immutable"] != true {
        wrong.push(Cause::forbidden("immutable", why));
    }
    for field in fields {
        if object.get(*field) != old.get(*field) {
            wrong.push(Cause::forbidden(*field, why));
        }
    }
}
