//! The addresses of all identities, kept in the store.

use plan::{
    address::{Lease, Leases},
    facts::PodKey,
};
use serde_json::{Value, json};
use store::{Key, Store, Write};
use uuid::Uuid;

/// The daemon's own record; the server never serves a name that starts with an underscore.
const RESOURCE: &str = "_leases";

/// Reads all leases.
pub(crate) fn load(store: &Store) -> Leases {
    let lease = |object: &Value| {
        let part = |name: &str| object["metadata"][name].as_str().map(str::to_owned);
        let pod = PodKey { namespace: part("namespace")?, name: part("name")? };
        Some((pod, serde_json::from_value(object["lease"].clone()).ok()?))
    };
    store.list(RESOURCE, None).items.iter().filter_map(|object| lease(object)).collect()
}

/// The write that keeps a lease. `uid` and `now` are used where the record is new.
pub(crate) fn keep(store: &Store, pod: &PodKey, lease: &Lease, uid: Uuid, now: &str) -> Write {
    let key = Key::new(RESOURCE, &pod.namespace, &pod.name);
    let object = json!({
        "metadata": {"namespace": pod.namespace, "name": pod.name, "uid": uid.to_string(), "creationTimestamp": now},
        "lease": lease,
    });
    match store.get(&key) {
        None => Write::Create { key, object },
        Some(_) => Write::Update { key, object, expect: store::Expect::Exists },
    }
}

/// The write that gives a lease up, for another identity to have its address.
pub(crate) fn give_up(pod: &PodKey) -> Write {
    Write::Delete { key: Key::new(RESOURCE, &pod.namespace, &pod.name), expect: store::Expect::Exists }
}
