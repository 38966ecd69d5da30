//! The generated table against the types that read what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    apps::v1::{ControllerRevision, DaemonSet, Deployment, StatefulSet},
    authentication::v1::{SelfSubjectReview, TokenRequest, TokenReview},
    authorization::v1::{
        LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
    },
    autoscaling::v1::Scale,
    batch::v1::{CronJob, Job},
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod,
        PodTemplate, ResourceQuota, Secret, Service, ServiceAccount,
    },
    discovery::v1::EndpointSlice,
    networking::v1::NetworkPolicy,
    policy::v1::{Eviction, PodDisruptionBudget},
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    scheduling::v1::PriorityClass,
    storage::v1::StorageClass,
};
use k8s_openapi::{Resource, apimachinery::pkg::apis::meta::v1::DeleteOptions};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::messages::KINDS;
use super::schema::{Field, Form, Message, Type};
use crate::limits::NESTING_MAX;

/// What `apiVersion` and `kind` say, and the name of the schema.
type Root = (&'static str, &'static str, String);

fn root<T: Resource + JsonSchema>(generator: &mut SchemaGenerator) -> Root {
    generator.subschema_for::<T>();
    (T::API_VERSION, T::KIND, T::schema_name().into_owned())
}

/// The types of all kinds in the table, and their schemas by name.
fn types() -> (Vec<Root>, Map<String, Value>) {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<DeleteOptions>();
    let roots = [
        root::<ClusterRole>,
        root::<ClusterRoleBinding>,
        root::<ConfigMap>,
        root::<ControllerRevision>,
        root::<CronJob>,
        root::<DaemonSet>,
        root::<Deployment>,
        root::<EndpointSlice>,
        root::<Endpoints>,
        root::<Event>,
        root::<Eviction>,
        root::<Job>,
        root::<Lease>,
        root::<LimitRange>,
        root::<LocalSubjectAccessReview>,
        root::<Namespace>,
        root::<NetworkPolicy>,
        root::<Node>,
        root::<PersistentVolume>,
        root::<PersistentVolumeClaim>,
        root::<Pod>,
        root::<PodDisruptionBudget>,
        root::<PodTemplate>,
        root::<PriorityClass>,
        root::<ResourceQuota>,
        root::<Role>,
        root::<RoleBinding>,
        root::<Scale>,
        root::<Secret>,
        root::<SelfSubjectAccessReview>,
        root::<SelfSubjectReview>,
        root::<SelfSubjectRulesReview>,
        root::<Service>,
        root::<ServiceAccount>,
        root::<StatefulSet>,
        root::<StorageClass>,
        root::<SubjectAccessReview>,
        root::<TokenRequest>,
        root::<TokenReview>,
    ];
    let mut roots: Vec<Root> = roots.iter().map(|root| root(&mut generator)).collect();
    roots.push(("meta.k8s.io/v1", "DeleteOptions", DeleteOptions::schema_name().into_owned()));
    (roots, generator.take_definitions(true))
}

#[test]
fn the_messages_have_the_fields_of_the_types() {
    let (roots, schemas) = types();
    let kinds: BTreeSet<_> = KINDS.iter().map(|kind| (kind.api_version, kind.name)).collect();
    assert_eq!(kinds, roots.iter().map(|(api_version, kind, _)| (*api_version, *kind)).collect());

    let mut left: Vec<(&Message, &str)> = Vec::new();
    for kind in KINDS {
        let (_, _, name) = roots.iter().find(|(_, name, _)| *name == kind.name).expect("a type");
        left.push((kind.message, name));
    }
    let mut seen = BTreeSet::new();
    while let Some((message, name)) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        let mut of_type: BTreeMap<&str, String> = BTreeMap::new();
        for (field, schema) in schemas[name]["properties"].as_object().into_iter().flatten() {
            of_type.insert(field, outline(schema, &schemas));
        }
        if roots.iter().any(|(.., root)| root == name) {
            // The envelope has these.
            of_type.retain(|field, _| !["apiVersion", "kind"].contains(field));
        }
        let mut of_message = BTreeMap::new();
        fields(message, &mut |field, outline, inner| {
            of_message.insert(field, outline);
            if let Some(inner) = inner {
                let schema = &schemas[name]["properties"][field];
                let inner_name = [schema, &schema["items"], &schema["additionalProperties"]]
                    .into_iter()
                    .find_map(|schema| schema["$ref"].as_str()?.rsplit('/').next());
                left.extend(inner_name.map(|name| (inner, name)));
            }
        });
        assert_eq!(of_message, of_type, "{name}");
    }
    assert!(seen.len() > 250, "only {} types were compared", seen.len());
}

/// A type in one word: `[]int32`, `{}object`.
fn outline(schema: &Value, schemas: &Map<String, Value>) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return match name.rsplit('.').next().unwrap_or_default() {
            special @ ("Time" | "MicroTime" | "Quantity" | "IntOrString") => special.to_owned(),
            "RawExtension" | "FieldsV1" => "json".to_owned(),
            _ if schemas[name]["type"] == "object" => "object".to_owned(),
            other => panic!("{other} is a type without a message"),
        };
    }
    match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str()) {
        ("array", _) => format!("[]{}", outline(&schema["items"], schemas)),
        ("object", _) => format!("{{}}{}", outline(&schema["additionalProperties"], schemas)),
        ("integer", Some(format)) => format.to_owned(),
        ("string", Some("byte")) => "bytes".to_owned(),
        (plain, _) => plain.to_owned(),
    }
}

/// Calls `each` with the name of every field that a message has in JSON, its type as in [`outline`], and the message that it is of.
fn fields(message: &'static Message, each: &mut impl FnMut(&'static str, String, Option<&'static Message>)) {
    for Field(_, name, form) in message.0 {
        let (prefix, kind) = match *form {
            Form::Inline(inner) => {
                fields(inner, each);
                continue;
            }
            Form::Always(kind) | Form::OmitEmpty(kind) => ("", kind),
            Form::List(kind) => ("[]", kind),
            Form::Map(kind) => ("{}", kind),
        };
        let (word, inner) = match kind {
            Type::Bool => ("boolean", None),
            Type::Int32 => ("int32", None),
            Type::Int64 => ("int64", None),
            Type::Text => ("string", None),
            Type::Bytes => ("bytes", None),
            Type::Object(inner) => ("object", Some(inner)),
            Type::Time => ("Time", None),
            Type::MicroTime => ("MicroTime", None),
            Type::IntOrString => ("IntOrString", None),
            Type::Quantity => ("Quantity", None),
            Type::Json => ("json", None),
            Type::Texts => ("[]string", None),
        };
        each(name, format!("{prefix}{word}"), inner);
    }
}

#[test]
fn fields_are_in_order_and_messages_end() {
    /// How deep the values of a message nest.
    fn depth(message: &'static Message, above: usize) -> usize {
        assert!(above < NESTING_MAX, "a message holds itself");
        assert!(message.0.is_sorted_by(|one, next| one.0 < next.0), "fields are found by halving");
        let inner = message.0.iter().map(|Field(_, _, form)| match *form {
            Form::Inline(inner) => depth(inner, above),
            Form::Always(Type::Object(inner)) => depth(inner, above + 1),
            Form::List(Type::Object(inner)) | Form::Map(Type::Object(inner)) => depth(inner, above + 2),
            _ => above + 2,
        });
        inner.max().unwrap_or(above)
    }
    let deepest = KINDS.iter().map(|kind| depth(kind.message, 1)).max();
    assert!(deepest < Some(NESTING_MAX / 2), "{deepest:?}");
}
