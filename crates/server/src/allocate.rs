//! Addresses and ports for services, decided with the write that takes them.

use api::{
    resource::{Resource, SERVICES},
    services::{self, Taken},
    status::Status,
};
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use crate::server::Server;

/// The daemon's own records of which pod has which address.
const LEASES: &str = "_leases";

/// One turn at a time for whoever writes a service, until the write is done: what others have does not change meanwhile. `None`
/// for all that has nothing allocated.
pub(crate) async fn turn<'a>(server: &'a Server, resource: &Resource) -> Result<Option<SemaphorePermit<'a>>, Status> {
    if resource.kind != SERVICES.kind {
        return Ok(None);
    }
    let stopping = |_| Status::unavailable("the server is stopping", 1);
    server.inner.allocating.acquire().await.map(Some).map_err(stopping)
}

/// Gives a service what it lacks; leaves all else as it is. Whoever calls it has a [`turn`].
///
/// Errors: those of [`services::allocate`].
pub(crate) fn allocate(
    server: &Server,
    resource: &Resource,
    new: &mut Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    if resource.kind != SERVICES.kind || !services::allocates(new, old) {
        return Ok(());
    }
    let place = |service: &Value| (service["metadata"]["namespace"].clone(), service["metadata"]["name"].clone());
    let own = place(new);
    let all = server.store().list(&SERVICES.qualified(), None).items;
    let mut taken = Taken::by(all.iter().map(AsRef::as_ref).filter(|service| place(service) != own));
    for lease in server.store().list(LEASES, None).items {
        if let Some(address) = lease["lease"]["address"].as_str().and_then(|text| text.parse().ok()) {
            taken.take(address);
        }
    }
    services::allocate(new, old, &taken, &server.inner.parts.services)
}
