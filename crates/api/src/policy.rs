//! What of the host pods may have: nothing that makes them its master, unless the daemon was told to allow it.
//!
//! Follows the profile `baseline` of Kubernetes' Pod Security Standards, and says its sentences. It looks at everything
//! that pods come from: pods, the templates of sets, and volumes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    petset::{INIT_CONTAINERS, init_containers},
    resource::Resource,
    status::Status,
};

/// What the daemon allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Directories and files of the host that pods may mount, with everything below. Absolute.
    pub host_paths: Vec<PathBuf>,
    /// Whether pods may have the host's powers: `privileged`, its network, capabilities that lead out of a container.
    pub privileged: bool,
}

/// Capabilities that do not lead out of a container: those of `baseline`, `NET_RAW`, which the engine gives to every
/// container, and two that databases ask for, `IPC_LOCK` and `SYS_NICE`.
const CAPABILITIES: [&str; 16] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
];

impl Policy {
    /// Whether an object asks for no more than is allowed. Of an update only what it adds is looked at, so that what
    /// was made under another policy can still be labelled and ended.
    ///
    /// Errors: 403 with everything that is not allowed, and the flag of the daemon that allows it.
    pub fn admit(&self, resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        let before = old.map(|old| self.violations(resource.kind, old)).unwrap_or_default();
        let mut added = self.violations(resource.kind, new);
        added.retain(|violation| !before.contains(violation));
        if added.is_empty() {
            return Ok(());
        }
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        let why = format!("violates what this petsetd allows: {}", added.join(", "));
        Err(Status::forbidden(resource, name, &why))
    }

    /// Whether a path of the host is one of those that are allowed, or below one: component by component, so that
    /// `/srv/database` is not below `/srv/data`. A path that climbs is below nothing.
    pub fn allows_path(&self, path: &Path) -> bool {
        allowed_root(&self.host_paths, path).is_some()
    }

    fn violations(&self, kind: &str, object: &Value) -> Vec<String> {
        let spec = &object["spec"];
        match kind {
            "Pod" => self.of_pod(&object["metadata"], spec),
            "PersistentVolume" => self.of_volume(spec),
            _ if spec["template"].is_object() => self.of_pod(&spec["template"]["metadata"], &spec["template"]["spec"]),
            _ => Vec::new(),
        }
    }

    fn of_volume(&self, spec: &Value) -> Vec<String> {
        let sources = [("hostPath volumes", "hostPath"), ("local volumes", "local")];
        let path = |field: &str| spec[field]["path"].as_str();
        sources
            .iter()
            .filter_map(|(what, field)| Some(format!("{what} ({})", self.path_refusal(path(field)?)?)))
            .collect()
    }

    fn of_pod(&self, metadata: &Value, spec: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            let name = text(volume, "name");
            if let Some(why) = volume["hostPath"]["path"].as_str().and_then(|path| self.path_refusal(path)) {
                found.push(format!("hostPath volumes (volume {name:?}: {why})"));
            }
        }
        if self.privileged {
            return found;
        }
        if spec["hostNetwork"] == true {
            found.push("host namespaces (hostNetwork=true; petsetd --allow-privileged allows it)".to_owned());
        }
        let annotated = annotated_init_containers(metadata);
        let lists = [&spec["initContainers"], &spec["containers"], &annotated];
        for container in lists.into_iter().filter_map(Value::as_array).flatten() {
            let (name, security) = (text(container, "name"), &container["securityContext"]);
            if security["privileged"] == true {
                found.push(format!(
                    "privileged (container {name:?} must not set securityContext.privileged=true; petsetd \
                     --allow-privileged allows it)"
                ));
            }
            let added = security["capabilities"]["add"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let added: Vec<&str> = added.filter(|capability| !is_common_capability(capability)).collect();
            if !added.is_empty() {
                found.push(format!(
                    "non-default capabilities (container {name:?} must not include {} in \
                     securityContext.capabilities.add; petsetd --allow-privileged allows it)",
                    added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
                ));
            }
        }
        found
    }

    fn path_refusal(&self, path: &str) -> Option<String> {
        (!self.allows_path(Path::new(path)))
            .then(|| format!("the path {path:?} is not allowed; petsetd --allow-host-path PREFIX allows one"))
    }
}

/// The longest of the roots that a path is, or is below.
pub fn allowed_root<'r>(roots: &'r [PathBuf], path: &Path) -> Option<&'r Path> {
    let climbs = path.components().any(|component| component == std::path::Component::ParentDir);
    let above = roots.iter().filter(|root| !climbs && path.starts_with(root));
    above.max_by_key(|root| root.components().count()).map(PathBuf::as_path)
}

/// Whether a capability, written with or without `CAP_`, does not lead out of a container.
pub fn is_common_capability(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(&name))
}

