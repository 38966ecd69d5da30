//! Writes the table of how values are owned, `src/ownership/topology.rs`, from Kubernetes' published schema.
//!
//! The schema is the JSON of Kubernetes' OpenAPI definitions, whose extensions say for each list and map what a manager
//! owns of it: `x-kubernetes-list-type` and `-list-map-keys`, `x-kubernetes-map-type`, and where these are missing the older
//! `x-kubernetes-patch-strategy` and `-patch-merge-key`. They are read as kube-openapi's `pkg/schemaconv` reads them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::Path,
};

use serde_json::Value;

/// The kinds that are served: the package of their definition, their `apiVersion`, and their names.
const KINDS: &[(&str, &str, &[&str])] = &[
    (
        "io.k8s.api.core.v1",
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("io.k8s.api.apps.v1", "apps/v1", &["ControllerRevision", "StatefulSet"]),
    ("io.k8s.api.coordination.v1", "coordination.k8s.io/v1", &["Lease"]),
    ("io.k8s.api.discovery.v1", "discovery.k8s.io/v1", &["EndpointSlice"]),
    ("io.k8s.api.networking.v1", "networking.k8s.io/v1", &["NetworkPolicy"]),
    ("io.k8s.api.policy.v1", "policy/v1", &["PodDisruptionBudget"]),
    (
        "io.k8s.api.rbac.v1",
        "rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("io.k8s.api.scheduling.v1", "scheduling.k8s.io/v1", &["PriorityClass"]),
    ("io.k8s.api.storage.v1", "storage.k8s.io/v1", &["StorageClass"]),
];

/// What the schema does not tell: fields that are structs and no pointers in Go, outside of lists. An object has them always,
/// so nobody owns that they are there.
const EMBEDDED: &[(&str, &[&str])] = &[
    ("NodeDaemonEndpoints", &["kubeletEndpoint"]),
    ("NodeStatus", &["daemonEndpoints", "nodeInfo"]),
    ("PersistentVolumeClaimSpec", &["resources"]),
    ("PodTemplate", &["template"]),
    ("PodTemplateSpec", &["metadata", "spec"]),
    ("ServiceStatus", &["loadBalancer"]),
    ("StatefulSetSpec", &["template", "updateStrategy"]),
];

/// And the default values of keys, which the OpenAPI of version 2 leaves out.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("ContainerPort", "protocol", "Default::Text(\"TCP\")"),
    ("LocalObjectReference", "name", "Default::Text(\"\")"),
    ("ServicePort", "protocol", "Default::Text(\"TCP\")"),
];

const HEADER: &str = "\
//! What of each kind is owned by itself: generated from Kubernetes' published schema. `make topology` makes it again.
//!
//! A field is its name and how its value is owned, in the order of the names.

use super::schema::{
    Default, Key, Kind, Struct,
    Type::{Atomic, Deduced, Embedded, Identity, ListMap, Map, Object, Set},
};
";

/// The metadata of an object itself, which unlike that of a template tells which object it is.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const IDENTITY: &str = "IDENTIFYING_METADATA";

/// What tells which object it is and which state of it, and is never owned (`managedfields/internal/stripmeta.go`).
const STRIPPED: &[&str] =
    &["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"];

fn main() {
    let path = env::args().nth(1).expect("the path of the definitions");
    let text = fs::read(&path).expect("definitions that can be read");
    let document: Value = serde_json::from_slice(&text).expect("definitions in JSON");
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ownership/topology.rs");
    fs::write(table, topology(&document["$defs"])).expect("a folder that can be written");
}

/// The table, as Rust.
fn topology(definitions: &Value) -> String {
    let mut text = format!("{HEADER}\n/// The kinds, by their versions.\npub(super) static KINDS: &[Kind] = &[\n");
    let mut wanted = BTreeSet::new();
    for (package, api_version, kinds) in KINDS {
        for kind in *kinds {
            let name = format!("{package}.{kind}");
            let constant = constant(&name);
            let _ =
                writeln!(text, "    Kind {{ api_version: \"{api_version}\", name: \"{kind}\", shape: &{constant} }},");
            wanted.insert(name);
        }
    }
    text.push_str("];\n");
    let mut made = BTreeMap::new();
    while let Some(name) = wanted.pop_first() {
        if made.contains_key(&name) {
            continue;
        }
        let definition = &definitions[&name];
        let properties = definition["properties"].as_object().unwrap_or_else(|| panic!("{name} has no fields"));
        let mut rows = String::new();
        for (field, schema) in properties {
            let (form, next) = form(definitions, &name, field, schema);
            wanted.extend(next);
            let _ = writeln!(rows, "    (\"{field}\", {form}),");
        }
        let constant = constant(&name);
        made.insert(
            name.clone(),
            format!("\n/// `{name}`.\npub(super) static {constant}: Struct = Struct(&[\n{rows}]);\n"),
        );
    }
    text.extend(made.into_values());
    let fields = definitions[METADATA]["properties"].as_object().expect("the fields of metadata");
    let rows: String = fields
        .iter()
        .map(|(field, schema)| {
            let form = if STRIPPED.contains(&field.as_str()) {
                "Identity".to_owned()
            } else {
                form(definitions, METADATA, field, schema).0
            };
            format!("    (\"{field}\", {form}),\n")
        })
        .collect();
    let _ = write!(
        text,
        "\n/// `{METADATA}`, of an object itself.\npub(super) static {IDENTITY}: Struct = Struct(&[\n{rows}]);\n"
    );
    text
}

/// How a field is owned, and the definition that it leads to.
fn form(definitions: &Value, owner: &str, field: &str, schema: &Value) -> (String, Option<String>) {
    let is_root = KINDS.iter().any(|(package, _, kinds)| {
        owner.strip_prefix(package).is_some_and(|kind| kinds.contains(&kind.trim_start_matches('.')))
    });
    match field {
        "apiVersion" | "kind" if is_root => return ("Identity".to_owned(), None),
        "metadata" if is_root => return (format!("Embedded(&{IDENTITY})"), Some(METADATA.to_owned())),
        _ => {}
    }
    let target = |schema: &Value| {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str())?;
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        definitions[&name]["properties"].is_object().then_some(name)
    };
    if let Some(items) = schema.get("items") {
        return match list(schema) {
            List::Atomic => ("Atomic".to_owned(), None),
            List::Set => ("Set".to_owned(), None),
            List::Map(keys) => {
                let item = target(items).unwrap_or_else(|| panic!("{owner}.{field} is a map of no structs"));
                let keys: Vec<String> = keys.iter().map(|name| key(&definitions[&item], &item, name)).collect();
                (format!("ListMap(&[{}], &{})", keys.join(", "), constant(&item)), Some(item))
            }
        };
    }
    if schema["$ref"].as_str().is_some_and(|name| name.ends_with("runtime.RawExtension")) {
        return ("Deduced".to_owned(), None);
    }
    if let Some(target) = target(schema) {
        // What a field says of its map counts more than what the type says.
        let relation =
            schema.get("x-kubernetes-map-type").or_else(|| definitions[&target].get("x-kubernetes-map-type"));
        if relation.is_some_and(|relation| relation == "atomic") {
            return ("Atomic".to_owned(), None);
        }
        let short = owner.rsplit('.').next().unwrap_or_default();
        let is_embedded = is_root && ["spec", "status"].contains(&field)
            || EMBEDDED.iter().any(|(name, fields)| *name == short && fields.contains(&field));
        let form = if is_embedded { "Embedded" } else { "Object" };
        return (format!("{form}(&{})", constant(&target)), Some(target));
    }
    if let Some(values) = schema.get("additionalProperties") {
        assert!(target(values).is_none(), "{owner}.{field} is a map of structs, which has no form here");
        let is_atomic = schema.get("x-kubernetes-map-type").is_some_and(|relation| relation == "atomic");
        return (if is_atomic { "Atomic" } else { "Map" }.to_owned(), None);
    }
    ("Atomic".to_owned(), None)
}

