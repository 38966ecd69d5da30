//! What the daemon knows of its machine: for the Node object, and for pods that use the machine's own DNS.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Names the distribution (os-release(5)).
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// Names the resolvers (resolv.conf(5)).
const RESOLV_CONF: &str = "etc/resolv.conf";

/// Names the resolvers behind systemd-resolved's stub, which listens on a loopback address.
const RESOLV_CONF_BEHIND_STUB: &str = "run/systemd/resolve/resolv.conf";

/// The facts of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The machine's name as Kubernetes would write it: a DNS name in lower case. The Node has it.
    pub(crate) name: String,
    /// `status.nodeInfo.kernelVersion`: `6.1.0-18-amd64`.
    pub(crate) kernel: String,
    /// `status.nodeInfo.osImage`: `Debian GNU/Linux 12 (bookworm)`.
    pub(crate) os_image: String,
    /// `status.nodeInfo.architecture`, as Go spells it: `amd64`.
    pub(crate) architecture: &'static str,
    /// `status.nodeInfo.machineID`; may be empty.
    pub(crate) machine_id: String,
    /// `status.nodeInfo.bootID`; may be empty.
    pub(crate) boot_id: String,
    /// `status.capacity.cpu`.
    pub(crate) cpus: usize,
    /// `status.capacity.memory`, in bytes.
    pub(crate) memory_bytes: u64,
    /// Who the daemon asks for names of other domains.
    pub(crate) upstreams: Vec<SocketAddr>,
    /// Who pods with `dnsPolicy: Default` ask: never a loopback address, which is another one inside of a pod.
    pub(crate) resolvers: Vec<IpAddr>,
    /// The machine's search list, which pods' lists end with.
    pub(crate) search: Vec<String>,
}

impl Host {
    /// Reads the facts of this machine. What cannot be read is empty.
    pub(crate) fn read() -> Host {
        Host::at(Path::new("/"))
    }

    fn at(root: &Path) -> Host {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let line = |path: &str| text(path).trim().to_owned();
        let resolv_conf = text(RESOLV_CONF);
        let upstreams = dns::upstreams(&resolv_conf);
        let mut resolvers = beyond_loopback(&upstreams);
        if resolvers.is_empty() {
            resolvers = beyond_loopback(&dns::upstreams(&text(RESOLV_CONF_BEHIND_STUB)));
        }
        Host {
            name: node_name(&line("proc/sys/kernel/hostname")),
            kernel: line("proc/sys/kernel/osrelease"),
            os_image: OS_RELEASE.iter().find_map(|path| pretty_name(&text(path))).unwrap_or_else(|| "Linux".to_owned()),
            architecture: architecture(std::env::consts::ARCH),
            machine_id: line("etc/machine-id"),
            boot_id: line("proc/sys/kernel/random/boot_id"),
            cpus: text("proc/cpuinfo").lines().filter(|line| line.starts_with("processor")).count().max(1),
            memory_bytes: memory_bytes(&text("proc/meminfo")),
            upstreams,
            resolvers,
            search: search(&resolv_conf),
        }
    }
}

/// A machine's name as a Node's: in lower case, other characters than DNS has made `-`.
fn node_name(hostname: &str) -> String {
    let name: String =
        hostname.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

fn architecture(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|total| total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

fn beyond_loopback(upstreams: &[SocketAddr]) -> Vec<IpAddr> {
    upstreams.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback()).collect()
}

/// The search list of a resolv.conf: of `search` and `domain` lines the last one counts. `.` is no domain.
fn search(resolv_conf: &str) -> Vec<String> {
    let mut search = Vec::new();
    for line in resolv_conf.lines() {
        let mut words = line.split_ascii_whitespace();
        if let Some("search" | "domain") = words.next() {
            search = words.map(|domain| domain.trim_end_matches('.').to_owned()).filter(|d| !d.is_empty()).collect();
        }
    }
    search
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Host {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Host::at(root.path())
    }

    #[test]
    fn a_machine_is_described_as_kubelet_would() {
        let host = machine(&[
            ("proc/sys/kernel/hostname", "Build_7.Example.com\n"),
            ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
            ("proc/sys/kernel/random/boot_id", "b\n"),
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\n"),
            ("proc/meminfo", "MemTotal:        8030436 kB\nMemFree: 1 kB\n"),
            ("etc/machine-id", "m\n"),
            ("etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            (
                "etc/resolv.conf",
                "# by hand\nnameserver 10.0.0.2\nnameserver fd00::2\nsearch corp.example. .\noptions x\n",
            ),
        ]);
        assert_eq!(
            host,
            Host {
                name: "build-7.example.com".to_owned(),
                kernel: "6.1.0-18-amd64".to_owned(),
                os_image: "Debian GNU/Linux 12 (bookworm)".to_owned(),
                architecture: architecture(std::env::consts::ARCH),
                machine_id: "m".to_owned(),
                boot_id: "b".to_owned(),
                cpus: 2,
                memory_bytes: 8_030_436 * 1024,
                upstreams: vec!["10.0.0.2:53".parse().unwrap(), "[fd00::2]:53".parse().unwrap()],
                resolvers: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
                search: vec!["corp.example".to_owned()],
            }
        );
    }

    #[test]
    fn a_stub_serves_the_daemon_and_what_is_behind_it_the_pods() {
        let host = machine(&[
            ("etc/resolv.conf", "nameserver 127.0.0.53\nsearch old.example\ndomain lan\n"),
            ("run/systemd/resolve/resolv.conf", "nameserver 192.168.1.1\n"),
        ]);
        assert_eq!(host.upstreams, ["127.0.0.53:53".parse().unwrap()]);
        assert_eq!(host.resolvers, ["192.168.1.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(host.search, ["lan"]);
    }

    #[test]
    fn a_machine_that_says_nothing_still_has_a_name() {
        let host = machine(&[]);
        assert_eq!((host.name.as_str(), host.os_image.as_str(), host.cpus), ("localhost", "Linux", 1));
        assert!(host.upstreams.is_empty() && host.resolvers.is_empty() && host.search.is_empty());
    }

    #[test]
    fn this_machine_has_memory_and_a_kernel() {
        let host = Host::read();
        assert!(host.memory_bytes > 0 && !host.kernel.is_empty(), "{host:?}");
    }
}
