//! The frontends that are served, brought in line with a table.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, Mutex},
};

use super::{
    choice::Choice,
    interface::{Addresses, Held},
    lock,
    table::{Frontend, Protocol},
    tcp::{Connections, Listening},
    udp::Receiving,
};

/// All frontends.
#[derive(Debug)]
pub(crate) struct Server<A> {
    addresses: A,
    held: Held,
    served: BTreeMap<(Protocol, SocketAddrV4), Served>,
    connections: Arc<Connections>,
}

/// A frontend that is open.
#[derive(Debug)]
struct Served {
    choice: Arc<Mutex<Choice>>,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(Listening),
    Udp(Receiving),
}

impl<A: Addresses> Server<A> {
    /// Serves nothing yet.
    pub(crate) fn new(addresses: A) -> Self {
        Self { addresses, held: Held::default(), served: BTreeMap::new(), connections: Arc::default() }
    }

    /// Serves what the table says, and nothing else. Connections to a backend that is gone from the table go on; those to an
    /// address that is gone end. A frontend without backends is closed, so that the kernel refuses whoever comes.
    ///
    /// Returns what could not be done; the rest is.
    pub(crate) fn apply(&mut self, table: Vec<Frontend>) -> Vec<String> {
        let wanted: BTreeSet<Ipv4Addr> = table.iter().map(|frontend| *frontend.address.ip()).collect();
        let mut troubles = self.held.add(&mut self.addresses, &wanted);
        let open: BTreeMap<_, _> = table
            .into_iter()
            .filter(|frontend| !frontend.backends.is_empty())
            .map(|frontend| ((frontend.protocol, frontend.address), frontend))
            .collect();
        let surplus: Vec<_> = self.served.keys().filter(|key| !open.contains_key(key)).copied().collect();
        for key in surplus {
            match self.served.remove(&key).map(|served| served.socket) {
                Some(Socket::Tcp(listening)) => listening.stop(),
                Some(Socket::Udp(receiving)) => receiving.stop(),
                None => {}
            }
        }
        for (key, Frontend { protocol, address, affinity, backends }) in open {
            if let Some(served) = self.served.get(&key) {
                let mut choice = lock(&served.choice);
                choice.update(backends, affinity);
                if let Socket::Udp(receiving) = &served.socket {
                    receiving.forget_all_but(&choice);
                }
                continue;
            }
            let mut choice = Choice::default();
            choice.update(backends, affinity);
            let choice = Arc::new(Mutex::new(choice));
            let (ours, all) = (Arc::clone(&choice), Arc::clone(&self.connections));
            let socket = match protocol {
                Protocol::Tcp => Listening::start(address, ours, all).map(Socket::Tcp),
                Protocol::Udp => Receiving::start(address, ours).map(Socket::Udp),
            };
            match socket {
                Ok(socket) => drop(self.served.insert(key, Served { choice, socket })),
                Err(error) => troubles.push(format!("listen at {address}: {error}")),
            }
        }
        let (released, more) = self.held.release(&mut self.addresses, &wanted);
        for address in released {
            self.connections.close(address);
        }
        troubles.extend(more);
        troubles
    }
}
