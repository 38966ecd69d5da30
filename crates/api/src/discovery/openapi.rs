//! OpenAPI v3: what clients read to explain a field, and to see that validation may be left to the server.

use std::{fmt::Write, sync::LazyLock};

use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, StatefulSet},
        authentication::v1::{SelfSubjectReview, TokenRequest, TokenReview},
        authorization::v1::{
            LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
        },
        autoscaling::v1::Scale,
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
    },
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, Status},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{facets, group_names, of_version, verbs, versions};
use crate::{
    petset::PetSet,
    resource::{Resource, Scope},
    review::is_review,
    usage::{NodeMetrics, PodMetrics, is_measured},
};

/// The extension by which clients find a kind's operations and schema.
const KIND: &str = "x-kubernetes-group-version-kind";
pub(super) const SCHEMAS: &str = "#/components/schemas/";
/// The names of the schemas that are derived from our own types begin so.
const DERIVED: [&str; 2] = ["io.k8s.api.apps.v1alpha1.", "io.k8s.metrics."];

/// `GET /openapi/v3`: the index. Its addresses change with the documents, so that clients may keep them.
pub fn openapi_index() -> Value {
    static INDEX: LazyLock<Value> = LazyLock::new(|| {
        let entries = group_versions().into_iter().map(|(path, group, version)| {
            let digest = Sha256::digest(document(of_version(group, version)).to_string());
            let hash = digest.iter().fold(String::new(), |mut hash, byte| {
                let _ = write!(hash, "{byte:02X}");
                hash
            });
            let entry = json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")});
            (path, entry)
        });
        json!({"paths": entries.collect::<Map<_, _>>()})
    });
    INDEX.clone()
}

/// `GET /openapi/v3/{path}`: one group version (`api/v1`, `apis/apps/v1alpha1`).
///
/// It is made anew for each call: clients ask once and keep it, and it is large.
pub fn openapi(path: &str) -> Option<Value> {
    let (_, group, version) = group_versions().into_iter().find(|(known, ..)| known == path)?;
    Some(document(of_version(group, version)))
}

