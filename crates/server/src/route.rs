//! Which object or collection a path names.

use api::resource::{RESOURCES, Resource, Scope, Subresource, find};

/// What a path under `/api/…` or `/apis/…` names.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// All objects of a resource, of one namespace or of all.
    Collection { resource: &'static Resource, namespace: Option<&'a str> },
    /// One object; `namespace` is empty for cluster-scoped ones.
    Object { resource: &'static Resource, namespace: &'a str, name: &'a str },
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
}

impl Place<'_> {
    pub(crate) fn resource(&self) -> &'static Resource {
        match self {
            Place::Collection { resource, .. } | Place::Object { resource, .. } | Place::Part { resource, .. } => {
                resource
            }
        }
    }
}

/// Reads a path. Names are DNS names, so nothing in a path that names something is escaped.
pub(crate) fn parse(path: &str) -> Result<Place<'_>, Missing> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match segments[..] {
        ["api", version, ref rest @ ..] => place("", version, rest),
        ["apis", group, version, ref rest @ ..] if is_served(group) => place(group, version, rest),
        _ => Err(Missing::Page),
    }
}

/// Whether anything of this group is served.
pub(crate) fn is_served(group: &str) -> bool {
    !group.is_empty() && RESOURCES.iter().any(|resource| resource.group == group)
}

fn place<'a>(group: &str, version: &str, segments: &[&'a str]) -> Result<Place<'a>, Missing> {
    let seek = |plural: &str, scope: Scope| {
        find(group, version, plural).filter(|resource| resource.scope == scope).ok_or(Missing::Resource)
    };
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
    Some(match text {
        "status" => Subresource::Status,
        "scale" => Subresource::Scale,
        "log" => Subresource::Log,
        "exec" => Subresource::Exec,
        "attach" => Subresource::Attach,
        "eviction" => Subresource::Eviction,
        _ => return None,
    })
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
            ("/apis/example.com/v1/things", "Page"),
            ("/nonsense", "Page"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
