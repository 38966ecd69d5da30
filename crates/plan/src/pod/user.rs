//! As whom a container runs, and how it is confined: the pod's security context below the container's own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container as ContainerSpec;

use super::{
    build::Unmade,
    view::{Unit, View},
};
use crate::action::Confinement;

/// The user as the engine takes it, `user[:group]`; `None` is the image's own.
///
/// Errors: what the kubelet says of a container that must not run as root and would, or might.
/// Source: `verifyRunAsNonRoot` in `pkg/kubelet/kuberuntime`.
pub(super) fn user(view: &View<'_>, unit: &Unit<'_>) -> Result<Option<String>, Unmade> {
    let (of_container, of_pod) = (unit.spec.security_context.as_ref(), view.spec.security_context.as_ref());
    let user = of_container.and_then(|c| c.run_as_user).or_else(|| of_pod.and_then(|p| p.run_as_user));
    let group = of_container.and_then(|c| c.run_as_group).or_else(|| of_pod.and_then(|p| p.run_as_group));
    let not_root = of_container.and_then(|c| c.run_as_non_root).or_else(|| of_pod.and_then(|p| p.run_as_non_root));
    let must_not_be_root = not_root == Some(true);
    let refused = |why: &str| {
        let (key, name) = (view.input.key, unit.name());
        let pod = format!("{}_{}({})", key.name, key.namespace, view.uid);
        Unmade::Config(format!("{why} (pod: \"{pod}\", container: {name})"))
    };
    let user = match user {
        Some(0) if must_not_be_root => return Err(refused("container's runAsUser breaks non-root policy")),
        Some(user) => Some(user.to_string()),
        None if must_not_be_root => {
            let user = image_user(view, unit)?;
            match user.parse::<i64>() {
                Ok(0) => return Err(refused("container has runAsNonRoot and image will run as root")),
                Ok(_) => {}
                Err(_) => {
                    let why = "container has runAsNonRoot and image has non-numeric user";
                    return Err(refused(&format!("{why} ({user}), cannot verify user is non-root")));
                }
            }
            group.map(|_| user.to_owned())
        }
        None if group.is_some() => Some(image_user(view, unit)?.to_owned()),
        None => None,
    };
    Ok(user.map(|user| match group {
        Some(group) => format!("{user}:{group}"),
        None => user,
    }))
}

/// How a container is confined.
pub(super) fn confinement(view: &View<'_>, spec: &ContainerSpec) -> Confinement {
    let (of_container, of_pod) = (spec.security_context.as_ref(), view.spec.security_context.as_ref());
    let fs_group = of_pod.and_then(|pod| pod.fs_group);
    let others = of_pod.and_then(|pod| pod.supplemental_groups.as_deref()).unwrap_or_default();
    let mut groups: Vec<i64> = Vec::new();
    for group in fs_group.iter().chain(others) {
        if !groups.contains(group) {
            groups.push(*group);
        }
    }
    let profile = of_container.and_then(|c| c.seccomp_profile.as_ref());
    let profile = profile.or_else(|| of_pod.and_then(|pod| pod.seccomp_profile.as_ref()));
    Confinement {
        groups,
        no_new_privileges: of_container.and_then(|c| c.allow_privilege_escalation) == Some(false),
        without_seccomp: profile.is_some_and(|profile| profile.type_ == "Unconfined"),
        unmasked: of_container.and_then(|c| c.proc_mount.as_deref()) == Some("Unmasked"),
        host_pid: view.spec.host_pid == Some(true),
        host_ipc: view.spec.host_ipc == Some(true),
    }
}

/// The kernel's parameters that the pod asks for, with dots between the parts of their names.
pub(super) fn sysctls(view: &View<'_>) -> BTreeMap<String, String> {
    let asked = view.spec.security_context.as_ref().and_then(|pod| pod.sysctls.as_deref()).unwrap_or_default();
    asked.iter().map(|sysctl| (sysctl.name.replace('/', "."), sysctl.value.clone())).collect()
}

/// The user that the image names, without its group; root where it names none.
fn image_user<'a>(view: &View<'a>, unit: &Unit<'_>) -> Result<&'a str, Unmade> {
    let image = view.input.images.get(unit.image()).ok_or(Unmade::Image)?;
    let user = image.user.split(':').next().unwrap_or_default();
    Ok(if user.is_empty() { "0" } else { user })
}
