//! Which object or collection a path names.

use std::borrow::Cow;

use api::{
    resource::{Resource, Scope, Subresource, find, served},
    review,
    unserved::{self, Unserved},
    usage,
};

/// What a path under `/api/…` or `/apis/…` names.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// All objects of a resource, of one namespace or of all.
    Collection { resource: &'static Resource, namespace: Option<&'a str> },
    /// One object; `namespace` is empty for cluster-scoped ones.
    Object { resource: &'static Resource, namespace: &'a str, name: &'a str },
    /// A question; `namespace` is empty where it is about none.
    Review { resource: &'static Resource, namespace: &'a str },
    /// What one object uses, or each of a collection; `namespace` is empty where it is of none or of all.
    Usage { resource: &'static Resource, namespace: &'a str, name: Option<&'a str> },
    /// A part of one object, or a way to it.
    Part { resource: &'static Resource, namespace: &'a str, name: &'a str, part: Subresource },
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is served under its prefix: a plain page.
    Page,
    /// Its group is served, but not this: a `Status`.
    Resource,
    /// It is of a kind that is left out on purpose: a `Status` that tells what to use.
    Unserved(&'static Unserved),
}

impl Place<'_> {
    pub(crate) fn resource(&self) -> &'static Resource {
        match self {
            Place::Collection { resource, .. }
            | Place::Object { resource, .. }
            | Place::Review { resource, .. }
            | Place::Usage { resource, .. }
            | Place::Part { resource, .. } => resource,
        }
    }
}

/// Reads a path that is [`decoded`].
pub(crate) fn parse(path: &str) -> Result<Place<'_>, Missing> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version, rest) = match segments[..] {
        ["api", version, ref rest @ ..] => ("", version, rest),
        ["apis", group, version, ref rest @ ..] => (group, version, rest),
        _ => return Err(Missing::Page),
    };
    if let ["namespaces", _, plural, ..] | [plural, ..] = *rest
        && let Some(kind) = unserved::find(group, plural)
    {
        return Err(Missing::Unserved(kind));
    }
    if group.is_empty() || is_served(group) { place(group, version, rest) } else { Err(Missing::Page) }
}

/// A path with its escapes (RFC 3986, section 2.1) undone: some clients escape the `:` in the name of a role. One that
/// stands for no text is left as it is, and names nothing.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return path.into();
    }
    let mut pieces = path.split('%');
    let mut octets: Vec<u8> = pieces.next().unwrap_or_default().into();
    for piece in pieces {
        let octet = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(octet) = octet else { return path.into() };
        octets.push(octet);
        octets.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(octets).map_or(path.into(), Cow::Owned)
}

/// Whether anything of this group is served.
pub(crate) fn is_served(group: &str) -> bool {
    !group.is_empty() && served().any(|resource| resource.group == group)
}

fn place<'a>(group: &str, version: &str, segments: &[&'a str]) -> Result<Place<'a>, Missing> {
    let seek = |plural: &str, scope: Scope| {
        find(group, version, plural).filter(|resource| resource.scope == scope).ok_or(Missing::Resource)
    };
    let asks =
        |plural: &str, scope: Scope| review::find(group, version, plural).filter(|resource| resource.scope == scope);
    if let ["namespaces", namespace, plural] = *segments
        && let Some(resource) = asks(plural, Scope::Namespaced)
    {
        return Ok(Place::Review { resource, namespace });
    }
    if let [plural] = *segments
        && let Some(resource) = asks(plural, Scope::Cluster)
    {
        return Ok(Place::Review { resource, namespace: "" });
    }
    if let Some(place) = usage_at(group, version, segments) {
        return Ok(place);
    }
    match *segments {
        ["namespaces", namespace, part] if group.is_empty() && subresource(part).is_some() => {
            part_of(seek("namespaces", Scope::Cluster)?, "", namespace, part)
        }
        ["namespaces", namespace, plural] => {
            Ok(Place::Collection { resource: seek(plural, Scope::Namespaced)?, namespace: Some(namespace) })
        }
        ["namespaces", namespace, plural, name] => {
            Ok(Place::Object { resource: seek(plural, Scope::Namespaced)?, namespace, name })
        }
        ["namespaces", namespace, plural, name, part] => {
            part_of(seek(plural, Scope::Namespaced)?, namespace, name, part)
        }
        [plural] => {
            let resource = find(group, version, plural).ok_or(Missing::Resource)?;
            Ok(Place::Collection { resource, namespace: None })
        }
        [plural, name] => Ok(Place::Object { resource: seek(plural, Scope::Cluster)?, namespace: "", name }),
        [plural, name, part] => part_of(seek(plural, Scope::Cluster)?, "", name, part),
        _ => Err(Missing::Resource),
    }
}

/// What is measured at a path; there, nothing else is.
fn usage_at<'a>(group: &str, version: &str, segments: &[&'a str]) -> Option<Place<'a>> {
    let (plural, scope, namespace, name) = match *segments {
        ["namespaces", namespace, plural] => (plural, Some(Scope::Namespaced), namespace, None),
        ["namespaces", namespace, plural, name] => (plural, Some(Scope::Namespaced), namespace, Some(name)),
        [plural] => (plural, None, "", None),
        [plural, name] => (plural, Some(Scope::Cluster), "", Some(name)),
        _ => return None,
    };
    let resource = usage::find(group, version, plural)?;
    scope.is_none_or(|scope| scope == resource.scope).then_some(Place::Usage { resource, namespace, name })
}