/// What a list is.
enum List {
    Atomic,
    Set,
    Map(Vec<String>),
}

fn list(schema: &Value) -> List {
    let keys = |names: &Value| match names {
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        Value::String(name) => vec![name.clone()],
        _ => Vec::new(),
    };
    match (schema["x-kubernetes-list-type"].as_str(), schema["x-kubernetes-patch-strategy"].as_str()) {
        (Some("map"), _) => List::Map(keys(&schema["x-kubernetes-list-map-keys"])),
        (Some("set"), _) => List::Set,
        (None, Some("merge" | "merge,retainKeys")) => match keys(&schema["x-kubernetes-patch-merge-key"]) {
            none if none.is_empty() => List::Set,
            keys => List::Map(keys),
        },
        _ => List::Atomic,
    }
}

/// A key of the items of a list, with what it is where an item does not say it.
fn key(item: &Value, item_name: &str, name: &str) -> String {
    let short = item_name.rsplit('.').next().unwrap_or_default();
    let listed = DEFAULTS.iter().find(|(owner, field, _)| *owner == short && *field == name);
    let is_required = item["required"].as_array().is_some_and(|required| required.contains(&name.into()));
    let default = match listed {
        Some((.., default)) => default,
        // Go writes what has no `omitempty`: the zero.
        None if is_required && item["properties"][name]["type"] == "integer" => "Default::Number(0)",
        None if is_required => "Default::Text(\"\")",
        None => "Default::Missing",
    };
    format!("Key(\"{name}\", {default})")
}

/// The Rust name of a definition: `io.k8s.api.core.v1.PodSpec` is `CORE_V1_POD_SPEC`.
fn constant(definition: &str) -> String {
    let (package, name) = definition.rsplit_once('.').expect("a package and a name");
    let mut folders = package.rsplit('.');
    let (version, group) = (folders.next().unwrap_or_default(), folders.next().unwrap_or_default());
    let mut constant = format!("{group}_{version}_");
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(|letter| !letter.is_uppercase());
        // `ISCSIVolume` is ISCSI_VOLUME: a word begins after a small letter, and with the last of several capitals.
        if letter.is_uppercase() && at > 0 && (is_lower(at - 1) || is_lower(at + 1)) {
            constant.push('_');
        }
        constant.push(*letter);
    }
    constant.to_uppercase()
}
