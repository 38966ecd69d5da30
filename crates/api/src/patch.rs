//! The three patches: JSON patch (RFC 6902), JSON merge patch (RFC 7386), Kubernetes' strategic merge patch.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::{
    body::{self, type_name},
    limits::{JSON_OPERATIONS_MAX, NESTING_MAX, PATCH_COPIED_BYTES_MAX},
    status::Status,
};

mod strategic;

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

/// The object with the patch applied, and the paths of fields that are twice in the patch, of which the last counts. `kind` is the object's kind, for the merge keys of its lists.
///
/// Errors: 400 for a body that is not such a patch or that nests too deep, 413 for more than [`JSON_OPERATIONS_MAX`]
/// operations, 422 `Invalid` for a JSON patch that does not apply.
pub fn apply(patch: Kind, kind: &str, object: &Value, body: &[u8]) -> Result<(Value, Vec<String>), Status> {
    let mut object = object.clone();
    let duplicates = match patch {
        Kind::Json => {
            let (operations, duplicates) = operations(body)?;
            operate(&mut object, &operations)?;
            duplicates
        }
        Kind::Merge => {
            let patch = map(body).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
            json_patch::merge(&mut object, &patch.0);
            patch.1
        }
        Kind::Strategic => {
            let (patch, duplicates) = map(body).map_err(Status::bad_request)?;
            object = strategic::merge(kind, object, patch).map_err(Status::bad_request)?;
            duplicates
        }
    };
    Ok((object, duplicates))
}

fn operate(object: &mut Value, operations: &[PatchOperation]) -> Result<(), Status> {
    let mut copied_bytes = 0;
    for operation in operations {
        if let PatchOperation::Copy(copy) = operation {
            copied_bytes += object.pointer(copy.from.as_str()).map_or(0, |value| value.to_string().len());
            if copied_bytes > PATCH_COPIED_BYTES_MAX {
                return Err(Status::patch_not_applicable());
            }
        }
        if !stays_shallow(object, operation) {
            return Err(Status::bad_request(format!(
                "error applying patch: the operation on {:?} would nest the object deeper than {NESTING_MAX} levels",
                operation.path().as_str()
            )));
        }
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && is_absent(object, test.path.as_str())
        {
            continue;
        }
        // Nobody sees the half-patched object of a patch that fails.
        json_patch::patch_unsafe(object, std::slice::from_ref(operation))
            .map_err(|_| Status::patch_not_applicable())?;
    }
    Ok(())
}

/// Whether a map that is there lacks this field. To Kubernetes such a field is null, and controllers test for that before they
/// add their finalizer as the first; RFC 6902 would have the test fail.
fn is_absent(object: &Value, path: &str) -> bool {
    let Some((above, _)) = path.rsplit_once('/') else { return false };
    object.pointer(above).is_some_and(Value::is_object) && object.pointer(path).is_none()
}

/// Whether the object nests no deeper than a body may once this is done. A few operations that copy or move a value into
/// its own depth would otherwise nest it deeper than recursion over it can bear.
fn stays_shallow(object: &Value, operation: &PatchOperation) -> bool {
    let added = match operation {
        PatchOperation::Add(add) => Some(&add.value),
        PatchOperation::Replace(replace) => Some(&replace.value),
        PatchOperation::Copy(copy) => object.pointer(copy.from.as_str()),
        PatchOperation::Move(from) => object.pointer(from.from.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return true,
    };
    let above = operation.path().as_str().bytes().filter(|byte| *byte == b'/').count();
    above + added.map_or(0, body::depth) <= NESTING_MAX
}

fn operations(body: &[u8]) -> Result<(Vec<PatchOperation>, Vec<String>), Status> {
    let decoding = |error: String| Status::bad_request(format!("error decoding patch: {error}"));
    let (items, duplicates) = match body::read_patch(body).map_err(decoding)? {
        (Value::Array(items), duplicates) => (items, duplicates),
        (other, _) => return Err(decoding(mismatch(&other, "jsonpatch.Patch"))),
    };
    if items.len() > JSON_OPERATIONS_MAX {
        return Err(too_many(items.len()));
    }
    if let Some(other) = items.iter().find(|item| !item.is_object()) {
        return Err(decoding(mismatch(other, "jsonpatch.Operation")));
    }
    // Kubernetes looks into an operation only when it comes to apply it.
    let operations = items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
    Ok((operations.map_err(|_| Status::patch_not_applicable())?, duplicates))
}

fn map(body: &[u8]) -> Result<(Value, Vec<String>), String> {
    match body::read_patch(body)? {
        (map @ Value::Object(_), duplicates) => Ok((map, duplicates)),
        (other, _) => Err(mismatch(&other, "map[string]interface {}")),
    }
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
        apply(patch, "PetSet", &object(), body.to_string().as_bytes()).map(|(object, _)| object)
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
    fn a_field_that_is_absent_is_null_to_a_json_patch() {
        let add = json!({"op": "add", "path": "/metadata/finalizers", "value": ["example.com/f"]});
        let first = json!([{"op": "test", "path": "/metadata/finalizers", "value": null}, add]);
        let patched_once = patched(Kind::Json, &first).unwrap();
        assert_eq!(patched_once["metadata"]["finalizers"], json!(["example.com/f"]));
        let again = apply(Kind::Json, "PetSet", &patched_once, first.to_string().as_bytes());
        assert_eq!(again, Err(Status::patch_not_applicable()));
    }

    #[test]
    fn a_json_patch_that_does_not_apply_is_invalid() {
        for body in [
            json!([{"op": "test", "path": "/none/none", "value": null}]),
            json!([{"op": "test", "path": "/spec/list/2", "value": null}]),
            json!([{"op": "test", "path": "/spec/replicas", "value": null}]),
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
    fn a_patch_cannot_nest_an_object_deeper_than_a_body_may() {
        let deeper = |levels: usize| {
            let copy = |level: usize| json!({"op": "copy", "from": "/metadata", "path": format!("/metadata{}", "/labels".repeat(1 << level))});
            Value::Array((0..levels).map(copy).collect())
        };
        assert!(patched(Kind::Json, &deeper(4)).is_ok());
        let message = format!(
            "error applying patch: the operation on {:?} would nest the object deeper than 64 levels",
            format!("/metadata{}", "/labels".repeat(32))
        );
        assert_eq!(patched(Kind::Json, &deeper(20)), Err(Status::bad_request(message)));
        let deep = format!("{}{}", r#"{"a":"#.repeat(65), "}".repeat(65));
        for kind in [Kind::Merge, Kind::Strategic] {
            let status = apply(kind, "PetSet", &object(), deep.replace(":}", ":{}}").as_bytes()).unwrap_err();
            assert_eq!(status.code, 400);
            assert!(status.message.ends_with("exceeded max depth"), "{status}");
        }
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
