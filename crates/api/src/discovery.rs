//! Discovery documents, made from the registry.
//!
//! Clients read them first, to learn what is served under which names, and keep them for hours.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::{
    resource::{Resource, Scope, Subresource, served},
    review::is_review,
    usage::is_measured,
};

pub use gnostic::openapi_v2_protobuf;
pub use openapi::{openapi, openapi_index};
pub use swagger::openapi_v2;

mod gnostic;
mod openapi;
mod swagger;

/// What can be done with a resource, in Kubernetes' order.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// `GET /api` and `GET /apis` as `APIGroupDiscoveryList` (`apidiscovery.k8s.io/v2`); `core` chooses which.
pub fn aggregated(core: bool) -> Value {
    let groups = group_names().into_iter().filter(|group| group.is_empty() == core);
    let items = groups.map(|group| {
        let versions = versions(group).into_iter().map(|version| {
            let resources = of_version(group, version).map(aggregated_resource);
            json!({"version": version, "freshness": "Current", "resources": resources.collect::<Vec<_>>()})
        });
        let metadata = if core { json!({}) } else { json!({"name": group}) };
        json!({"metadata": metadata, "versions": versions.collect::<Vec<_>>()})
    });
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items.collect::<Vec<_>>(),
    })
}

/// `GET /api` as `APIVersions`.
///
/// Addresses by the client's network are left out: there is one address, and the client has just used it.
pub fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": versions(""), "serverAddressByClientCIDRs": []})
}

/// `GET /apis` as `APIGroupList`.
pub fn groups() -> Value {
    let groups: Vec<Value> = group_names().into_iter().filter(|group| !group.is_empty()).map(group_entry).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `GET /apis/{group}` as `APIGroup`.
pub fn group(group: &str) -> Option<Value> {
    let name = group_names().into_iter().find(|name| !name.is_empty() && *name == group)?;
    let mut entry = group_entry(name);
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

/// `GET /api/v1` or `GET /apis/{group}/{version}` as `APIResourceList`.
pub fn resources(group: &str, version: &str) -> Option<Value> {
    let first = of_version(group, version).next()?;
    let resources: Vec<Value> = of_version(group, version).flat_map(listed).collect();
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": first.api_version(),
        "resources": resources,
    }))
}

/// The verbs of a resource. Namespaces go one at a time, as in Kubernetes; a review is only asked, and what is
/// measured only read.
fn verbs(resource: &Resource) -> Vec<&'static str> {
    if is_review(resource) {
        return vec!["create"];
    }
    if is_measured(resource) {
        return vec!["get", "list"];
    }
    let is_allowed = |verb: &&str| *verb != "deletecollection" || resource.kind != "Namespace";
    VERBS.into_iter().filter(is_allowed).collect()
}

/// What discovery says of a subresource: its name, its verbs, and the group, version and kind of what it carries.
struct Facet {
    name: &'static str,
    verbs: &'static [&'static str],
    group: &'static str,
    version: &'static str,
    kind: &'static str,
}

/// The subresources of a resource, by name.
fn facets(resource: &Resource) -> Vec<Facet> {
    let own = |name, verbs, kind| Facet { name, verbs, group: resource.group, version: resource.version, kind };
    let mut facets: Vec<Facet> = resource
        .subresources
        .iter()
        .map(|subresource| match subresource {
            Subresource::Status => own("status", &["get", "patch", "update"], resource.kind),
            Subresource::Scale => Facet {
                name: "scale",
                verbs: &["get", "patch", "update"],
                group: "autoscaling",
                version: "v1",
                kind: "Scale",
            },
            Subresource::EphemeralContainers => own("ephemeralcontainers", &["get", "patch", "update"], resource.kind),
            Subresource::Log => own("log", &["get"], resource.kind),
            Subresource::Exec => own("exec", &["create", "get"], "PodExecOptions"),
            Subresource::Attach => own("attach", &["create", "get"], "PodAttachOptions"),
            Subresource::PortForward => own("portforward", &["create", "get"], "PodPortForwardOptions"),
            Subresource::Eviction => {
                Facet { name: "eviction", verbs: &["create"], group: "policy", version: "v1", kind: "Eviction" }
            }
            Subresource::Token => Facet {
                name: "token",
                verbs: &["create"],
                group: "authentication.k8s.io",
                version: "v1",
                kind: "TokenRequest",
            },
        })
        .collect();
    facets.sort_by_key(|facet| facet.name);
    facets
}

