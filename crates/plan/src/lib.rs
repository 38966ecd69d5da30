//! Given everything that is, what should happen next, and why not more.
//!
//! Each unit is a pure function from facts to data:
//!
//! - [`set`]: a set with its pods and claims → object writes, waits.
//! - [`claim`]: a claim or volume with its counterparts → bindings, volumes to make and to remove.
//! - [`pod`]: a pod with the engine's facts about it → engine actions, the pod's status, waits.
//! - [`schedule`]: a pod with its node and the other pods → whether it may run there.
//! - [`zone`]: a service with its pods → endpoints and DNS records.
//! - [`namespace`]: a namespace that is being deleted → what goes next.
//! - [`garbage`]: an object that has owners, or waits for its dependents → its end, its references.
//! - [`node`]: the node with the engine's silence → its condition.
//! - [`budget`]: a disruption budget with its pods → how many may be evicted.
//! - [`address`]: an identity with all leases → its address.
//!
//! What must be true of all that is decided stands in [`law`]. What a plan could not have written, because the contract
//! or the disk refuses it, is told by [`unwritten`].
//!
//! Facts about the engine come as [`facts`], what pods read of their configuration as [`config`]; what is decided goes out as [`action`] and [`outcome`].

pub mod action;
pub mod address;
pub mod budget;
pub mod claim;
pub mod config;
pub mod facts;
pub mod garbage;
pub mod law;
pub mod namespace;
pub mod node;
pub mod outcome;
pub mod pod;
pub mod read;
pub mod schedule;
pub mod set;
pub mod unwritten;
pub mod zone;

pub use action::Action;
pub use outcome::{Note, NoteKind, Subject, Wait, Write};