fn group_versions() -> Vec<(String, &'static str, &'static str)> {
    let all = group_names().into_iter().flat_map(|group| versions(group).into_iter().map(move |v| (group, v)));
    all.map(|(group, version)| (root(group, version), group, version)).collect()
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of some resources.
pub(super) fn document(resources: impl Iterator<Item = &'static Resource>) -> Value {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let mut paths = Map::new();
    let mut lists = Map::new();
    let mut kinds = Vec::new();
    for resource in resources {
        let schema = schema_of(resource, &mut generator);
        if !is_review(resource) {
            lists.insert(format!("{schema}List"), list_schema(resource, &schema, &mut generator));
        }
        resource_paths(resource, &schema, &mut generator, &mut paths);
        kinds.push((schema, gvk(resource)));
    }
    let mut schemas = generator.take_definitions(true);
    schemas.iter_mut().filter(|(name, _)| is_derived(name)).for_each(|(_, schema)| settle(schema));
    for (schema, gvk) in kinds {
        schemas[&schema][KIND] = json!([gvk]);
    }
    schemas.extend(lists);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "petset", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn is_derived(schema: &str) -> bool {
    DERIVED.iter().any(|prefix| schema.starts_with(prefix))
}

/// Makes a derived schema read as Kubernetes' own: what may be left out is not required, and that is all there is to it.
fn settle(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        property.remove("default");
        property.remove("nullable");
        if let Some(Value::Array(mut choices)) = property.remove("anyOf") {
            choices.retain(|choice| choice.get("nullable").is_none());
            property.insert("allOf".to_owned(), choices.into());
        }
    }
}

/// The name of a kind's schema, which is left in the generator.
fn schema_of(resource: &Resource, generator: &mut SchemaGenerator) -> String {
    let schema = match resource.kind {
        "ClusterRole" => generator.subschema_for::<ClusterRole>(),
        "ClusterRoleBinding" => generator.subschema_for::<ClusterRoleBinding>(),
        "ConfigMap" => generator.subschema_for::<ConfigMap>(),
        "ControllerRevision" => generator.subschema_for::<ControllerRevision>(),
        "EndpointSlice" => generator.subschema_for::<EndpointSlice>(),
        "Endpoints" => generator.subschema_for::<Endpoints>(),
        "Event" => generator.subschema_for::<Event>(),
        "Lease" => generator.subschema_for::<Lease>(),
        "LocalSubjectAccessReview" => generator.subschema_for::<LocalSubjectAccessReview>(),
        "LimitRange" => generator.subschema_for::<LimitRange>(),
        "Namespace" => generator.subschema_for::<Namespace>(),
        "NetworkPolicy" => generator.subschema_for::<NetworkPolicy>(),
        "Node" => generator.subschema_for::<Node>(),
        "NodeMetrics" => generator.subschema_for::<NodeMetrics>(),
        "PersistentVolume" => generator.subschema_for::<PersistentVolume>(),
        "PersistentVolumeClaim" => generator.subschema_for::<PersistentVolumeClaim>(),
        "PetSet" => generator.subschema_for::<PetSet>(),
        "Pod" => generator.subschema_for::<Pod>(),
        "PodDisruptionBudget" => generator.subschema_for::<PodDisruptionBudget>(),
        "PodMetrics" => generator.subschema_for::<PodMetrics>(),
        "PodTemplate" => generator.subschema_for::<PodTemplate>(),
        "PriorityClass" => generator.subschema_for::<PriorityClass>(),
        "ResourceQuota" => generator.subschema_for::<ResourceQuota>(),
        "Role" => generator.subschema_for::<Role>(),
        "RoleBinding" => generator.subschema_for::<RoleBinding>(),
        "Secret" => generator.subschema_for::<Secret>(),
        "SelfSubjectAccessReview" => generator.subschema_for::<SelfSubjectAccessReview>(),
        "SelfSubjectReview" => generator.subschema_for::<SelfSubjectReview>(),
        "SelfSubjectRulesReview" => generator.subschema_for::<SelfSubjectRulesReview>(),
        "Service" => generator.subschema_for::<Service>(),
        "ServiceAccount" => generator.subschema_for::<ServiceAccount>(),
        "StatefulSet" => generator.subschema_for::<StatefulSet>(),
        "StorageClass" => generator.subschema_for::<StorageClass>(),
        "SubjectAccessReview" => generator.subschema_for::<SubjectAccessReview>(),
        "TokenReview" => generator.subschema_for::<TokenReview>(),
        kind => unreachable!("the kind {kind} is registered without a schema"),
    };
    name_in(&schema)
}

/// The name that a reference has.
fn name_in(schema: &schemars::Schema) -> String {
    let reference = schema.get("$ref").and_then(Value::as_str).unwrap_or_default();
    reference.trim_start_matches(SCHEMAS).to_owned()
}

fn list_schema(resource: &Resource, item: &str, generator: &mut SchemaGenerator) -> Value {
    let metadata = name_in(&generator.subschema_for::<ListMeta>());
    let kind = format!("{}List", resource.kind);
    json!({
        "description": format!("{kind} is a list of {} objects.", resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The group and version of the list."},
            "kind": {"type": "string", "description": "The kind of the list."},
            "metadata": {"allOf": [reference(&metadata)], "description": "The version of the list, and where it goes on."},
            "items": {"type": "array", "items": reference(item), "description": "The objects."},
        },
        KIND: [{"group": resource.group, "version": resource.version, "kind": kind}],
    })
}

fn gvk(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("{SCHEMAS}{schema}")})
}