fn aggregated_resource(resource: &'static Resource) -> Value {
    let kind = |group, version, kind| json!({"group": group, "version": version, "kind": kind});
    let scope = match resource.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind(resource.group, resource.version, resource.kind),
        "scope": scope,
        "singularResource": resource.singular,
        "verbs": verbs(resource),
    });
    let subresources: Vec<Value> = facets(resource)
        .into_iter()
        .map(|facet| {
            json!({
                "subresource": facet.name,
                "responseKind": kind(facet.group, facet.version, facet.kind),
                "verbs": facet.verbs,
            })
        })
        .collect();
    set_unless_empty(&mut entry, "shortNames", resource.short_names.into());
    set_unless_empty(&mut entry, "categories", resource.categories.into());
    set_unless_empty(&mut entry, "subresources", subresources.into());
    entry
}

/// A resource and its subresources, as `APIResource`s.
fn listed(resource: &'static Resource) -> Vec<Value> {
    let is_namespaced = resource.scope == Scope::Namespaced;
    let mut own = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": is_namespaced,
        "kind": resource.kind,
        "verbs": verbs(resource),
    });
    set_unless_empty(&mut own, "shortNames", resource.short_names.into());
    set_unless_empty(&mut own, "categories", resource.categories.into());
    let below = facets(resource).into_iter().map(|facet| {
        let mut entry = json!({
            "name": format!("{}/{}", resource.plural, facet.name),
            "singularName": "",
            "namespaced": is_namespaced,
            "kind": facet.kind,
            "verbs": facet.verbs,
        });
        if facet.group != resource.group {
            entry["group"] = facet.group.into();
            entry["version"] = facet.version.into();
        }
        entry
    });
    std::iter::once(own).chain(below).collect()
}

fn set_unless_empty(entry: &mut Value, field: &str, list: Value) {
    if list.as_array().is_some_and(|items| !items.is_empty()) {
        entry[field] = list;
    }
}

fn group_entry(group: &str) -> Value {
    let version = |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions = versions(group);
    json!({
        "name": group,
        "versions": versions.iter().copied().map(version).collect::<Vec<_>>(),
        "preferredVersion": versions.first().copied().map(version),
    })
}

/// The groups that are served, in the registry's order.
fn group_names() -> Vec<&'static str> {
    distinct(served().map(|resource| resource.group))
}

/// The versions of a group, the preferred one first.
fn versions(group: &str) -> Vec<&'static str> {
    let of_group = served().filter(|resource| resource.group == group);
    let mut versions = distinct(of_group.map(|resource| resource.version));
    versions.sort_by_key(|version| Reverse(priority(version)));
    versions
}

fn of_version(group: &str, version: &str) -> impl Iterator<Item = &'static Resource> {
    served().filter(move |resource| resource.group == group && resource.version == version)
}

fn distinct(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// How Kubernetes ranks versions: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`. The greater comes first.
fn priority(version: &str) -> (u8, u32, u32) {
    let rest = version.trim_start_matches('v');
    let (stability, major, minor) = match (rest.split_once("beta"), rest.split_once("alpha")) {
        (Some((major, minor)), _) => (1, major, minor),
        (None, Some((major, minor))) => (0, major, minor),
        (None, None) => (2, rest, ""),
    };
    (stability, major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_are_preferred() {
        let mut versions = ["v1alpha1", "v1", "v1beta1", "v2", "v1beta2"];
        versions.sort_by_key(|version| Reverse(priority(version)));
        assert_eq!(versions, ["v2", "v1", "v1beta2", "v1beta1", "v1alpha1"]);
    }

    #[test]
    fn every_resource_is_found_by_old_and_new_clients() {
        for resource in served() {
            let list = resources(resource.group, resource.version).unwrap();
            assert_eq!(list["groupVersion"], json!(resource.api_version()));
            let names = |entries: &Value, field: &str| -> Vec<String> {
                entries.as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
            };
            assert!(names(&list["resources"], "name").contains(&resource.plural.to_owned()));
            let groups = aggregated(resource.group.is_empty());
            let group = groups["items"]
                .as_array()
                .unwrap()
                .iter()
                .find(|item| item["metadata"]["name"].as_str().unwrap_or_default() == resource.group);
            let versions = group.unwrap()["versions"].as_array().unwrap();
            let version = versions.iter().find(|version| version["version"] == resource.version).unwrap();
            assert!(names(&version["resources"], "resource").contains(&resource.plural.to_owned()));
        }
    }

    #[test]
    fn what_is_not_served_is_not_found() {
        assert_eq!(resources("apps", "v7"), None);
        assert_eq!(group("none"), None);
        assert_eq!(group(""), None);
        assert_eq!(openapi("apis/apps/v7"), None);
    }
}
