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
    /// Whether pods may have the host's powers: `privileged`, its network and processes, capabilities that lead out of a
    /// container, no filter of system calls.
    pub privileged: bool,
}

/// Capabilities that do not lead out of a container: those of `baseline`, `NET_RAW`, which the engine gives to every
/// container, two that databases ask for, `IPC_LOCK` and `SYS_NICE`, and one that `kubectl debug` asks for, `SYS_PTRACE`: a
/// container has no processes to trace but its own, and those of the container that it is to look into.
const CAPABILITIES: [&str; 17] = [
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
    "SYS_PTRACE",
];

impl Policy {
    /// Whether an object asks for no more than is allowed. Of an update only what it adds is looked at, so that what
    /// was made under another policy can still be labelled and ended.
    ///
    /// Errors: 403 with everything that is not allowed, and the flag of the daemon that allows it.
    pub fn admit(&self, resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        self.judge(Lawgiver::Daemon, resource, new, old)
    }

    /// The same where this is what the client's token allows. Errors: 403 with everything that is not allowed.
    pub fn admit_of_namespace(&self, resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        self.judge(Lawgiver::Token, resource, new, old)
    }

    fn judge(&self, by: Lawgiver, resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        let before = old.map(|old| self.violations(by, resource.kind, old)).unwrap_or_default();
        let mut added = self.violations(by, resource.kind, new);
        added.retain(|violation| !before.contains(violation));
        if added.is_empty() {
            return Ok(());
        }
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        let why = format!("violates what {} allows: {}", by.name(), added.join(", "));
        Err(Status::forbidden(resource, name, &why))
    }

    /// Whether a path of the host is one of those that are allowed, or below one: component by component, so that
    /// `/srv/database` is not below `/srv/data`. A path that climbs is below nothing.
    pub fn allows_path(&self, path: &Path) -> bool {
        allowed_root(&self.host_paths, path).is_some()
    }

    fn violations(&self, by: Lawgiver, kind: &str, object: &Value) -> Vec<String> {
        let spec = match kind {
            // The set's own, as it was: pods are made from it again.
            "ControllerRevision" => &object["data"]["spec"],
            _ => &object["spec"],
        };
        match kind {
            "Pod" => self.of_pod(by, &object["metadata"], spec),
            "PersistentVolume" => self.of_volume(by, spec),
            _ if spec["template"].is_object() => {
                self.of_pod(by, &spec["template"]["metadata"], &spec["template"]["spec"])
            }
            _ => Vec::new(),
        }
    }

    fn of_volume(&self, by: Lawgiver, spec: &Value) -> Vec<String> {
        let sources = [("hostPath volumes", "hostPath"), ("local volumes", "local")];
        let path = |field: &str| spec[field]["path"].as_str();
        sources
            .iter()
            .filter_map(|(what, field)| Some(format!("{what} ({})", self.path_refusal(by, path(field)?)?)))
            .collect()
    }

    fn of_pod(&self, by: Lawgiver, metadata: &Value, spec: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let remedy = by.remedy("--allow-privileged allows it");
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            let name = text(volume, "name");
            if let Some(why) = volume["hostPath"]["path"].as_str().and_then(|path| self.path_refusal(by, path)) {
                found.push(format!("hostPath volumes (volume {name:?}: {why})"));
            }
        }
        if self.privileged {
            return found;
        }
        let shared = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|name| spec[*name] == true);
        let shared: Vec<String> = shared.map(|name| format!("{name}=true")).collect();
        if !shared.is_empty() {
            found.push(format!("host namespaces ({}; {remedy})", shared.join(", ")));
        }
        if is_unconfined(&spec["securityContext"]) {
            found.push(format!(
                "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\"; {remedy})"
            ));
        }
        let annotated = annotated_init_containers(metadata);
        let lists = [&spec["initContainers"], &spec["containers"], &spec["ephemeralContainers"], &annotated];
        for container in lists.into_iter().filter_map(Value::as_array).flatten() {
            let (name, security) = (text(container, "name"), &container["securityContext"]);
            if security["privileged"] == true {
                found.push(format!(
                    "privileged (container {name:?} must not set securityContext.privileged=true; {remedy})"
                ));
            }
            if is_unconfined(security) {
                found.push(format!(
                    "seccompProfile (container {name:?} must not set securityContext.seccompProfile.type to \
                     \"Unconfined\"; {remedy})"
                ));
            }
            if security["procMount"] == "Unmasked" {
                found.push(format!(
                    "procMount (container {name:?} must not set securityContext.procMount to \"Unmasked\"; {remedy})"
                ));
            }
            let added = security["capabilities"]["add"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let added: Vec<&str> = added.filter(|capability| !is_common_capability(capability)).collect();
            if !added.is_empty() {
                found.push(format!(
                    "non-default capabilities (container {name:?} must not include {} in \
                     securityContext.capabilities.add; {remedy})",
                    added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
                ));
            }
        }
        found
    }

    fn path_refusal(&self, by: Lawgiver, path: &str) -> Option<String> {
        let remedy = by.remedy("--allow-host-path PREFIX allows one");
        (!self.allows_path(Path::new(path))).then(|| format!("the path {path:?} is not allowed; {remedy}"))
    }
}

