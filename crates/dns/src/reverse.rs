//! Reverse names: `4.3.2.1.in-addr.arpa` and the nibbles of `ip6.arpa`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What a reverse name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reverse {
    /// The addresses that begin as the name says; one address where the name is complete.
    pub(crate) network: IpNet,
    /// There are labels further left that no address has.
    pub(crate) is_beyond: bool,
}

impl Reverse {
    /// Reads labels in lower case, from the right. `None` where the name is not a reverse name.
    pub(crate) fn parse(labels: &[String]) -> Option<Reverse> {
        let (suffix, rest) = labels.split_at_checked(2)?;
        match (suffix[0].as_str(), suffix[1].as_str()) {
            ("arpa", "in-addr") => Some(v4(rest)),
            ("arpa", "ip6") => Some(v6(rest)),
            _ => None,
        }
    }

    /// The address, where the name is complete.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let is_complete = self.network.prefix_len() == self.network.max_prefix_len();
        (is_complete && !self.is_beyond).then(|| self.network.addr())
    }
}

/// How many labels the reverse zone of a network has: one per whole octet or nibble, and two for `in-addr.arpa`.
pub(crate) fn zone_labels(network: &IpNet) -> usize {
    let bits = match network {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 4,
    };
    usize::from(network.prefix_len() / bits) + 2
}

fn v4(labels: &[String]) -> Reverse {
    let mut octets = [0; 4];
    let count = digits(labels, &mut octets, |label| {
        let is_canonical = label == "0" || !label.starts_with(['0', '+']);
        label.parse().ok().filter(|_| is_canonical)
    });
    let network = Ipv4Net::new_assert(Ipv4Addr::from(octets), count as u8 * 8);
    Reverse { network: network.into(), is_beyond: count < labels.len() }
}

fn v6(labels: &[String]) -> Reverse {
    let mut nibbles = [0; 32];
    let count = digits(labels, &mut nibbles, |label| match label.as_bytes() {
        [digit] => char::from(*digit).to_digit(16).map(|value| value as u8),
        _ => None,
    });
    let bits = nibbles.iter().fold(0_u128, |bits, nibble| bits << 4 | u128::from(*nibble));
    let network = Ipv6Net::new_assert(Ipv6Addr::from(bits), count as u8 * 4);
    Reverse { network: network.into(), is_beyond: count < labels.len() }
}

/// Reads labels into `digits` until one is none, or all are full; returns how many were read.
fn digits(labels: &[String], digits: &mut [u8], read: impl Fn(&str) -> Option<u8>) -> usize {
    let mut count = 0;
    for (digit, label) in digits.iter_mut().zip(labels) {
        let Some(value) = read(label) else { break };
        *digit = value;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Option<Reverse> {
        Reverse::parse(&name.rsplit('.').map(str::to_owned).collect::<Vec<_>>())
    }

    fn reverse(network: &str, is_beyond: bool) -> Reverse {
        Reverse { network: network.parse().unwrap(), is_beyond }
    }

    #[test]
    fn a_complete_name_is_an_address() {
        assert_eq!(parse("100.0.0.10.in-addr.arpa").unwrap().address(), Some("10.0.0.100".parse().unwrap()));
        let nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa";
        assert_eq!(parse(nibbles).unwrap().address(), Some("1234:abcd::1".parse().unwrap()));
    }

    #[test]
    fn a_part_of_a_name_is_a_network() {
        assert_eq!(parse("in-addr.arpa").unwrap(), reverse("0.0.0.0/0", false));
        assert_eq!(parse("0.10.in-addr.arpa").unwrap(), reverse("10.0.0.0/16", false));
        assert_eq!(parse("4.3.2.1.ip6.arpa").unwrap(), reverse("1234::/16", false));
    }

    #[test]
    fn labels_that_no_address_has_are_beyond() {
        assert_eq!(parse("svc1.svc.0.10.in-addr.arpa").unwrap(), reverse("10.0.0.0/16", true));
        assert_eq!(parse("5.4.3.2.1.in-addr.arpa").unwrap(), reverse("1.2.3.4/32", true));
        assert_eq!(parse("05.10.in-addr.arpa").unwrap(), reverse("10.0.0.0/8", true));
        assert_eq!(parse("10.ip6.arpa").unwrap(), reverse("::/0", true));
        assert_eq!(parse("10.example.org"), None);
    }
}
