//! Refusals read as those of Kubernetes 1.36.

#![allow(clippy::too_many_lines, reason = "a table is as long as what it lists")]

use api::resource::{CLAIMS, NAMESPACES, PET_SETS, PODS, STORAGE_CLASSES, find};
use api::status::{Cause, Status};
use petset_api as api;
use serde_json::{Value, json};

#[test]
fn every_refusal_has_the_code_reason_and_words_of_kubernetes() {
    let table = [
        (Status::not_found(&PODS, "x"), 404, "NotFound", "pods \"x\" not found"),
        (Status::not_found(&PET_SETS, "x"), 404, "NotFound", "petsets.apps \"x\" not found"),
        (Status::not_found(&NAMESPACES, "nons"), 404, "NotFound", "namespaces \"nons\" not found"),
        (Status::not_served(), 404, "NotFound", "the server could not find the requested resource"),
        (Status::already_exists(&CLAIMS, "cm"), 409, "AlreadyExists", "persistentvolumeclaims \"cm\" already exists"),
        (
            Status::conflict(&PET_SETS, "web"),
            409,
            "Conflict",
            "Operation cannot be fulfilled on petsets.apps \"web\": the object has been modified; please apply your \
             changes to the latest version and try again",
        ),
        (
            Status::conflict_uid(&PODS, "p", "a", "b"),
            409,
            "Conflict",
            "Operation cannot be fulfilled on pods \"p\": Precondition failed: UID in precondition: a, UID in object \
             meta: b",
        ),
        (
            Status::delete_conflict_uid(&PODS, "p", "a", "b"),
            409,
            "Conflict",
            "Operation cannot be fulfilled on Pod \"p\": the UID in the precondition (a) does not match the UID in \
             record (b). The object might have been deleted and then recreated",
        ),
        (
            Status::delete_conflict_version(&PODS, "p", "1", "2"),
            409,
            "Conflict",
            "Operation cannot be fulfilled on Pod \"p\": the ResourceVersion in the precondition (1) does not match \
             the ResourceVersion in record (2). The object might have been modified",
        ),
        (
            Status::namespace_mismatch(),
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            Status::name_mismatch("other", "cm"),
            400,
            "BadRequest",
            "the name of the object (other) does not match the name on the URL (cm)",
        ),
        (Status::version_on_create(), 500, "", "resourceVersion should not be set on objects to be created"),
        (
            Status::patch_not_applicable(),
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        (Status::unauthorized(), 401, "Unauthorized", "Unauthorized"),
        (
            Status::method_not_allowed(),
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        (
            Status::not_acceptable(),
            406,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml",
        ),
        (Status::unsupported_patch(), 415, "UnsupportedMediaType", "415: Unsupported Media Type"),
        (
            Status::unsupported_body(),
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf",
        ),
        (
            Status::encoded_body("gzip"),
            415,
            "UnsupportedMediaType",
            "bodies in the encoding \"gzip\" are not read: send it without one",
        ),
        (
            Status::body_too_slow(30),
            408,
            "Timeout",
            "Timeout: the body of the request did not come within 30 s: send it anew",
        ),
        (Status::too_old(1, 224), 410, "Expired", "too old resource version: 1 (224)"),
        (Status::version_too_large(9, 5), 504, "Timeout", "Timeout: Too large resource version: 9, current: 5"),
        (
            Status::too_large(api::limits::BODY_BYTES_MAX),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
        ),
        (Status::internal("oops"), 500, "InternalError", "Internal error occurred: oops"),
        (
            Status::storage_full("no space left on device"),
            507,
            "InsufficientStorage",
            "the object was not stored: no space left on device",
        ),
        (
            Status::strict(&PODS, &["data".into()], &["spec.foo".into(), "bar".into()]),
            400,
            "BadRequest",
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: duplicate field \"data\", \
             unknown field \"spec.foo\", unknown field \"bar\"",
        ),
        (PODS.unknown_field("spec.foo"), 400, "BadRequest", "field label not supported: spec.foo"),
        (
            PET_SETS.unknown_field("spec.foo"),
            400,
            "BadRequest",
            "\"spec.foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        ),
        (
            STORAGE_CLASSES.unknown_field("spec.foo"),
            400,
            "BadRequest",
            "\"spec.foo\" is not a known field selector: only \"metadata.name\"",
        ),
    ];
    for (status, code, reason, message) in table {
        assert_eq!((status.code, status.reason, status.message.as_str()), (code, reason, message));
    }
}

#[test]
fn a_refusal_has_the_shape_that_clients_parse() {
    assert_eq!(
        Status::not_found(&PET_SETS, "x").to_json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "petsets.apps \"x\" not found", "reason": "NotFound",
            "details": {"name": "x", "group": "apps", "kind": "petsets"}, "code": 404,
        })
    );
    assert_eq!(
        Status::version_on_create().to_json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "resourceVersion should not be set on objects to be created", "code": 500,
        })
    );
    assert_eq!(
        Status::version_too_large(9, 5).details,
        json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        })
    );
    let terminating = Status::namespace_terminating(&PODS, "p", "foo");
    assert_eq!(
        terminating.message,
        "pods \"p\" is forbidden: unable to create new content in namespace foo because it is being terminated"
    );
    assert_eq!(
        terminating.details,
        json!({
            "name": "p", "kind": "pods",
            "causes": [{
                "reason": "NamespaceTerminating",
                "message": "namespace foo is being terminated",
                "field": "metadata.namespace",
            }],
        })
    );
    assert_eq!(
        Status::success(&PET_SETS, "web", "u"),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "web", "group": "apps", "kind": "petsets", "uid": "u"},
        })
    );
}