fn part_of<'a>(
    resource: &'static Resource,
    namespace: &'a str,
    name: &'a str,
    part: &str,
) -> Result<Place<'a>, Missing> {
    let part = subresource(part).filter(|part| resource.subresources.contains(part)).ok_or(Missing::Resource)?;
    Ok(Place::Part { resource, namespace, name, part })
}

fn subresource(text: &str) -> Option<Subresource> {
    Subresource::ALL.into_iter().find(|part| part.name() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> String {
        match parse(path) {
            Ok(Place::Collection { resource, namespace }) => {
                format!("{} in {}", resource.qualified(), namespace.unwrap_or("all"))
            }
            Ok(Place::Object { resource, namespace, name }) => format!("{} {namespace}/{name}", resource.qualified()),
            Ok(Place::Part { resource, namespace, name, part }) => {
                format!("{part:?} of {} {namespace}/{name}", resource.qualified())
            }
            Ok(Place::Review { resource, namespace }) => format!("ask {} in {namespace:?}", resource.plural),
            Ok(Place::Usage { resource, namespace, name }) => {
                format!("{} of {namespace:?}/{}", resource.kind, name.unwrap_or("all"))
            }
            Err(missing) => format!("{missing:?}"),
        }
    }

    #[test]
    fn paths_name_collections_objects_and_parts() {
        for (path, expected) in [
            ("/api/v1/pods", "pods in all"),
            ("/api/v1/namespaces/shop/pods", "pods in shop"),
            ("/api/v1/namespaces/shop/pods/web-0", "pods shop/web-0"),
            ("/api/v1/namespaces/shop/pods/web-0/log", "Log of pods shop/web-0"),
            ("/api/v1/namespaces", "namespaces in all"),
            ("/api/v1/namespaces/shop", "namespaces /shop"),
            ("/api/v1/namespaces/shop/status", "Status of namespaces /shop"),
            ("/api/v1/persistentvolumes/disk", "persistentvolumes /disk"),
            ("/apis/apps/v1alpha1/namespaces/shop/petsets/web/scale", "Scale of petsets.apps shop/web"),
            ("/api/v1/pods/web-0", "Resource"),
            ("/api/v1/namespaces/shop/persistentvolumes", "Resource"),
            ("/api/v1/namespaces/shop/pods/web-0/scale", "Resource"),
            ("/api/v1/gremlins", "Resource"),
            ("/api/v2/pods", "Resource"),
            ("/apis/apps/v9/petsets", "Resource"),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
                "clusterroles.rbac.authorization.k8s.io /system:node",
            ),
            ("/apis/authentication.k8s.io/v1/selfsubjectreviews", "ask selfsubjectreviews in \"\""),
            (
                "/apis/authorization.k8s.io/v1/namespaces/shop/localsubjectaccessreviews",
                "ask localsubjectaccessreviews in \"shop\"",
            ),
            ("/apis/authorization.k8s.io/v1/localsubjectaccessreviews", "Resource"),
            ("/apis/authorization.k8s.io/v1/namespaces/shop/subjectaccessreviews", "Resource"),
            ("/apis/authorization.k8s.io/v1/subjectaccessreviews/x", "Resource"),
            ("/apis/metrics.k8s.io/v1beta1/pods", "PodMetrics of \"\"/all"),
            ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", "PodMetrics of \"shop\"/all"),
            ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/web-0", "PodMetrics of \"shop\"/web-0"),
            ("/apis/metrics.k8s.io/v1beta1/nodes/n", "NodeMetrics of \"\"/n"),
            ("/apis/metrics.k8s.io/v1beta1/pods/web-0", "Resource"),
            ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/nodes", "Resource"),
            ("/apis/metrics.k8s.io/v1beta1/services", "Resource"),
            ("/apis/example.com/v1/things", "Page"),
            ("/nonsense", "Page"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }

    #[test]
    fn a_kind_that_is_left_out_on_purpose_is_told_from_one_that_is_unknown() {
        for (path, plural) in [
            ("/apis/apps/v1/deployments", "deployments"),
            ("/apis/apps/v1/namespaces/shop/deployments/web/scale", "deployments"),
            ("/apis/batch/v1/namespaces/shop/jobs", "jobs"),
            ("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", "horizontalpodautoscalers"),
            ("/api/v1/namespaces/shop/replicationcontrollers", "replicationcontrollers"),
        ] {
            let found = parse(path).err();
            assert!(matches!(found, Some(Missing::Unserved(kind)) if kind.plural == plural), "{path}: {found:?}");
        }
        assert_eq!(shown("/apis/batch/v1/namespaces/shop/gremlins"), "Page");
        assert_eq!(shown("/api/v1/namespaces/shop/deployments"), "Resource");
    }

    #[test]
    fn escapes_in_a_path_are_undone() {
        for (path, expected) in [
            ("/api/v1/pods", "/api/v1/pods"),
            ("/clusterroles/system%3anode", "/clusterroles/system:node"),
            ("/%c3%a9%2F", "/é/"),
            ("/%", "/%"),
            ("/%zz%3A", "/%zz%3A"),
            ("/%ff", "/%ff"),
            ("/%2é", "/%2é"),
        ] {
            assert_eq!(decoded(path), expected, "{path}");
        }
    }
}
