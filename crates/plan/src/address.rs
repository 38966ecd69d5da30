//! Which address an identity gets, and keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;

use crate::facts::PodKey;

/// Every identity that has or had an address. Durable: kept in the store.
pub type Leases = BTreeMap<PodKey, Lease>;

/// The address of one identity.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Seconds since the epoch when the identity was last seen to exist; the oldest unused lease is given up first.
    pub last_used: i64,
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
/// The network's own address, its broadcast address and the gateway are never given. The answer depends on nothing but the
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
    let held: BTreeSet<Ipv4Addr> = leases.values().map(|lease| lease.address).collect();
    let is_free = |address: &Ipv4Addr| is_usable(address) && !lost(*address);
    // Looks at no more addresses than there are leases and lost ones, and three.
    if let Some(address) = subnet.hosts().find(|address| is_free(address) && !held.contains(address)) {
        return Ok(address);
    }
    let in_use: BTreeSet<Ipv4Addr> = leases.iter().filter(|(k, _)| used(k)).map(|(_, lease)| lease.address).collect();
    leases
        .iter()
        .filter(|(_, lease)| is_free(&lease.address) && !in_use.contains(&lease.address))
        .min_by_key(|(holder, lease)| (lease.last_used, *holder))
        .map(|(_, lease)| lease.address)
        .or(own)
        .ok_or_else(|| format!("all {} addresses of {subnet} are in use", subnet.hosts().filter(is_usable).count()))
}
