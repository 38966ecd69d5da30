//! When a pod that is to start gives its address up: somebody else has it.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Pod;

use super::{
    memory::{Memory, about_sandbox},
    tell,
};
use crate::{Note, NoteKind, action::Failure, facts::PodKey};

/// So often a sandbox is refused its address before it gets another one: seven seconds, in which an engine gives back what
/// it holds for a container that has just ended.
const ADDRESS_TRIES_MAX: u32 = 4;

/// Whether somebody else has this address, and is not about to give it back.
pub fn has_lost(memory: &Memory, address: Ipv4Addr) -> bool {
    let tries = memory.failures.get(&about_sandbox(address.into()));
    tries.is_some_and(|tries| tries.count >= ADDRESS_TRIES_MAX && matches!(tries.failure, Failure::AddressTaken(_)))
}

/// The event that tells of another address. Of a pod that is yet to be made nobody is told.
pub fn readdressed(key: &PodKey, pod: Option<&Pod>, before: Ipv4Addr, address: Ipv4Addr) -> Option<Note> {
    let subject = tell::subject(key, tell::uid_of(pod?));
    let message = format!("Somebody else has the address {before}; the pod gets {address}");
    Some(tell::of_pod(&subject, NoteKind::Warning, "AddressChanged", message))
}
