//! Discovery documents and OpenAPI, made from the registry.

use serde_json::Value;

/// `GET /api` and `GET /apis` as `APIGroupDiscoveryList` (`apidiscovery.k8s.io/v2`); `core` chooses which.
pub fn aggregated(core: bool) -> Value {
    let _ = core;
    Value::Null
}

/// `GET /api` as `APIVersions`.
pub fn core_versions() -> Value {
    Value::Null
}

/// `GET /apis` as `APIGroupList`.
pub fn groups() -> Value {
    Value::Null
}

/// `GET /apis/{group}` as `APIGroup`.
pub fn group(group: &str) -> Option<Value> {
    let _ = group;
    None
}

/// `GET /api/v1` or `GET /apis/{group}/{version}` as `APIResourceList`.
pub fn resources(group: &str, version: &str) -> Option<Value> {
    let _ = (group, version);
    None
}

/// `GET /openapi/v3`: the index.
pub fn openapi_index() -> Value {
    Value::Null
}

/// `GET /openapi/v3/{path}`: one group version (`api/v1`, `apis/apps/v1alpha1`).
pub fn openapi(path: &str) -> Option<Value> {
    let _ = path;
    None
}
