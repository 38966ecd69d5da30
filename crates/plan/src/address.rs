//! Which address an identity gets, and keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use api::services::ServiceRange;
use ipnet::Ipv4Net;

use crate::facts::PodKey;

/// Every identity that has or had an address. Durable: kept in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    leases: BTreeMap<PodKey, Lease>,
    /// Who holds each address, so that a free one is found without a look at every lease.
    holders: BTreeMap<Ipv4Addr, BTreeSet<PodKey>>,
}

/// The address of one identity.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Seconds since the epoch when the identity was last seen to exist; the oldest unused lease is given up first.
    pub last_used: i64,
}

impl Leases {
    /// None at all.
    pub fn new() -> Leases {
        Leases::default()
    }

    /// What an identity holds.
    pub fn get(&self, key: &PodKey) -> Option<&Lease> {
        self.leases.get(key)
    }

    /// Gives an identity a lease, in the place of the one before.
    pub fn insert(&mut self, key: PodKey, lease: Lease) {
        self.remove(&key);
        self.holders.entry(lease.address).or_default().insert(key.clone());
        self.leases.insert(key, lease);
    }

    /// Takes an identity's lease away.
    pub fn remove(&mut self, key: &PodKey) {
        let Some(lease) = self.leases.remove(key) else { return };
        if let Some(holders) = self.holders.get_mut(&lease.address) {
            holders.remove(key);
            if holders.is_empty() {
                self.holders.remove(&lease.address);
            }
        }
    }

    /// The first identity that holds an address.
    pub fn holder(&self, address: Ipv4Addr) -> Option<&PodKey> {
        self.holders.get(&address)?.first()
    }

    /// All leases, by identity.
    pub fn iter(&self) -> impl Iterator<Item = (&PodKey, &Lease)> {
        self.leases.iter()
    }
}

impl FromIterator<(PodKey, Lease)> for Leases {
    fn from_iter<I: IntoIterator<Item = (PodKey, Lease)>>(leases: I) -> Leases {
        let mut all = Leases::new();
        leases.into_iter().for_each(|(key, lease)| all.insert(key, lease));
        all
    }
}

/// Who holds an address that somebody outside of the instance has: no pod's name, so that it counts as held and unused, and
/// is given again when all that nobody ever held are gone.
pub fn outsider(address: Ipv4Addr) -> PodKey {
    PodKey { namespace: String::new(), name: address.to_string() }
}

/// The identity's address: the one that it holds, else one that nobody ever held, else the one that has been
/// unused for the longest time. `used` are the identities that exist now, `lost` the addresses that somebody else has as far
/// as this identity was told ([`crate::pod::has_lost`]): it gives one of them up only where it gets another one for it.
///
/// The network's own address, its broadcast address and the gateway are never given, nor what is set aside for services, unless the
/// identity holds it from before that was so. The answer depends on nothing but the
/// arguments, and the lowest address goes first.
///
/// Returns a sentence that says why there is none where all are in use.
pub fn assign(
    leases: &Leases,
    used: &dyn Fn(&PodKey) -> bool,
    lost: &dyn Fn(Ipv4Addr) -> bool,
    key: &PodKey,
    subnet: Ipv4Net,
    gateway: Ipv4Addr,
) -> Result<Ipv4Addr, String> {
    // A subnet that was reconfigured makes old leases worthless.
    let is_usable = |address: &Ipv4Addr| {
        subnet.contains(address)
            && *address != subnet.network()
            && *address != subnet.broadcast()
            && *address != gateway
    };
    let own = leases.get(key).map(|lease| lease.address).filter(is_usable);
    if let Some(address) = own.filter(|address| !lost(*address)) {
        return Ok(address);
    }
    let services = services(subnet);
    let is_free = |address: &Ipv4Addr| is_usable(address) && !services.contains(*address) && !lost(*address);
    // Looks at no more addresses than there are leases and lost ones, and three.
    let mut held = leases.holders.keys().peekable();
    let mut is_held = |address: &Ipv4Addr| {
        while held.next_if(|held| *held < address).is_some() {}
        held.peek() == Some(&address)
    };
    if let Some(address) = subnet.hosts().find(|address| !is_held(address) && is_free(address)) {
        return Ok(address);
    }
    let in_use: BTreeSet<Ipv4Addr> = leases.iter().filter(|(k, _)| used(k)).map(|(_, lease)| lease.address).collect();
    leases
        .iter()
        .filter(|(_, lease)| is_free(&lease.address) && !in_use.contains(&lease.address))
        .min_by_key(|(holder, lease)| (lease.last_used, *holder))
        .map(|(_, lease)| lease.address)
        .or(own)
        .ok_or_else(|| {
            let count = subnet.hosts().filter(|address| is_usable(address) && !services.contains(*address)).count();
            format!("all {count} addresses of {subnet} are in use")
        })
}

/// What of a network is set aside for services.
pub fn services(subnet: Ipv4Net) -> ServiceRange {
    ServiceRange::of(subnet.network(), subnet.prefix_len())
}
