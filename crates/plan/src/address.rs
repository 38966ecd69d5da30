//! Which address an identity gets, and keeps.

use std::{collections::BTreeMap, net::Ipv4Addr};

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

/// The identity's address: the one that it holds, else one that nobody ever held, else the one that has been
/// unused for the longest time. `used` are the identities that exist now.
///
/// Returns a sentence that says why there is none where all are in use.
pub fn assign(
    leases: &Leases,
    used: &dyn Fn(&PodKey) -> bool,
    key: &PodKey,
    subnet: Ipv4Net,
    gateway: Ipv4Addr,
) -> Result<Ipv4Addr, String> {
    let _ = (leases, used, key, subnet, gateway);
    Err(String::new())
}
