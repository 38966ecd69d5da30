//! The kernel's parameters that a pod may have: those that change nothing for others.

use k8s_openapi::api::core::v1::PodSpec;

use super::Rejection;

/// Those that the kubelet of 1.36 takes for safe. All but the first are of the network.
///
/// Source: `SafeSysctlAllowlist` in `pkg/kubelet/sysctl`.
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// What the kubelet says of the first parameter that it does not let a pod have.
pub(super) fn forbidden(spec: &PodSpec) -> Option<Rejection> {
    let asked = spec.security_context.as_ref()?.sysctls.as_deref()?;
    let why = asked.iter().find_map(|sysctl| {
        let name = sysctl.name.replace('/', ".");
        if !SAFE.contains(&name.as_str()) {
            return Some(format!("{name:?} not allowlisted"));
        }
        let (namespace, is_hosts) =
            if name.starts_with("net.") { ("Net", spec.host_network) } else { ("IPC", spec.host_ipc) };
        (is_hosts == Some(true)).then(|| format!("{name:?} not allowed with host {namespace} enabled"))
    })?;
    Some(Rejection { reason: "SysctlForbidden", message: format!("forbidden sysctl: {why}") })
}