/// The paths of a resource and its subresources, each with its operations.
fn resource_paths(
    resource: &'static Resource,
    schema: &str,
    generator: &mut SchemaGenerator,
    paths: &mut Map<String, Value>,
) {
    let root = format!("/{}", root(resource.group, resource.version));
    let (base, parameters) = match resource.scope {
        Scope::Namespaced => {
            let place = path_parameter("namespace", "The namespace.");
            (format!("{root}/namespaces/{{namespace}}/{}", resource.plural), vec![place])
        }
        Scope::Cluster => (format!("{root}/{}", resource.plural), Vec::new()),
    };
    let mut below = parameters.clone();
    below.push(path_parameter("name", "The name of the object."));
    let operations = Operations { resource, deletion: name_in(&generator.subschema_for::<DeleteOptions>()) };
    let done = name_in(&generator.subschema_for::<Status>());
    let list = format!("{schema}List");
    if is_review(resource) {
        let asked = operations.make("create", "", Some(schema), Some(schema));
        paths.insert(base, json!({"parameters": parameters, "post": asked}));
        return;
    }

    let mut collection = json!({"parameters": parameters, "get": operations.make("list", "", Some(&list), None)});
    if verbs(resource).contains(&"create") {
        collection["post"] = operations.make("create", "", Some(schema), Some(schema));
    }
    if verbs(resource).contains(&"deletecollection") {
        collection["delete"] = operations.make("deletecollection", "", Some(&done), None);
    }
    paths.insert(base.clone(), collection);
    if resource.scope == Scope::Namespaced {
        let mut everywhere = operations.make("list", "", Some(&list), None);
        everywhere["operationId"] = operations.id("list", "ForAllNamespaces").into();
        paths.insert(format!("{root}/{}", resource.plural), json!({"get": everywhere}));
    }
    let mut object = json!({"parameters": below, "get": operations.make("get", "", Some(schema), None)});
    if !is_measured(resource) {
        object["put"] = operations.make("update", "", Some(schema), Some(schema));
        object["patch"] = operations.make("patch", "", Some(schema), None);
        object["delete"] = operations.make("delete", "", Some(&done), None);
    }
    paths.insert(format!("{base}/{{name}}"), object);

    for facet in facets(resource) {
        // Streams and logs are no objects.
        let carried = match facet.name {
            "scale" => Some(name_in(&generator.subschema_for::<Scale>())),
            "eviction" => Some(name_in(&generator.subschema_for::<Eviction>())),
            "token" => Some(name_in(&generator.subschema_for::<TokenRequest>())),
            "status" | "ephemeralcontainers" => Some(schema.to_owned()),
            _ => None,
        };
        let mut item = json!({"parameters": below});
        for verb in facet.verbs {
            let method = match *verb {
                "create" => "post",
                "update" => "put",
                other => other,
            };
            let mut operation = operations.make(verb, facet.name, carried.as_deref(), carried.as_deref());
            operation[KIND] = json!({"group": facet.group, "version": facet.version, "kind": facet.kind});
            item[method] = operation;
        }
        paths.insert(format!("{base}/{{name}}/{}", facet.name), item);
    }
}

/// Makes the operations of one resource.
struct Operations {
    resource: &'static Resource,
    /// The schema of the options of a deletion.
    deletion: String,
}

impl Operations {
    /// One operation, with the schemas of its answer and its body. A facet is the name of a subresource, else empty.
    fn make(&self, verb: &str, facet: &str, answer: Option<&str>, body: Option<&str>) -> Value {
        let plural = self.resource.plural;
        let on = if facet.is_empty() { plural.to_owned() } else { format!("{plural}/{facet}") };
        let content = answer.map_or_else(
            || json!({"*/*": {"schema": {"type": "string"}}}),
            |schema| json!({"application/json": {"schema": reference(schema)}, "application/yaml": {"schema": reference(schema)}}),
        );
        let mut operation = json!({
            "description": format!("{verb} {on}"),
            "operationId": self.id(verb, facet),
            "tags": [self.tag()],
            "parameters": query_parameters(verb, facet),
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": if verb == "create" { "post" } else { verb },
            KIND: gvk(self.resource),
        });
        if verb == "create" && facet.is_empty() {
            let created = operation["responses"]["200"].clone();
            operation["responses"] = json!({"201": created});
        }
        let bodies = match (verb, body) {
            ("create" | "update", Some(schema)) => object_bodies(schema),
            // Strategic merge patches are served too. They are not listed, because clients that find them here work out the
            // patch from the schemas, which lack the merge keys; from their own types, or as a merge patch, they get it right.
            ("patch", _) => json!({
                "application/apply-patch+yaml": {"schema": {"type": "object"}},
                "application/json-patch+json": {"schema": {"type": "array", "items": {"type": "object"}}},
                "application/merge-patch+json": {"schema": {"type": "object"}},
            }),
            ("delete" | "deletecollection", _) => object_bodies(&self.deletion),
            _ => return operation,
        };
        operation["requestBody"] = json!({"content": bodies});
        operation
    }