/// Those of the annotation of 2016; nothing where it cannot be read, for then nothing is made of it.
fn annotated_init_containers(metadata: &Value) -> Value {
    let Some(annotation) = metadata["annotations"][INIT_CONTAINERS].as_str() else { return Value::Null };
    let annotations = BTreeMap::from([(INIT_CONTAINERS.to_owned(), annotation.to_owned())]);
    init_containers(&annotations).ok().and_then(|list| serde_json::to_value(list).ok()).unwrap_or_default()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::find;

    fn policy() -> Policy {
        Policy { host_paths: vec!["/srv/data".into(), "/run/app.sock".into()], privileged: false }
    }

    fn refusal(policy: &Policy, plural: &str, object: &Value) -> Option<(u16, String)> {
        let (group, version) = if plural == "petsets" { ("apps", "v1alpha1") } else { ("", "v1") };
        let resource = find(group, version, plural).unwrap();
        policy.admit(resource, object, None).err().map(|status| (status.code, status.message))
    }

    fn pod(spec: &Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": spec})
    }

    #[test]
    fn a_host_path_is_refused_unless_it_is_below_one_that_is_allowed() {
        let volume = |path: &str| pod(&json!({"volumes": [{"name": "v", "hostPath": {"path": path}}]}));
        for path in ["/srv/data", "/srv/data/", "/srv/data/x/y", "/srv//data/./x", "/run/app.sock"] {
            assert_eq!(refusal(&policy(), "pods", &volume(path)), None, "{path}");
        }
        for path in ["/", "/srv", "/srv/database", "/srv/data/../../etc", "/etc", "/run/app.sock2", "srv/data", ""] {
            let expected = format!(
                "pods \"p\" is forbidden: violates what this petsetd allows: hostPath volumes (volume \"v\": the path \
                 {path:?} is not allowed; petsetd --allow-host-path PREFIX allows one)"
            );
            assert_eq!(refusal(&policy(), "pods", &volume(path)), Some((403, expected)), "{path}");
        }
        let all = Policy { host_paths: vec!["/".into()], ..Policy::default() };
        assert_eq!(refusal(&all, "pods", &volume("/etc")), None);
    }

    #[test]
    fn volumes_made_by_hand_obey_the_same_rule() {
        for (field, what) in [("hostPath", "hostPath volumes"), ("local", "local volumes")] {
            let volume = |path: &str| json!({"metadata": {"name": "pv"}, "spec": {field: {"path": path}}});
            assert_eq!(refusal(&policy(), "persistentvolumes", &volume("/srv/data/1")), None);
            let expected = format!(
                "persistentvolumes \"pv\" is forbidden: violates what this petsetd allows: {what} (the path \"/etc\" is \
                 not allowed; petsetd --allow-host-path PREFIX allows one)"
            );
            assert_eq!(refusal(&policy(), "persistentvolumes", &volume("/etc")), Some((403, expected)));
        }
    }

    #[test]
    fn the_hosts_powers_are_refused_in_every_container_of_pods_and_templates() {
        let privileged = json!({"name": "c", "securityContext": {"privileged": true}});
        let capable =
            |add: Value| json!({"containers": [{"name": "c", "securityContext": {"capabilities": {"add": add}}}]});
        let annotated = json!([{"name": "c", "image": "i", "securityContext": {"privileged": true}}]).to_string();
        let of_container = "privileged (container \"c\" must not set securityContext.privileged=true; petsetd \
                            --allow-privileged allows it)";
        let of_network = "host namespaces (hostNetwork=true; petsetd --allow-privileged allows it)";
        let of_capability = "non-default capabilities (container \"c\" must not include \"SYS_ADMIN\", \"all\" in \
                             securityContext.capabilities.add; petsetd --allow-privileged allows it)";
        for (metadata, spec, expected) in [
            (json!({}), json!({"containers": [privileged]}), of_container),
            (json!({}), json!({"initContainers": [privileged]}), of_container),
            (json!({"annotations": {INIT_CONTAINERS: annotated}}), json!({}), of_container),
            (json!({}), json!({"hostNetwork": true}), of_network),
            (json!({}), capable(json!(["SYS_ADMIN", "NET_RAW", "cap_chown", "all"])), of_capability),
        ] {
            let mut metadata = metadata;
            metadata["name"] = "p".into();
            let pod = json!({"metadata": metadata, "spec": spec});
            let expected = |resource: &str| {
                Some((403, format!("{resource} \"p\" is forbidden: violates what this petsetd allows: {expected}")))
            };
            assert_eq!(refusal(&policy(), "pods", &pod), expected("pods"), "{pod}");
            let set = json!({"metadata": {"name": "p"}, "spec": {"template": pod}});
            assert_eq!(refusal(&policy(), "petsets", &set), expected("petsets.apps"), "{set}");
            let generous = Policy { privileged: true, ..Policy::default() };
            assert_eq!(refusal(&generous, "pods", &pod), None, "{pod}");
        }
        assert_eq!(refusal(&policy(), "pods", &pod(&capable(json!(["IPC_LOCK", "CAP_NET_BIND_SERVICE"])))), None);
    }

    #[test]
    fn an_update_is_refused_only_for_what_it_adds() {
        let resource = find("", "v1", "pods").unwrap();
        let old = pod(&json!({"hostNetwork": true}));
        let mut labelled = old.clone();
        labelled["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(policy().admit(resource, &labelled, Some(&old)), Ok(()));
        let more = pod(&json!({"hostNetwork": true, "volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}));
        assert_eq!(policy().admit(resource, &more, Some(&old)).map_err(|status| status.code), Err(403));
    }
}
