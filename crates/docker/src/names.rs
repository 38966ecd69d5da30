//! How our things are called and labelled in Docker.

use std::collections::HashMap;

use plan::facts::{Owner, PodKey, Role};

/// Every label of ours begins with this.
pub(crate) const PREFIX: &str = "petset.io/";
/// Whose it is.
pub(crate) const INSTANCE: &str = "petset.io/instance";
pub(crate) const NAMESPACE: &str = "petset.io/namespace";
pub(crate) const POD: &str = "petset.io/pod";
pub(crate) const UID: &str = "petset.io/uid";
pub(crate) const ROLE: &str = "petset.io/role";
pub(crate) const CONTAINER: &str = "petset.io/container";
pub(crate) const ATTEMPT: &str = "petset.io/attempt";
/// The role of the container that is no pod's.
const BALANCER: &str = "balancer";
/// Where a container's message about its end is sought: `file`, or `file or log`.
pub(crate) const TERMINATION: &str = "petset.io/termination";
/// The role of containers that do one thing for us and go.
const ERRAND: &str = "errand";
/// The volumes of which a container has a part: the engine does not know that it uses them.
pub(crate) const PARTS: &str = "petset.io/parts-of";

/// The container's name: unambiguous, because no name in Kubernetes has a `_`. The uid is not in it, so two
/// containers for one identity collide in the engine.
pub(crate) fn container_name(instance: &str, owner: &Owner) -> String {
    let Owner { pod: PodKey { namespace, name }, container, attempt, .. } = owner;
    format!("petset_{instance}_{namespace}_{name}_{container}_{attempt}")
}

/// The name of the container that holds the virtual addresses: shorter than any pod's, so none is taken for it.
pub(crate) fn balancer(instance: &str) -> String {
    format!("petset_{instance}_balancer")
}

/// Its labels: no pod's, so that it is never among the facts.
pub(crate) fn balancer_labels(instance: &str) -> HashMap<String, String> {
    HashMap::from([(INSTANCE.to_owned(), instance.to_owned()), (ROLE.to_owned(), BALANCER.to_owned())])
}

/// The name of the container that writes the files of a pod's volumes. It too is shorter than any pod's.
pub(crate) fn publisher(instance: &str, uid: &str) -> String {
    format!("petset_{instance}_files_{uid}")
}

/// Whether it is that container.
pub(crate) fn is_balancer(instance: &str, labels: &HashMap<String, String>) -> bool {
    let is = |name: &str, value: &str| labels.get(name).is_some_and(|label| label == value);
    is(INSTANCE, instance) && is(ROLE, BALANCER)
}

/// The labels of a container that does one thing for us and goes: no pod's, so that it is never among the facts.
pub(crate) fn errand_labels(instance: &str) -> HashMap<String, String> {
    HashMap::from([(INSTANCE.to_owned(), instance.to_owned()), (ROLE.to_owned(), ERRAND.to_owned())])
}

/// The label by which such containers are found, where a daemon that was killed has left them.
pub(crate) const ERRANDS: (&str, &str) = (ROLE, ERRAND);

/// Whether a volume is called as those of an instance are. The planner gives the names; no instance's has a `_`.
pub(crate) fn is_volume_of(instance: &str, volume: &str) -> bool {
    let rest = volume.strip_prefix("petset_").and_then(|rest| rest.strip_prefix(instance));
    rest.is_some_and(|rest| rest.starts_with('_'))
}

/// The labels of a container.
pub(crate) fn labels(instance: &str, owner: &Owner) -> HashMap<String, String> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    HashMap::from([
        label(INSTANCE, instance),
        label(NAMESPACE, &owner.pod.namespace),
        label(POD, &owner.pod.name),
        label(UID, &owner.uid),
        label(ROLE, role_name(owner.role)),
        label(CONTAINER, &owner.container),
        label(ATTEMPT, &owner.attempt.to_string()),
    ])
}

/// Whose container it is; `None` where a label is missing or senseless, or names another instance.
pub(crate) fn owner(instance: &str, labels: &HashMap<String, String>) -> Option<Owner> {
    if labels.get(INSTANCE)? != instance {
        return None;
    }
    Some(Owner {
        pod: PodKey { namespace: labels.get(NAMESPACE)?.clone(), name: labels.get(POD)?.clone() },
        uid: labels.get(UID)?.clone(),
        role: role(labels.get(ROLE)?)?,
        container: labels.get(CONTAINER)?.clone(),
        attempt: labels.get(ATTEMPT)?.parse().ok()?,
    })
}

/// An API filter: everything that has all of these `label=value`.
pub(crate) fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), labels.iter().map(|(name, value)| format!("{name}={value}")).collect())])
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Sandbox => "sandbox",
        Role::Init => "init",
        Role::App => "app",
        Role::Ephemeral => "ephemeral",
    }
}

fn role(name: &str) -> Option<Role> {
    match name {
        "sandbox" => Some(Role::Sandbox),
        "init" => Some(Role::Init),
        "app" => Some(Role::App),
        "ephemeral" => Some(Role::Ephemeral),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web_0(role: Role) -> Owner {
        Owner {
            pod: PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() },
            uid: "3f0c".to_owned(),
            role,
            container: "nginx".to_owned(),
            attempt: 2,
        }
    }

    #[test]
    fn the_name_leaves_out_the_uid_so_that_identities_collide() {
        assert_eq!(container_name("one", &web_0(Role::App)), "petset_one_default_web-0_nginx_2");
    }

    #[test]
    fn labels_say_whose_container_it_is() {
        for role in [Role::Sandbox, Role::Init, Role::App, Role::Ephemeral] {
            let owner_before = web_0(role);
            assert_eq!(owner("one", &labels("one", &owner_before)), Some(owner_before));
        }
    }

    #[test]
    fn a_container_of_another_instance_or_with_a_label_missing_is_not_ours() {
        let complete = labels("one", &web_0(Role::App));
        assert_eq!(owner("two", &complete), None);
        for missing in [INSTANCE, NAMESPACE, POD, UID, ROLE, CONTAINER, ATTEMPT] {
            let mut labels = complete.clone();
            labels.remove(missing);
            assert_eq!(owner("one", &labels), None, "without {missing}");
        }
        let mut labels = complete;
        labels.insert(ATTEMPT.to_owned(), "second".to_owned());
        assert_eq!(owner("one", &labels), None);
    }
}