    fn id(&self, verb: &str, facet: &str) -> String {
        let place = if self.resource.scope == Scope::Namespaced { "Namespaced" } else { "" };
        let place = if facet == "ForAllNamespaces" { "" } else { place };
        format!("{verb}{}{place}{}{}", camel(&self.tag()), self.resource.kind, camel(facet))
    }

    fn tag(&self) -> String {
        let group = if self.resource.group.is_empty() { "core" } else { self.resource.group };
        format!("{}_{}", group.split('.').next().unwrap_or(group), self.resource.version)
    }
}

/// The formats in which an object may be sent. Kinds of our own have no messages in protobuf.
fn object_bodies(schema: &str) -> Value {
    let object = json!({"schema": reference(schema)});
    let mut bodies = json!({"application/json": object, "application/yaml": object});
    if !is_derived(schema) {
        bodies["application/vnd.kubernetes.protobuf"] = object;
    }
    bodies
}

/// `core_v1` as `CoreV1`.
fn camel(words: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
    };
    words.split('_').map(capital).collect()
}

fn path_parameter(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}, "description": description})
}

fn query_parameters(verb: &str, facet: &str) -> Vec<Value> {
    const CHANGE: &[(&str, &str, &str)] = &[
        ("dryRun", "string", "All: check and answer, but change nothing."),
        ("fieldManager", "string", "Who makes the change."),
        ("fieldValidation", "string", "What to do with unknown fields: Ignore, Warn or Strict."),
    ];
    const SELECT: &[(&str, &str, &str)] = &[
        ("fieldSelector", "string", "Only objects with these fields."),
        ("labelSelector", "string", "Only objects with these labels."),
    ];
    const LIST: &[(&str, &str, &str)] = &[
        ("allowWatchBookmarks", "boolean", "Whether a watch may send bookmarks."),
        ("continue", "string", "Where the last answer ended."),
        ("limit", "integer", "The most objects in one answer."),
        ("resourceVersion", "string", "The version from which to list or watch."),
        ("resourceVersionMatch", "string", "How that version is meant: Exact or NotOlderThan."),
        ("sendInitialEvents", "boolean", "Whether a watch begins with what exists."),
        ("timeoutSeconds", "integer", "How long to watch."),
        ("watch", "boolean", "Whether to go on with every change."),
    ];
    const DELETE: &[(&str, &str, &str)] = &[
        ("dryRun", "string", "All: check and answer, but change nothing."),
        ("gracePeriodSeconds", "integer", "How long a pod may take to stop."),
        ("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
    ];
    const LOG: &[(&str, &str, &str)] = &[
        ("container", "string", "Which container."),
        ("follow", "boolean", "Whether to go on as lines come."),
        ("limitBytes", "integer", "The most bytes."),
        ("previous", "boolean", "Whether to read the container before the last restart."),
        ("sinceSeconds", "integer", "Only lines of the last seconds."),
        ("sinceTime", "string", "Only lines since this time."),
        ("tailLines", "integer", "Only the last lines."),
        ("timestamps", "boolean", "Whether each line begins with its time."),
    ];
    const STREAM: &[(&str, &str, &str)] = &[
        ("container", "string", "Which container."),
        ("stdin", "boolean", "Whether to send input."),
        ("stdout", "boolean", "Whether to receive output."),
        ("stderr", "boolean", "Whether to receive errors."),
        ("tty", "boolean", "Whether to open a terminal."),
    ];
    const PORTS: &[(&str, &str, &str)] =
        &[("ports", "integer", "A port, one parameter each, for clients that connect by a WebSocket of channels.")];
    const COMMAND: &[(&str, &str, &str)] = &[("command", "string", "The command, one parameter a word.")];
    let parts: &[&[(&str, &str, &str)]] = match (facet, verb) {
        ("log", _) => &[LOG],
        ("exec", _) => &[COMMAND, STREAM],
        ("attach", _) => &[STREAM],
        ("portforward", _) => &[PORTS],
        (_, "create" | "update" | "patch") => &[CHANGE],
        (_, "list") => &[SELECT, LIST],
        (_, "delete") => &[DELETE],
        (_, "deletecollection") => &[SELECT, DELETE],
        _ => &[],
    };
    let parameter = |(name, kind, description): &(&str, &str, &str)| json!({"name": name, "in": "query", "schema": {"type": kind}, "description": description});
    parts.iter().copied().flatten().map(parameter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{RESOURCES, served};

    /// All references in a document.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        for (path, group, version) in group_versions() {
            let document = document(of_version(group, version));
            let mut found = Vec::new();
            references(&document, &mut found);
            for reference in found {
                let name = reference.strip_prefix(SCHEMAS).unwrap();
                assert!(document["components"]["schemas"].get(name).is_some(), "{path}: {reference}");
            }
        }
    }

    #[test]
    fn every_kind_has_the_patch_that_clients_look_for() {
        for resource in RESOURCES {
            let document = openapi(&root(resource.group, resource.version)).unwrap();
            let patches = document["paths"].as_object().unwrap().values().map(|path| &path["patch"]);
            let patch = patches.into_iter().find(|patch| patch[KIND] == gvk(resource)).unwrap();
            let parameters: Vec<_> =
                patch["parameters"].as_array().unwrap().iter().map(|p| (&p["name"], &p["in"])).collect();
            let query = json!("query");
            assert!(parameters.contains(&(&json!("fieldValidation"), &query)), "{}", resource.kind);
            assert!(parameters.contains(&(&json!("dryRun"), &query)), "{}", resource.kind);
        }
    }

    #[test]
    fn every_kind_can_be_explained() {
        for resource in served() {
            let document = openapi(&root(resource.group, resource.version)).unwrap();
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let schema = schemas.values().find(|schema| schema[KIND] == json!([gvk(resource)])).unwrap();
            assert!(schema["description"].is_string(), "{}", resource.kind);
            assert!(schema["properties"]["metadata"].is_object(), "{}", resource.kind);
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        for (path, group, version) in group_versions() {
            let document = document(of_version(group, version));
            let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
            let mut ids: Vec<_> = operations.filter_map(|(_, operation)| operation.get("operationId")).collect();
            let count = ids.len();
            ids.sort_by_key(|id| id.as_str());
            ids.dedup();
            assert_eq!(ids.len(), count, "{path}");
        }
    }

    #[test]
    fn the_index_leads_to_every_document() {
        let index = openapi_index();
        let paths: Vec<_> = index["paths"].as_object().unwrap().keys().cloned().collect();
        let mut served: Vec<_> = served().map(|r| root(r.group, r.version)).collect();
        served.sort();
        served.dedup();
        assert_eq!(paths, served);
        for (path, entry) in index["paths"].as_object().unwrap() {
            let address = entry["serverRelativeURL"].as_str().unwrap();
            assert!(address.starts_with(&format!("/openapi/v3/{path}?hash=")), "{address}");
            assert!(openapi(path).is_some());
        }
    }
}
