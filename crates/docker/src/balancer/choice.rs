//! Which backend a client gets.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddrV4},
    time::{Duration, Instant},
};

/// Clients of one frontend whose backend is remembered. The one that has been away the longest is forgotten first.
pub(crate) const CLIENTS_MAX: usize = 4096;

/// Backends that one connection is tried at. A pod that has just died is in the table for a moment; four dead ones are no chance.
pub(crate) const TRIES_MAX: usize = 4;

/// The backends of one frontend: one after the other, or each client with its own.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    backends: Vec<SocketAddrV4>,
    next: usize,
    affinity: Option<Duration>,
    clients: HashMap<IpAddr, (SocketAddrV4, Instant)>,
}

impl Choice {
    /// Puts other backends in the place of those that were. A client whose backend is gone gets another one.
    pub(crate) fn update(&mut self, backends: Vec<SocketAddrV4>, affinity: Option<Duration>) {
        self.clients.retain(|_, (backend, _)| affinity.is_some() && backends.contains(backend));
        self.backends = backends;
        self.affinity = affinity;
    }

    /// Whether a backend is one of the table.
    pub(crate) fn has(&self, backend: SocketAddrV4) -> bool {
        self.backends.contains(&backend)
    }

    /// The backends to try for a client, in this order.
    pub(crate) fn choose(&mut self, client: IpAddr, now: Instant) -> Vec<SocketAddrV4> {
        let count = self.backends.len();
        if count == 0 {
            return Vec::new();
        }
        let first = self.next % count;
        self.next = (first + 1) % count;
        let mut order: Vec<_> = (0..count.min(TRIES_MAX)).map(|n| self.backends[(first + n) % count]).collect();
        if let Some(own) = self.own(client, now) {
            order.retain(|backend| *backend != own);
            order.insert(0, own);
            order.truncate(TRIES_MAX);
        }
        order
    }

    /// Notes which backend a client has got.
    pub(crate) fn note(&mut self, client: IpAddr, backend: SocketAddrV4, now: Instant) {
        if self.affinity.is_none() || !self.has(backend) {
            return;
        }
        if self.clients.len() >= CLIENTS_MAX && !self.clients.contains_key(&client) {
            let oldest = self.clients.iter().min_by_key(|(_, (_, seen))| *seen).map(|(client, _)| *client);
            oldest.and_then(|oldest| self.clients.remove(&oldest));
        }
        self.clients.insert(client, (backend, now));
    }

    /// The backend that a client stays with.
    fn own(&self, client: IpAddr, now: Instant) -> Option<SocketAddrV4> {
        let (backend, seen) = self.clients.get(&client)?;
        (now.saturating_duration_since(*seen) < self.affinity?).then_some(*backend)
    }
}
