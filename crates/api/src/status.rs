//! Refusals, in Kubernetes' own words.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::limits::{CAUSES_MAX, PATCH_QUOTE_BYTES};
use crate::ownership::Conflict;
use crate::resource::Resource;
use crate::unserved::Unserved;

/// A refusal as clients receive it: Kubernetes' `meta/v1 Status`.
///
/// Constructors are named after the `StatusReason` that they carry and produce the exact message that
/// Kubernetes 1.36 gives, so that scripts that match on text go on working.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status code, also `code` in the body.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`; empty where Kubernetes leaves it out.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
    /// `details`: `name`, `group`, `kind`, `uid`, `causes`, `retryAfterSeconds`; `Null` when absent.
    pub details: Value,
}

/// One reason why a field was refused: `details.causes[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, `FieldValueForbidden`, ….
    pub reason: &'static str,
    /// What is wrong, with the value: `Invalid value: "Bad_Name": a lowercase RFC 1123 …`.
    pub message: String,
    /// The path of the field: `spec.template.spec.containers[0].name`.
    pub field: String,
}

impl Status {
    /// The body of the answer.
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("kind".into(), "Status".into());
        body.insert("apiVersion".into(), "v1".into());
        body.insert("metadata".into(), json!({}));
        body.insert("status".into(), "Failure".into());
        body.insert("message".into(), self.message.clone().into());
        if !self.reason.is_empty() {
            body.insert("reason".into(), self.reason.into());
        }
        if !self.details.is_null() {
            body.insert("details".into(), self.details.clone());
        }
        body.insert("code".into(), self.code.into());
        Value::Object(body)
    }

    /// The body that answers a deletion that is done: a `Status` that says success.
    pub fn success(resource: &Resource, name: &str, uid: &str) -> Value {
        let mut details = named(resource.group, resource.plural, name);
        details.insert("uid".into(), uid.into());
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
    }

    /// 404: there is no such object.
    pub fn not_found(resource: &Resource, name: &str) -> Status {
        let message = format!("{} {} not found", resource.qualified(), quoted(name));
        Status::about(resource, name, 404, "NotFound", message)
    }

    /// 404: there is nothing of this name of which is known what it uses. In the words of metrics-server, which names it by
    /// kind, and by namespace and name.
    pub fn not_measured(resource: &Resource, namespace: &str, name: &str) -> Status {
        let kind = resource.kind.to_ascii_lowercase();
        let name = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        let message = format!("{kind}.{} {} not found", resource.group, quoted(&name));
        Status::new(404, "NotFound", message, Value::Object(named(resource.group, &kind, &name)))
    }

    /// 404: the path is under a known prefix and names nothing that is served.
    pub fn not_served() -> Status {
        Status::new(404, "NotFound", "the server could not find the requested resource", json!({}))
    }

    /// 404: the path names a kind that is left out on purpose.
    pub fn unserved(kind: &Unserved) -> Status {
        let dot = if kind.group.is_empty() { "" } else { "." };
        let message = format!("petset does not serve {}{dot}{}: {}", kind.plural, kind.group, kind.instead);
        Status::new(404, "NotFound", message, Value::Object(named(kind.group, kind.plural, "")))
    }

    /// 409: an object of this name exists.
    pub fn already_exists(resource: &Resource, name: &str) -> Status {
        let message = format!("{} {} already exists", resource.qualified(), quoted(name));
        Status::about(resource, name, 409, "AlreadyExists", message)
    }

    /// 409: there is a token of this name.
    pub fn token_exists(name: &str) -> Status {
        let message = format!("tokens {} already exists; revoke it first: petctl token revoke {name}", quoted(name));
        Status::new(409, "AlreadyExists", message, Value::Object(named("", "tokens", name)))
    }

    /// 404: there is no token of this name.
    pub fn no_token(name: &str) -> Status {
        let message = format!("tokens {} not found", quoted(name));
        Status::new(404, "NotFound", message, Value::Object(named("", "tokens", name)))
    }

    /// 403: there are as many tokens as there may be.
    pub fn too_many_tokens(name: &str, tokens_max: usize) -> Status {
        let why = format!("this instance has no more than {tokens_max} of them; revoke some: petctl token revoke NAME");
        let message = format!("tokens {} is forbidden: {why}", quoted(name));
        Status::new(403, "Forbidden", message, Value::Object(named("", "tokens", name)))
    }

    /// 409: the write was made on an older version of the object.
    pub fn conflict(resource: &Resource, name: &str) -> Status {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Status::unfulfilled(resource, &resource.qualified(), name, why)
    }

    /// 409: the update names the uid of another object.
    pub fn conflict_uid(resource: &Resource, name: &str, given: &str, actual: &str) -> Status {
        let why = format!("Precondition failed: UID in precondition: {given}, UID in object meta: {actual}");
        Status::unfulfilled(resource, &resource.qualified(), name, &why)
    }

    /// 409: somebody else owns what an applied configuration would change. There is at least one conflict.
    pub(crate) fn apply_conflict(conflicts: &[Conflict]) -> Status {
        let mut causes = Vec::new();
        let mut lines = Vec::new();
        for conflict in conflicts {
            let manager = conflict.manager();
            lines.push(format!("conflicts with {manager}:"));
            for path in conflict.paths() {
                lines.push(format!("- {path}"));
                let message = format!("conflict with {manager}");
                causes.push(Cause { reason: "FieldManagerConflict", message, field: path });
            }
        }
        let message = match &causes[..] {
            [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
            _ => format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n")),
        };
        let causes: Vec<Value> = causes.iter().take(CAUSES_MAX).map(Cause::to_json).collect();
        Status::new(409, "Conflict", message, json!({"causes": causes}))
    }

    /// 409: an applied configuration is for the object with a certain uid, and there is no object.
    pub fn apply_to_nothing(resource: &Resource, name: &str, uid: &str) -> Status {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        Status::unfulfilled(resource, &resource.qualified(), name, &why)
    }

    /// 409: a deletion asks for the uid of another object.
    pub fn delete_conflict_uid(resource: &Resource, name: &str, given: &str, actual: &str) -> Status {
        let why = format!(
            "the UID in the precondition ({given}) does not match the UID in record ({actual}). \
             The object might have been deleted and then recreated"
        );
        Status::unfulfilled(resource, resource.kind, name, &why)
    }

    /// 409: a deletion asks for another version of the object.
    pub fn delete_conflict_version(resource: &Resource, name: &str, given: &str, actual: &str) -> Status {
        let why = format!(
            "the ResourceVersion in the precondition ({given}) does not match the ResourceVersion in record ({actual}). \
             The object might have been modified"
        );
        Status::unfulfilled(resource, resource.kind, name, &why)
    }

    /// 409: a token is to be bound to the uid of another object.
    pub fn conflict_bound(resource: &Resource, name: &str, given: &str) -> Status {
        let why = format!(
            "the UID in the bound object reference ({given}) does not match the UID in record. \
             The object might have been deleted and then recreated"
        );
        Status::unfulfilled(resource, &resource.qualified(), name, &why)
    }

    /// 422: fields that are not as they must be, all at once; the first [`CAUSES_MAX`] are named.
    pub fn invalid(kind: &str, group: &str, name: &str, causes: &[Cause]) -> Status {
        let kind_qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let (causes, rest) = causes.split_at(causes.len().min(CAUSES_MAX));
        let mut sentence = Cause::sentence(causes);
        if !rest.is_empty() {
            let _ = write!(sentence, " and {} more", rest.len());
        }
        let message = format!("{kind_qualified} {} is invalid: {sentence}", quoted(name));
        let mut details = named(group, kind, name);
        details.insert("causes".into(), causes.iter().map(Cause::to_json).collect());
        Status::new(422, "Invalid", message, Value::Object(details))
    }

    /// 422: a JSON patch whose test fails or whose path leads nowhere.
    pub fn patch_not_applicable() -> Status {
        Status::new(422, "Invalid", "the server rejected our request due to an error in our request", json!({}))
    }

    /// 422: a patch that can be applied, and leads to what is no object of its kind. `why` is what decoding the patched
    /// object says, which is 400 where the object was sent whole (`apiserver/pkg/endpoints/handlers/patch.go`).
    pub fn patch_leads_astray(patch: &[u8], why: &Status) -> Status {
        let mut quote = String::from_utf8_lossy(&patch[..patch.len().min(PATCH_QUOTE_BYTES)]).into_owned();
        if patch.len() > PATCH_QUOTE_BYTES {
            quote.push_str(" ...");
        }
        Status::invalid("", "", "", &[Cause::invalid("patch", quote, &why.message)])
    }

    /// 400, in the caller's words.
    pub fn bad_request(message: impl Into<String>) -> Status {
        Status::new(400, "BadRequest", message, Value::Null)
    }

    /// 400: the body's namespace is not the path's.
    pub fn namespace_mismatch() -> Status {
        Status::bad_request("the namespace of the provided object does not match the namespace sent on the request")
    }

    /// 400: the body's name is not the path's.
    pub fn name_mismatch(in_body: &str, in_path: &str) -> Status {
        Status::bad_request(format!(
            "the name of the object ({in_body}) does not match the name on the URL ({in_path})"
        ))
    }

    /// 400: a body that is no object of the resource, of a kind and version that are known. `version` is without its group.
    pub fn undecodable(body_kind: &str, version: &str, kind: &str, why: &str) -> Status {
        Status::bad_request(format!("{body_kind} in version {} cannot be handled as a {kind}: {why}", quoted(version)))
    }

    /// 400 of strict field validation: duplicate and unknown fields, each by its path.
    pub fn strict(resource: &Resource, duplicate: &[String], unknown: &[String]) -> Status {
        let why = format!("strict decoding error: {}", field_complaints(duplicate, unknown).join(", "));
        Status::undecodable(resource.kind, resource.version, resource.kind, &why)
    }

    /// 500 without a reason: a resource version on an object that is to be created.
    pub fn version_on_create() -> Status {
        Status::new(500, "", "resourceVersion should not be set on objects to be created", Value::Null)
    }

    /// 422: an update that does not say which version it is for, of a kind where it must.
    pub fn version_on_update(resource: &Resource, name: &str) -> Status {
        let cause = Cause::invalid("metadata.resourceVersion", 0, "must be specified for an update");
        // Kubernetes names the resource here, not the kind.
        Status::invalid(resource.plural, resource.group, name, &[cause])
    }

    /// 401.
    pub fn unauthorized() -> Status {
        Status::new(401, "Unauthorized", "Unauthorized", Value::Null)
    }

    /// 403: a request that is refused whatever it is about.
    pub fn forbidden_request(why: &str) -> Status {
        Status::new(403, "Forbidden", format!("forbidden: {why}"), json!({}))
    }

    /// 403: a user may not do this with objects of a resource, which may be none that is served.
    pub(crate) fn forbidden_attributes(group: &str, plural: &str, name: &str, why: &str) -> Status {
        let dot = if group.is_empty() { "" } else { "." };
        let of = if name.is_empty() { String::new() } else { format!(" {}", quoted(name)) };
        let message = format!("{plural}{dot}{group}{of} is forbidden: {why}");
        Status::new(403, "Forbidden", message, Value::Object(named(group, plural, name)))
    }

    /// 403, in the caller's words.
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Status {
        let message = format!("{} {} is forbidden: {why}", resource.qualified(), quoted(name));
        Status::about(resource, name, 403, "Forbidden", message)
    }

    /// 403: a creation in a namespace that is going away.
    pub fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Status {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = Status::forbidden(resource, name, &why);
        status.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        status
    }

    /// 403: there are as many objects as there may be.
    pub fn quota_exceeded(resource: &Resource, name: &str, objects_max: usize) -> Status {
        let why = format!(
            "exceeded quota: this instance holds no more than {objects_max} objects; delete some that are no longer needed"
        );
        Status::forbidden(resource, name, &why)
    }

    /// 405.
    pub fn method_not_allowed() -> Status {
        let message = "the server does not allow this method on the requested resource";
        Status::new(405, "MethodNotAllowed", message, json!({}))
    }

    /// 406: none of the formats that the client accepts is offered.
    pub fn not_acceptable() -> Status {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml";
        Status::new(406, "NotAcceptable", message, json!({}))
    }

    /// 415 for a body of an unknown format.
    pub fn unsupported_body() -> Status {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json, application/yaml, application/vnd.kubernetes.protobuf";
        Status::new(415, "UnsupportedMediaType", message, json!({}))
    }

    /// 415 for a body that would have to be unpacked.
    pub fn encoded_body(encoding: &str) -> Status {
        let message = format!("bodies in the encoding {encoding:?} are not read: send it without one");
        Status::new(415, "UnsupportedMediaType", message, json!({}))
    }

    /// 415 for a patch of an unknown format.
    pub fn unsupported_patch() -> Status {
        Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type", json!({}))
    }

    /// 410: a watch from a version whose successors are no longer kept. `oldest` is the oldest that is.
    pub fn too_old(version: u64, oldest: u64) -> Status {
        Status::expired(format!("too old resource version: {version} ({oldest})"))
    }

    /// 410, in the caller's words.
    pub fn expired(message: impl Into<String>) -> Status {
        Status::new(410, "Expired", message, Value::Null)
    }

    /// 504: a version that does not exist yet; the client asks again after a second.
    pub fn version_too_large(version: u64, current: u64) -> Status {
        let details = json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        });
        let message = format!("Timeout: Too large resource version: {version}, current: {current}");
        Status::new(504, "Timeout", message, details)
    }

    /// 408: a body that has not come within so many seconds.
    pub fn body_too_slow(seconds: u64) -> Status {
        let message = format!("Timeout: the body of the request did not come within {seconds} s: send it anew");
        Status::new(408, "Timeout", message, Value::Null)
    }

    /// 413: a body of more than `limit` octets.
    pub fn too_large(limit: usize) -> Status {
        let message = format!("Request entity too large: limit is {limit}");
        Status::new(413, "RequestEntityTooLarge", message, Value::Null)
    }

    /// 414: a path and query of more than `limit` octets.
    pub fn uri_too_long(limit: usize) -> Status {
        let message =
            format!("the path and query of the request are too long: limit is {limit}; select with fewer terms");
        Status::new(414, "RequestURITooLong", message, Value::Null)
    }

    /// 429: the server is at one of its limits; the client asks again after `seconds`.
    pub fn too_many_requests(message: impl Into<String>, seconds: u32) -> Status {
        Status::new(429, "TooManyRequests", message, json!({"retryAfterSeconds": seconds}))
    }

    /// 500: our own fault.
    pub fn internal(why: &str) -> Status {
        let details = json!({"causes": [{"message": why}]});
        Status::new(500, "InternalError", format!("Internal error occurred: {why}"), details)
    }

    /// 503: not now; the client asks again after `seconds`.
    pub fn unavailable(message: impl Into<String>, seconds: u32) -> Status {
        Status::new(503, "ServiceUnavailable", message, json!({"retryAfterSeconds": seconds}))
    }

    /// 507: the write was not stored, for there is no room. Nothing has changed.
    pub fn storage_full(why: &str) -> Status {
        Status::new(507, "InsufficientStorage", format!("the object was not stored: {why}"), Value::Null)
    }

    /// 500: the write was not stored, for a reason other than room.
    pub fn storage_failed(why: &str) -> Status {
        Status::internal(&format!("the object was not stored: {why}"))
    }

    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Value) -> Status {
        Status { code, reason, message: message.into(), details }
    }

    fn about(resource: &Resource, name: &str, code: u16, reason: &'static str, message: String) -> Status {
        Status::new(code, reason, message, Value::Object(named(resource.group, resource.plural, name)))
    }

    fn unfulfilled(resource: &Resource, what: &str, name: &str, why: &str) -> Status {
        let message = format!("Operation cannot be fulfilled on {what} {}: {why}", quoted(name));
        Status::about(resource, name, 409, "Conflict", message)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

/// What strict validation refuses and lenient validation warns about: `duplicate field "x"`, `unknown field "y"`.
pub fn field_complaints(duplicate: &[String], unknown: &[String]) -> Vec<String> {
    let duplicate = duplicate.iter().map(|path| format!("duplicate field {}", quoted(path)));
    let unknown = unknown.iter().map(|path| format!("unknown field {}", quoted(path)));
    duplicate.chain(unknown).collect()
}

impl Cause {
    /// A field that must be given. `why` may be empty.
    pub fn required(field: impl Into<String>, why: &str) -> Cause {
        Cause::new("FieldValueRequired", field, explained("Required value".into(), why))
    }

    /// A value that is not allowed. `why` may be empty.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, why: &str) -> Cause {
        Cause::new("FieldValueInvalid", field, explained(format!("Invalid value: {}", value.into()), why))
    }

    /// A value that is none of those that are supported.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Cause {
        let supported = supported.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
        let message = format!("Unsupported value: {}: supported values: {supported}", value.into());
        Cause::new("FieldValueNotSupported", field, message)
    }

    /// A field that may not be set, or not changed. `why` may be empty.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Cause {
        Cause::new("FieldValueForbidden", field, explained("Forbidden".into(), why))
    }

    /// A value that may be there once only.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Cause {
        Cause::new("FieldValueDuplicate", field, format!("Duplicate value: {}", value.into()))
    }

    /// A name of something that is not there.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Cause {
        Cause::new("FieldValueNotFound", field, format!("Not found: {}", value.into()))
    }

    /// A value of more than `bytes_max` octets.
    pub fn too_long(field: impl Into<String>, bytes_max: usize) -> Cause {
        Cause::new("FieldValueTooLong", field, format!("Too long: may not be more than {bytes_max} bytes"))
    }

    /// A list of more than `items_max` items.
    pub fn too_many(field: impl Into<String>, items: usize, items_max: usize) -> Cause {
        Cause::new("FieldValueTooMany", field, format!("Too many: {items}: must have at most {items_max} items"))
    }

    /// A value of the wrong type.
    pub fn type_invalid(field: impl Into<String>, value: impl Into<Value>, why: &str) -> Cause {
        Cause::new("FieldValueTypeInvalid", field, explained(format!("Invalid value: {}", value.into()), why))
    }

    /// The causes in one sentence: one alone, several in brackets, each but once.
    pub fn sentence(causes: &[Cause]) -> String {
        let mut seen = HashSet::new();
        let mut texts: Vec<String> =
            causes.iter().map(ToString::to_string).filter(|text| seen.insert(text.clone())).collect();
        if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) }
    }

    fn to_json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }

    fn new(reason: &'static str, field: impl Into<String>, message: String) -> Cause {
        Cause { reason, message, field: field.into() }
    }
}

/// `spec.replicas: Invalid value: -1: must be greater than or equal to 0`.
impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

fn explained(what: String, why: &str) -> String {
    if why.is_empty() { what } else { format!("{what}: {why}") }
}

/// `details` of an object: its name, group (unless core) and kind; what is empty is left out.
fn named(group: &str, kind: &str, name: &str) -> Map<String, Value> {
    let fields = [("name", name), ("group", group), ("kind", kind)];
    fields.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.into(), value.into())).collect()
}

/// A string in double quotes, as Go's `%q` writes it for all but rare characters.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
