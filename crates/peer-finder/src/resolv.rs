//! What `/etc/resolv.conf` says: whom to ask, below which domains a short name is looked for, and which of them is the cluster's.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::flags::Flags;

/// glibc takes no more (resolv.conf(5)).
const SERVERS_MAX: usize = 3;
const NDOTS_MAX: usize = 15;
const TIMEOUT_SECONDS_MAX: u64 = 30;
const ATTEMPTS_MAX: u32 = 5;

/// The file, with resolv.conf(5)'s defaults for what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolv {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    search: Vec<String>,
    ndots: usize,
}

/// No domain of a cluster is to be seen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the search list of /etc/resolv.conf names no domain `{0}`: say -ns and -domain")]
pub(crate) struct NoDomain(&'static str);

impl Resolv {
    /// Reads the file's text. What cannot be read is left out, as C libraries do.
    pub(crate) fn parse(text: &str) -> Resolv {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        let mut resolv =
            Resolv { servers: vec![], timeout: Duration::from_secs(5), attempts: 2, search: vec![], ndots: 1 };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    resolv.servers.extend(address.map(|address| SocketAddr::new(address, 53)));
                }
                // The last of these lines counts.
                Some("search" | "domain") => {
                    resolv.search = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase()).collect();
                }
                Some("options") => words.for_each(|option| resolv.set(option)),
                _ => {}
            }
        }
        resolv.servers.truncate(SERVERS_MAX);
        if resolv.servers.is_empty() {
            resolv.servers.push(local);
        }
        resolv
    }

    fn set(&mut self, option: &str) {
        match option.split_once(':') {
            Some(("ndots", number)) => self.ndots = number.parse().map_or(self.ndots, |n: usize| n.min(NDOTS_MAX)),
            Some(("timeout", number)) => {
                let seconds = number.parse().map(|n: u64| n.clamp(1, TIMEOUT_SECONDS_MAX));
                self.timeout = seconds.map_or(self.timeout, Duration::from_secs);
            }
            Some(("attempts", number)) => {
                self.attempts = number.parse().map_or(self.attempts, |n: u32| n.clamp(1, ATTEMPTS_MAX));
            }
            _ => {}
        }
    }

    /// The full names that a name may mean, in the order in which they are tried.
    pub(crate) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let mut names: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let is_long = name.matches('.').count() >= self.ndots;
        names.insert(if is_long { 0 } else { names.len() }, name.to_owned());
        names
    }

    /// The domain that the pods of a service are in, as in `NAMESPACE.svc.cluster.local`: from the flags, else from the search list.
    pub(crate) fn domain(&self, flags: &Flags) -> Result<String, NoDomain> {
        let Flags { namespace, domain, .. } = flags;
        if !domain.is_empty() {
            return Ok(format!("{namespace}.svc.{}", domain.trim_matches('.')));
        }
        if namespace.is_empty() {
            let whole = self.search.iter().find(|entry| entry.split('.').nth(1) == Some("svc"));
            return whole.cloned().ok_or(NoDomain("NAMESPACE.svc.DOMAIN"));
        }
        let svc = self.search.iter().find_map(|entry| {
            let from = if entry.starts_with("svc.") { 0 } else { entry.find(".svc.")? + 1 };
            entry.get(from..)
        });
        svc.map(|svc| format!("{namespace}.{svc}")).ok_or(NoDomain("svc.DOMAIN"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str =
        "nameserver 10.1.0.1\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";

    fn flags(namespace: &str, domain: &str) -> Flags {
        Flags { namespace: namespace.to_owned(), domain: domain.to_owned(), ..Flags::default() }
    }

    #[test]
    fn a_pods_file_is_read() {
        let resolv = Resolv::parse(POD);
        assert_eq!(resolv.servers, ["10.1.0.1:53".parse().unwrap()]);
        let wanted = ["zk.default.svc.cluster.local", "zk.svc.cluster.local", "zk.cluster.local", "zk"];
        assert_eq!(resolv.candidates("zk"), wanted);
        assert_eq!(resolv.candidates("zk.default.svc.cluster.local."), ["zk.default.svc.cluster.local"]);
    }

    #[test]
    fn other_files_are_read_as_c_libraries_do() {
        let none = Resolv::parse("# nothing\n");
        assert_eq!(none.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!((none.attempts, none.timeout), (2, Duration::from_secs(5)));
        assert_eq!(none.candidates("zk"), ["zk"]);
        let text = "nameserver 192.0.2.1\nnameserver here\nnameserver 2001:db8::1\nnameserver 192.0.2.2\n\
                    nameserver 192.0.2.3\ndomain first\nsearch Second. third\noptions rotate timeout:1 attempts:99 ndots:x\n";
        let many = Resolv::parse(text);
        let wanted = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"];
        assert_eq!(many.servers, wanted.map(|address| address.parse().unwrap()));
        assert_eq!((many.attempts, many.timeout), (5, Duration::from_secs(1)));
        assert_eq!(many.candidates("a.b"), ["a.b", "a.b.second", "a.b.third"]);
    }

    #[test]
    fn the_domain_comes_from_the_flags_or_the_search_list() {
        let resolv = Resolv::parse(POD);
        assert_eq!(resolv.domain(&flags("mine", "my.home.")).unwrap(), "mine.svc.my.home");
        assert_eq!(resolv.domain(&flags("mine", "")).unwrap(), "mine.svc.cluster.local");
        assert_eq!(resolv.domain(&flags("", "")).unwrap(), "default.svc.cluster.local");
        let other = Resolv::parse("search example.org svc.my.home\n");
        assert_eq!(other.domain(&flags("mine", "")).unwrap(), "mine.svc.my.home");
        assert_eq!(other.domain(&flags("", "")), Err(NoDomain("NAMESPACE.svc.DOMAIN")));
        assert_eq!(Resolv::parse("search example.org\n").domain(&flags("mine", "")), Err(NoDomain("svc.DOMAIN")));
    }
}
