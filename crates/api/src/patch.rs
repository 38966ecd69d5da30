//! The three patches: JSON patch (RFC 6902), JSON merge patch (RFC 7386), Kubernetes' strategic merge patch.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::{body::type_name, status::Status};

mod strategic;

/// The most operations that one JSON patch may have, as in Kubernetes: each may copy the whole object.
pub const JSON_OPERATIONS_MAX: usize = 10_000;

/// The most octets that the `copy` operations of one JSON patch may add, as in Kubernetes: a few that copy a map into
/// itself would otherwise fill the memory.
pub const COPIED_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Which patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
}

/// The object with the patch applied. `kind` is the object's kind, for the merge keys of its lists.
///
/// Errors: 400 for a body that is not such a patch, 413 for more than [`JSON_OPERATIONS_MAX`] operations, 422 `Invalid`
/// for a JSON patch that does not apply.
pub fn apply(patch: Kind, kind: &str, object: &Value, body: &[u8]) -> Result<Value, Status> {
    let mut object = object.clone();
    match patch {
        Kind::Json => operate(&mut object, &operations(body)?)?,
        Kind::Merge => {
            let patch = map(body).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
            json_patch::merge(&mut object, &patch);
        }
        Kind::Strategic => {
            let patch = map(body).map_err(Status::bad_request)?;
            object = strategic::merge(kind, object, patch).map_err(Status::bad_request)?;
        }
    }
    Ok(object)
}

fn operate(object: &mut Value, operations: &[PatchOperation]) -> Result<(), Status> {
    let mut copied_bytes = 0;
    for operation in operations {
        if let PatchOperation::Copy(copy) = operation {
            copied_bytes += object.pointer(copy.from.as_str()).map_or(0, |value| value.to_string().len());
            if copied_bytes > COPIED_BYTES_MAX {
                return Err(Status::patch_not_applicable());
            }
        }
        // Nobody sees the half-patched object of a patch that fails.
        json_patch::patch_unsafe(object, std::slice::from_ref(operation))
            .map_err(|_| Status::patch_not_applicable())?;
    }
    Ok(())
}

fn operations(body: &[u8]) -> Result<Vec<PatchOperation>, Status> {
    let decoding = |error: String| Status::bad_request(format!("error decoding patch: {error}"));
    let items = match read(body).map_err(decoding)? {
        Value::Array(items) => items,
        other => return Err(decoding(mismatch(&other, "jsonpatch.Patch"))),
    };
    if items.len() > JSON_OPERATIONS_MAX {
        return Err(too_many(items.len()));
    }
    if let Some(other) = items.iter().find(|item| !item.is_object()) {
        return Err(decoding(mismatch(other, "jsonpatch.Operation")));
    }
    // Kubernetes looks into an operation only when it comes to apply it.
    items.into_iter().map(|item| serde_json::from_value(item).map_err(|_| Status::patch_not_applicable())).collect()
}

fn map(body: &[u8]) -> Result<Value, String> {
    match read(body)? {
        map @ Value::Object(_) => Ok(map),
        other => Err(mismatch(&other, "map[string]interface {}")),
    }
}

fn read(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn mismatch(value: &Value, wanted: &str) -> String {
    format!("json: cannot unmarshal {} into Go value of type {wanted}", type_name(value))
}

fn too_many(count: usize) -> Status {
    let message = format!("The allowed maximum operations in a JSON patch is {JSON_OPERATIONS_MAX}, got {count}");
    Status { code: 413, reason: "RequestEntityTooLarge", message, details: Value::Null }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({"metadata": {"name": "web", "labels": {"a": "1"}}, "spec": {"replicas": 2, "list": [1, 2]}})
    }

    fn patched(patch: Kind, body: &Value) -> Result<Value, Status> {
        apply(patch, "PetSet", &object(), body.to_string().as_bytes())
    }

    #[test]
    fn a_json_patch_runs_its_operations_in_order() {
        let body = json!([
            {"op": "test", "path": "/spec/replicas", "value": 2},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "add", "path": "/metadata/labels/b", "value": "2"},
            {"op": "remove", "path": "/spec/list/0"},
        ]);
        let want =
            json!({"metadata": {"name": "web", "labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 3, "list": [2]}});
        assert_eq!(patched(Kind::Json, &body), Ok(want));
    }

    #[test]
    fn a_json_patch_that_does_not_apply_is_invalid() {
        for body in [
            json!([{"op": "test", "path": "/spec/replicas", "value": 7}]),
            json!([{"op": "remove", "path": "/spec/none"}]),
            json!([{"op": "replace", "path": "/none/none", "value": 1}]),
            json!([{"op": "turn", "path": "/spec"}]),
            json!([{"path": "/spec"}]),
        ] {
            assert_eq!(patched(Kind::Json, &body), Err(Status::patch_not_applicable()), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_patch_is_a_bad_request() {
        let of = "json: cannot unmarshal";
        let map = "into Go value of type map[string]interface {}";
        let table = [
            (Kind::Json, json!({}), format!("error decoding patch: {of} object into Go value of type jsonpatch.Patch")),
            (
                Kind::Json,
                json!([1]),
                format!("error decoding patch: {of} number into Go value of type jsonpatch.Operation"),
            ),
            (Kind::Merge, json!([]), format!("error decoding patch: {of} array {map}")),
            (Kind::Strategic, json!("x"), format!("{of} string {map}")),
        ];
        for (kind, body, message) in table {
            assert_eq!(patched(kind, &body), Err(Status::bad_request(message)), "{body}");
        }
        let status = apply(Kind::Merge, "PetSet", &object(), b"{").unwrap_err();
        assert_eq!((status.code, status.reason), (400, "BadRequest"));
    }

    #[test]
    fn too_many_operations_are_too_large() {
        let body = Value::Array(vec![json!({"op": "test", "path": "", "value": 1}); JSON_OPERATIONS_MAX + 1]);
        let message = "The allowed maximum operations in a JSON patch is 10000, got 10001".to_owned();
        let status = Status { code: 413, reason: "RequestEntityTooLarge", message, details: Value::Null };
        assert_eq!(patched(Kind::Json, &body), Err(status));
    }

    #[test]
    fn copies_cannot_fill_the_memory() {
        let copy = |to: usize| json!({"op": "copy", "from": "/spec", "path": format!("/spec/{to}")});
        let few = Value::Array((0..4).map(copy).collect());
        assert!(patched(Kind::Json, &few).is_ok());
        let many = Value::Array((0..60).map(copy).collect());
        assert_eq!(patched(Kind::Json, &many), Err(Status::patch_not_applicable()));
    }

    #[test]
    fn a_merge_patch_replaces_lists_and_removes_nulls() {
        let body = json!({"metadata": {"labels": {"a": null}}, "spec": {"list": [3]}});
        let want = json!({"metadata": {"name": "web", "labels": {}}, "spec": {"replicas": 2, "list": [3]}});
        assert_eq!(patched(Kind::Merge, &body), Ok(want));
    }

    #[test]
    fn a_strategic_patch_may_just_scale() {
        let mut want = object();
        want["spec"]["replicas"] = json!(3);
        assert_eq!(patched(Kind::Strategic, &json!({"spec": {"replicas": 3}})), Ok(want));
    }
}