/// Whose rule a policy is, for whoever is refused.
#[derive(Clone, Copy)]
enum Lawgiver {
    Daemon,
    Token,
}

impl Lawgiver {
    fn name(self) -> &'static str {
        match self {
            Lawgiver::Daemon => "this petsetd",
            Lawgiver::Token => "a token for namespaces",
        }
    }

    /// What helps. `flag` is the daemon's.
    fn remedy(self, flag: &str) -> String {
        match self {
            Lawgiver::Daemon => format!("petsetd {flag}"),
            Lawgiver::Token => "one for everything allows what petsetd does".to_owned(),
        }
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

/// Whether a security context takes the filter of system calls away.
fn is_unconfined(security: &Value) -> bool {
    security["seccompProfile"]["type"] == "Unconfined"
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
        let of_processes = "host namespaces (hostPID=true, hostIPC=true; petsetd --allow-privileged allows it)";
        let of_capability = "non-default capabilities (container \"c\" must not include \"SYS_ADMIN\", \"all\" in \
                             securityContext.capabilities.add; petsetd --allow-privileged allows it)";
        let unconfined = json!({"seccompProfile": {"type": "Unconfined"}});
        let of_seccomp = "seccompProfile (container \"c\" must not set securityContext.seccompProfile.type to \
                          \"Unconfined\"; petsetd --allow-privileged allows it)";
        let of_pods_seccomp = "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\"; \
                               petsetd --allow-privileged allows it)";
        let of_proc = "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\"; petsetd \
                       --allow-privileged allows it)";
        let with = |security: Value| json!({"containers": [{"name": "c", "securityContext": security}]});
        for (metadata, spec, expected) in [
            (json!({}), json!({"securityContext": unconfined}), of_pods_seccomp),
            (json!({}), with(unconfined.clone()), of_seccomp),
            (json!({}), with(json!({"procMount": "Unmasked"})), of_proc),
            (json!({}), json!({"containers": [privileged]}), of_container),
            (json!({}), json!({"initContainers": [privileged]}), of_container),
            (json!({"annotations": {INIT_CONTAINERS: annotated}}), json!({}), of_container),
            (json!({}), json!({"hostNetwork": true}), of_network),
            (json!({}), json!({"hostPID": true, "hostIPC": true, "hostNetwork": false}), of_processes),
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
    fn a_revision_is_held_to_what_its_set_is_and_a_token_has_words_of_its_own() {
        let spec = json!({"template": {"spec": {"hostNetwork": true}}});
        let revision = json!({"metadata": {"name": "web-1"}, "data": {"spec": spec}});
        let resource = find("apps", "v1", "controllerrevisions").unwrap();
        let said = |outcome: Result<(), Status>| outcome.map_err(|status| status.message);
        let refused = |by: &str, remedy: &str| {
            Err(format!(
                "controllerrevisions.apps \"web-1\" is forbidden: violates what {by} allows: host namespaces \
                 (hostNetwork=true; {remedy})"
            ))
        };
        let (by, remedy) = ("this petsetd", "petsetd --allow-privileged allows it");
        assert_eq!(said(policy().admit(resource, &revision, None)), refused(by, remedy));
        let (by, remedy) = ("a token for namespaces", "one for everything allows what petsetd does");
        assert_eq!(said(policy().admit_of_namespace(resource, &revision, None)), refused(by, remedy));
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
