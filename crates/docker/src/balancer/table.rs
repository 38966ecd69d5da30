//! The table of what stands behind virtual addresses, as the daemon writes it and the balancer reads it.
//!
//! After [`HEADER`] comes a line for each frontend: its protocol, its address and port, for how many seconds a client stays with
//! a backend (0: not at all), and its backends: `tcp 10.88.0.193:80 0 10.88.0.5:8080 10.88.0.6:8080`.

use std::{fmt::Write as _, net::SocketAddrV4, time::Duration};

/// How a table begins, and what a balancer answers first. The number grows with each change of what follows: a balancer goes on
/// with the program that it was started with, and a daemon that it does not understand makes it anew.
pub(crate) const HEADER: &str = "petset-balancer 1";

/// The largest table, in octets: some hundred services of a thousand pods each.
pub(crate) const TABLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// A port of a virtual address, with all that stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frontend {
    /// What is spoken there.
    pub(crate) protocol: Protocol,
    /// Where clients come.
    pub(crate) address: SocketAddrV4,
    /// For how long after its last connection a client gets the same backend; `None` where each connection may get another.
    pub(crate) affinity: Option<Duration>,
    /// Where connections go.
    pub(crate) backends: Vec<SocketAddrV4>,
}

/// The table as text.
#[allow(dead_code, reason = "the daemon and the balancer each use one half of this module")]
pub(crate) fn write(frontends: &[Frontend]) -> String {
    let mut text = format!("{HEADER}\n");
    for Frontend { protocol, address, affinity, backends } in frontends {
        let protocol = match protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let seconds = affinity.map_or(0, |affinity| affinity.as_secs());
        // Writing to a string cannot fail.
        let _ = write!(text, "{protocol} {address} {seconds}");
        for backend in backends {
            let _ = write!(text, " {backend}");
        }
        text.push('\n');
    }
    text
}

/// The table of a text. Errors: what is wrong with it.
#[allow(dead_code, reason = "the daemon and the balancer each use one half of this module")]
pub(crate) fn read(text: &str) -> Result<Vec<Frontend>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err("the table is of another version".to_owned());
    }
    lines.map(|line| frontend(line).ok_or_else(|| format!("not a frontend: {line}"))).collect()
}

fn frontend(line: &str) -> Option<Frontend> {
    let mut words = line.split(' ');
    let protocol = match words.next()? {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let address = words.next()?.parse().ok()?;
    let seconds: u64 = words.next()?.parse().ok()?;
    let affinity = (seconds > 0).then(|| Duration::from_secs(seconds));
    let backends = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    Some(Frontend { protocol, address, affinity, backends })
}