#[test]
fn causes_are_joined_in_brackets_and_said_once() {
    let low = Cause::invalid("spec.replicas", -1, "must be greater than or equal to 0");
    let missing = Cause::required("spec.selector", "");
    let one = Status::invalid("PetSet", "apps", "web", std::slice::from_ref(&low));
    assert_eq!(
        one.message,
        "PetSet.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
    assert_eq!(
        one.details,
        json!({
            "name": "web", "group": "apps", "kind": "PetSet",
            "causes": [{
                "reason": "FieldValueInvalid",
                "message": "Invalid value: -1: must be greater than or equal to 0",
                "field": "spec.replicas",
            }],
        })
    );
    assert_eq!(
        Status::invalid("Pod", "", "", &[low.clone(), missing, low]).message,
        "Pod \"\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.selector: \
         Required value]"
    );
}

#[test]
fn causes_read_as_those_of_kubernetes() {
    for (cause, reason, text) in [
        (Cause::required("a", "why"), "FieldValueRequired", "a: Required value: why"),
        (Cause::invalid("a", "b\"c", ""), "FieldValueInvalid", "a: Invalid value: \"b\\\"c\""),
        (Cause::invalid("a", json!({"b": [1]}), "why"), "FieldValueInvalid", "a: Invalid value: {\"b\":[1]}: why"),
        (
            Cause::not_supported("a", "X", &["Retain", "Delete"]),
            "FieldValueNotSupported",
            "a: Unsupported value: \"X\": supported values: \"Retain\", \"Delete\"",
        ),
        (Cause::forbidden("a", "why"), "FieldValueForbidden", "a: Forbidden: why"),
        (Cause::duplicate("a", "b"), "FieldValueDuplicate", "a: Duplicate value: \"b\""),
        (Cause::not_found("a", "b"), "FieldValueNotFound", "a: Not found: \"b\""),
        (Cause::too_long("a", 63), "FieldValueTooLong", "a: Too long: may not be more than 63 bytes"),
        (Cause::too_many("a", 4, 3), "FieldValueTooMany", "a: Too many: 4: must have at most 3 items"),
        (Cause::type_invalid("a", Value::Null, "why"), "FieldValueTypeInvalid", "a: Invalid value: null: why"),
    ] {
        assert_eq!((cause.reason, cause.to_string().as_str()), (reason, text));
    }
}

#[test]
fn the_registry_serves_what_is_promised() {
    let names: Vec<_> = api::resource::RESOURCES.iter().map(|r| (r.qualified(), r.api_version(), r.kind)).collect();
    let expected = [
        ("namespaces", "v1", "Namespace"),
        ("nodes", "v1", "Node"),
        ("services", "v1", "Service"),
        ("pods", "v1", "Pod"),
        ("persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
        ("persistentvolumes", "v1", "PersistentVolume"),
        ("events", "v1", "Event"),
        ("endpoints", "v1", "Endpoints"),
        ("configmaps", "v1", "ConfigMap"),
        ("secrets", "v1", "Secret"),
        ("serviceaccounts", "v1", "ServiceAccount"),
        ("podtemplates", "v1", "PodTemplate"),
        ("limitranges", "v1", "LimitRange"),
        ("resourcequotas", "v1", "ResourceQuota"),
        ("controllerrevisions.apps", "apps/v1", "ControllerRevision"),
        ("statefulsets.apps", "apps/v1", "StatefulSet"),
        ("petsets.apps", "apps/v1alpha1", "PetSet"),
        ("poddisruptionbudgets.policy", "policy/v1", "PodDisruptionBudget"),
        ("storageclasses.storage.k8s.io", "storage.k8s.io/v1", "StorageClass"),
        ("leases.coordination.k8s.io", "coordination.k8s.io/v1", "Lease"),
        ("endpointslices.discovery.k8s.io", "discovery.k8s.io/v1", "EndpointSlice"),
        ("networkpolicies.networking.k8s.io", "networking.k8s.io/v1", "NetworkPolicy"),
        ("roles.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", "Role"),
        ("rolebindings.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("clusterroles.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("clusterrolebindings.rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("priorityclasses.scheduling.k8s.io", "scheduling.k8s.io/v1", "PriorityClass"),
    ];
    assert_eq!(names, expected.map(|(name, version, kind)| (name.to_owned(), version.to_owned(), kind)));
    assert!(find("apps", "v1alpha1", "petsets").is_some_and(|resource| resource.kind == "PetSet"));
    assert!(find("apps", "v1", "petsets").is_none());
}
