//! The virtual addresses, as further addresses of the container's interface.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    net::Ipv4Addr,
    os::fd::AsFd,
};

/// What the kernel is told through: addresses that come and go.
pub(crate) trait Addresses: Send {
    /// Adds an address. One that is there is success.
    fn add(&mut self, address: Ipv4Addr) -> io::Result<()>;
    /// Removes an address. One that is not there is success.
    fn remove(&mut self, address: Ipv4Addr) -> io::Result<()>;
}

/// The interface of the instance's network, over netlink (rtnetlink(7)).
#[derive(Debug)]
pub(crate) struct Interface {
    socket: File,
    index: u32,
}

const AF_NETLINK: i32 = 16;
const SOCK_RAW_CLOEXEC: i32 = 0o2_000_003;
const NETLINK_ROUTE: i32 = 0;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const NLMSG_ERROR: u16 = 2;
/// `NLM_F_REQUEST`, with an answer in any case (`NLM_F_ACK`).
const ASKED: u16 = 1 | 4;
/// `NLM_F_CREATE | NLM_F_EXCL`.
const NEW: u16 = 0x400 | 0x200;
const AF_INET: u8 = 2;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const EEXIST: i32 = 17;
const EADDRNOTAVAIL: i32 = 99;
/// A message's header, the address's header, and twice the address.
const MESSAGE_BYTES: u32 = 16 + 8 + 8 + 8;

/// The descriptor of standard input.
const STDIN: i32 = 0;

#[allow(unsafe_code, reason = "the standard library knows no netlink; neither call touches memory of ours")]
unsafe extern "C" {
    /// `socket(2)`.
    safe fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    /// `dup2(2)`.
    safe fn dup2(old: i32, new: i32) -> i32;
}

impl Interface {
    /// The interface of this name. It takes the place of the process's standard input, which nobody reads: a descriptor
    /// that the standard library knows already is owned without a promise that the compiler cannot check.
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        let index = fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))?;
        let index = index.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
        if dup2(socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE), STDIN) < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { socket, index })
    }

    /// Asks for a change, and waits for the answer. `settled` is the error that says that it is so already.
    fn ask(&mut self, kind: u16, flags: u16, address: Ipv4Addr, settled: i32) -> io::Result<()> {
        self.socket.write_all(&message(kind, ASKED | flags, self.index, address))?;
        let mut answer = [0; 512];
        let count = self.socket.read(&mut answer)?;
        match outcome(&answer[..count]) {
            Some(code) if code == 0 || code == -settled => Ok(()),
            Some(code) => Err(io::Error::from_raw_os_error(-code)),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Addresses for Interface {
    fn add(&mut self, address: Ipv4Addr) -> io::Result<()> {
        self.ask(RTM_NEWADDR, NEW, address, EEXIST)
    }

    fn remove(&mut self, address: Ipv4Addr) -> io::Result<()> {
        self.ask(RTM_DELADDR, 0, address, EADDRNOTAVAIL)
    }
}

/// A request about one address, by itself alone (`/32`), so that it brings no route.
fn message(kind: u16, flags: u16, index: u32, address: Ipv4Addr) -> Vec<u8> {
    let mut octets = Vec::new();
    octets.extend(MESSAGE_BYTES.to_ne_bytes());
    octets.extend(kind.to_ne_bytes());
    octets.extend(flags.to_ne_bytes());
    // Sequence number and port: one request at a time needs neither.
    octets.extend([0; 8]);
    // Family, length of the prefix, flags, scope.
    octets.extend([AF_INET, 32, 0, 0]);
    octets.extend(index.to_ne_bytes());
    for attribute in [IFA_LOCAL, IFA_ADDRESS] {
        octets.extend(8_u16.to_ne_bytes());
        octets.extend(attribute.to_ne_bytes());
        octets.extend(address.octets());
    }
    octets
}

/// The error number of an answer, negative as the kernel gives it, 0 for success; `None` where it is no answer.
fn outcome(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(code)
}

/// The addresses that are held, each only as long as some frontend is at it.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeSet<Ipv4Addr>);

impl Held {
    /// Adds those that are wanted and not held yet; says of each that could not be added why.
    pub(crate) fn add(&mut self, addresses: &mut impl Addresses, wanted: &BTreeSet<Ipv4Addr>) -> Vec<String> {
        let mut troubles = Vec::new();
        for address in wanted.difference(&self.0.clone()) {
            match addresses.add(*address) {
                Ok(()) => drop(self.0.insert(*address)),
                Err(error) => troubles.push(format!("hold the address {address}: {error}")),
            }
        }
        troubles
    }

    /// Removes those that are not wanted any more; gives them.
    pub(crate) fn release(
        &mut self,
        addresses: &mut impl Addresses,
        wanted: &BTreeSet<Ipv4Addr>,
    ) -> (Vec<Ipv4Addr>, Vec<String>) {
        let mut troubles = Vec::new();
        let surplus: Vec<Ipv4Addr> = self.0.difference(wanted).copied().collect();
        for address in &surplus {
            match addresses.remove(*address) {
                Ok(()) => drop(self.0.remove(address)),
                Err(error) => troubles.push(format!("let go of the address {address}: {error}")),
            }
        }
        (surplus, troubles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_laid_out_as_the_kernel_reads_it() {
        let octets = message(RTM_NEWADDR, ASKED | NEW, 7, Ipv4Addr::new(10, 88, 0, 193));
        assert_eq!(octets.len(), 40);
        let expected: Vec<u8> = [
            &40_u32.to_ne_bytes()[..],
            &20_u16.to_ne_bytes(),
            &0x605_u16.to_ne_bytes(),
            &[0; 8],
            &[2, 32, 0, 0],
            &7_u32.to_ne_bytes(),
            &8_u16.to_ne_bytes(),
            &2_u16.to_ne_bytes(),
            &[10, 88, 0, 193],
            &8_u16.to_ne_bytes(),
            &1_u16.to_ne_bytes(),
            &[10, 88, 0, 193],
        ]
        .concat();
        assert_eq!(octets, expected);
    }

    #[test]
    fn an_answer_that_is_none_is_told_from_an_error() {
        let answer = |kind: u16, code: i32| {
            [&36_u32.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 10], &code.to_ne_bytes()].concat()
        };
        assert_eq!(outcome(&answer(NLMSG_ERROR, -EEXIST)), Some(-17));
        assert_eq!(outcome(&answer(NLMSG_ERROR, 0)), Some(0));
        assert_eq!(outcome(&answer(3, 0)), None);
        assert_eq!(outcome(&answer(NLMSG_ERROR, 0)[..18]), None);
    }
}
