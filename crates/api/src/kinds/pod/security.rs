//! What must hold for the security context of a pod and of its containers.
//!
//! Source: `ValidatePodSecurityContext` and `ValidateSecurityContext` in `pkg/apis/core/validation`.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{PodSpec, SeccompProfile, SecurityContext};

use crate::kinds::pod::spec::one_of;
use crate::status::Cause;

/// The longest name of a kernel parameter.
const SYSCTL_NAME_OCTETS_MAX: usize = 253;

/// All that is wrong with the pod's own security context.
pub(super) fn validate_pod(spec: &PodSpec, field: &str, wrong: &mut Vec<Cause>) {
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        wrong.push(Cause::invalid(format!("{field}.shareProcessNamespace"), true, why));
    }
    let Some(context) = &spec.security_context else { return };
    let field = format!("{field}.securityContext");
    let ids = [("fsGroup", context.fs_group), ("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)];
    for (name, id) in ids {
        check_id(id, &format!("{field}.{name}"), wrong);
    }
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        check_id(Some(*group), &format!("{field}.supplementalGroups[{index}]"), wrong);
    }
    let policies = [
        ("supplementalGroupsPolicy", &context.supplemental_groups_policy, ["Merge", "Strict"]),
        ("fsGroupChangePolicy", &context.fs_group_change_policy, ["Always", "OnRootMismatch"]),
    ];
    for (name, policy, supported) in policies {
        if policy.is_some() {
            one_of(policy.as_deref(), &supported, format!("{field}.{name}"), wrong);
        }
    }
    seccomp(context.seccomp_profile.as_ref(), &field, wrong);
    let mut seen = HashSet::new();
    for (index, sysctl) in context.sysctls.iter().flatten().enumerate() {
        let at = format!("{field}.sysctls[{index}].name");
        let name = sysctl.name.replace('/', ".");
        if name.is_empty() {
            wrong.push(Cause::required(at, ""));
        } else if !is_sysctl(&name) {
            let why = "must have at most 253 characters and match regex \
                       ^([a-z0-9][-_a-z0-9]*[\\./])*[a-z0-9][-_a-z0-9]*$";
            wrong.push(Cause::invalid(at, sysctl.name.as_str(), why));
        } else if !seen.insert(name) {
            wrong.push(Cause::duplicate(at, sysctl.name.as_str()));
        }
    }
}

/// All that is wrong with a container's own security context. `spec` is the pod's.
pub(super) fn validate_container(
    context: Option<&SecurityContext>,
    spec: &PodSpec,
    field: &str,
    wrong: &mut Vec<Cause>,
) {
    let Some(context) = context else { return };
    let field = format!("{field}.securityContext");
    for (name, id) in [("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)] {
        check_id(id, &format!("{field}.{name}"), wrong);
    }
    seccomp(context.seccomp_profile.as_ref(), &field, wrong);
    if let Some(mount) = &context.proc_mount {
        one_of(Some(mount), &["Default", "Unmasked"], format!("{field}.procMount"), wrong);
        if mount == "Unmasked" && spec.host_users != Some(false) {
            let why = "`hostUsers` must be false to use `Unmasked`";
            wrong.push(Cause::invalid(format!("{field}.procMount"), mount.as_str(), why));
        }
    }
    if context.allow_privilege_escalation == Some(false) {
        let value = || serde_json::to_value(context).unwrap_or_default();
        if context.privileged == Some(true) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            wrong.push(Cause::invalid(field.as_str(), value(), why));
        }
        let added = context.capabilities.as_ref().and_then(|all| all.add.as_ref());
        if added.is_some_and(|added| added.iter().any(|name| name == "CAP_SYS_ADMIN")) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            wrong.push(Cause::invalid(field.as_str(), value(), why));
        }
    }
}

fn check_id(id: Option<i64>, field: &str, wrong: &mut Vec<Cause>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        wrong.push(Cause::invalid(field, id, "must be between 0 and 2147483647, inclusive"));
    }
}

/// A profile of the node's would have to be a file on the engine's machine, and there is nobody who puts one there.
fn seccomp(profile: Option<&SeccompProfile>, field: &str, wrong: &mut Vec<Cause>) {
    let Some(profile) = profile else { return };
    let field = format!("{field}.seccompProfile");
    match profile.type_.as_str() {
        "Localhost" => {
            let why = "the node has no profiles of its own: use RuntimeDefault or Unconfined";
            wrong.push(Cause::forbidden(format!("{field}.type"), why));
        }
        kind => one_of(Some(kind), &["Localhost", "RuntimeDefault", "Unconfined"], format!("{field}.type"), wrong),
    }
    if profile.localhost_profile.is_some() && profile.type_ != "Localhost" {
        let why = "can only be set when seccomp type is Localhost";
        wrong.push(Cause::invalid(
            format!("{field}.localhostProfile"),
            profile.localhost_profile.as_deref().unwrap_or_default(),
            why,
        ));
    }
}

/// Source: `IsValidSysctlName`.
fn is_sysctl(name: &str) -> bool {
    let is_inner = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || matches!(octet, b'-' | b'_');
    let is_part = |part: &str| {
        let is_first = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
        part.as_bytes().first().is_some_and(is_first) && part.bytes().all(is_inner)
    };
    name.len() <= SYSCTL_NAME_OCTETS_MAX && name.split('.').all(is_part)
}
