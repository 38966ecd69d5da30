//! The pod's own network files, as the kubelet writes them, and its names.

use std::{collections::BTreeSet, fmt::Write as _, net::IpAddr};

use api::limits::KERNEL_NAME_OCTETS_MAX;
use k8s_openapi::api::core::v1::PodDNSConfig;

use super::view::View;
use crate::action::Files;

/// The longest hostname; Linux has room for 64 octets and Kubernetes leaves one.
const HOSTNAME_OCTETS_MAX: usize = 63;
/// As many name servers as resolvers read, and Kubernetes allows.
const NAME_SERVERS_MAX: usize = 3;
/// As many search domains as Kubernetes allows.
const SEARCHES_MAX: usize = 32;
/// As long as Kubernetes allows all search domains together to be, with the blanks between them.
const SEARCH_OCTETS_MAX: usize = 2048;

/// The pod's hostname and its domain, which is empty where it has no subdomain.
pub(super) fn names(view: &View<'_>) -> (String, String) {
    let spec = view.spec;
    let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    if let Some(name) = given(&spec.hostname_override) {
        return (name, String::new());
    }
    let hostname = truncate(&given(&spec.hostname).unwrap_or_else(|| view.input.key.name.clone()));
    let domain = given(&spec.subdomain)
        .map(|subdomain| format!("{subdomain}.{}.svc.{}", view.input.key.namespace, view.input.host.domain));
    (hostname, domain.unwrap_or_default())
}

/// What the kernel calls the pod: its hostname, or with `setHostnameAsFQDN` its whole name.
///
/// Errors: the kubelet's words for a name that the kernel has no room for.
pub(super) fn kernel_name(view: &View<'_>) -> Result<(String, String), String> {
    let (hostname, domain) = names(view);
    if view.spec.set_hostname_as_fqdn != Some(true) || domain.is_empty() {
        return Ok((hostname, domain));
    }
    let whole = format!("{hostname}.{domain}");
    if whole.len() > KERNEL_NAME_OCTETS_MAX {
        return Err(format!(
            "Failed to construct FQDN from Pod hostname and cluster domain, FQDN {whole} is too long \
             ({KERNEL_NAME_OCTETS_MAX} characters is the max, {} characters requested)",
            whole.len()
        ));
    }
    Ok((whole, String::new()))
}

/// The contents of `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`.
pub(super) fn files(view: &View<'_>, address: IpAddr) -> Files {
    let (hostname, domain) = names(view);
    Files {
        hosts: hosts(view, address, &hostname, &domain),
        hostname: format!("{}\n", kernel_name(view).map_or(hostname, |(name, _)| name)),
        resolv_conf: resolv_conf(view),
    }
}

fn truncate(hostname: &str) -> String {
    if hostname.len() <= HOSTNAME_OCTETS_MAX {
        return hostname.to_owned();
    }
    let end = (0..=HOSTNAME_OCTETS_MAX).rev().find(|end| hostname.is_char_boundary(*end)).unwrap_or(0);
    hostname[..end].trim_end_matches(['-', '.']).to_owned()
}

fn hosts(view: &View<'_>, address: IpAddr, hostname: &str, domain: &str) -> String {
    let mut hosts = "# Kubernetes-managed hosts file.\n\
        127.0.0.1\tlocalhost\n\
        ::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::0\tip6-localnet\n\
        fe00::0\tip6-mcastprefix\n\
        fe00::1\tip6-allnodes\n\
        fe00::2\tip6-allrouters\n"
        .to_owned();
    // Writing to a string cannot fail.
    let _ = if domain.is_empty() {
        writeln!(hosts, "{address}\t{hostname}")
    } else {
        writeln!(hosts, "{address}\t{hostname}.{domain}\t{hostname}")
    };
    let aliases = view.spec.host_aliases.as_deref().unwrap_or_default();
    if !aliases.is_empty() {
        hosts.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        let _ = writeln!(hosts, "{}\t{names}", alias.ip);
    }
    hosts
}

/// Source: Kubernetes, "DNS for Services and Pods", pod's DNS policy and DNS config.
fn resolv_conf(view: &View<'_>) -> String {
    let host = &view.input.host;
    let cluster_first = match view.spec.dns_policy.as_deref() {
        Some("None" | "Default") => false,
        Some("ClusterFirstWithHostNet") => true,
        // On the host's network the cluster's DNS is asked only where that is said in so many words.
        Some(_) | None => !view.is_host_network(),
    };
    let (mut servers, mut searches, mut options) = (Vec::new(), Vec::new(), Vec::new());
    if cluster_first {
        servers.push(host.dns.to_string());
        let (namespace, domain) = (&view.input.key.namespace, &host.domain);
        searches.extend([format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()]);
        searches.extend(host.search.iter().cloned());
        options.push(("ndots".to_owned(), Some("5".to_owned())));
    } else if view.spec.dns_policy.as_deref() != Some("None") {
        servers.extend(host.resolvers.iter().map(ToString::to_string));
        searches.extend(host.search.iter().cloned());
    }
    if let Some(config) = &view.spec.dns_config {
        merge(config, &mut servers, &mut searches, &mut options);
    }
    write_resolv_conf(unique(servers), unique(searches), &options)
}

fn merge(
    config: &PodDNSConfig,
    servers: &mut Vec<String>,
    searches: &mut Vec<String>,
    options: &mut Vec<(String, Option<String>)>,
) {
    servers.extend(config.nameservers.iter().flatten().cloned());
    searches.extend(config.searches.iter().flatten().cloned());
    for option in config.options.iter().flatten() {
        let Some(name) = &option.name else { continue };
        let value = option.value.clone().filter(|value| !value.is_empty());
        match options.iter_mut().find(|(present, _)| present == name) {
            Some(present) => present.1 = value,
            None => options.push((name.clone(), value)),
        }
    }
}

fn write_resolv_conf(servers: Vec<String>, searches: Vec<String>, options: &[(String, Option<String>)]) -> String {
    let mut text = String::new();
    let mut octets = 0;
    let searches: Vec<String> = searches
        .into_iter()
        .take(SEARCHES_MAX)
        .take_while(|search| {
            octets += search.len() + 1;
            octets <= SEARCH_OCTETS_MAX + 1
        })
        .collect();
    if !searches.is_empty() {
        let _ = writeln!(text, "search {}", searches.join(" "));
    }
    for server in servers.into_iter().take(NAME_SERVERS_MAX) {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !options.is_empty() {
        let option = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("{name}:{value}"),
            None => name.clone(),
        };
        let _ = writeln!(text, "options {}", options.iter().map(option).collect::<Vec<_>>().join(" "));
    }
    text
}

/// Without repetitions, the first of each kept in its place.
fn unique(all: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|one| seen.insert(one.clone())).collect()
}
