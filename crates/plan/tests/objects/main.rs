//! What is planned for objects: sets, claims and volumes, services, namespaces, addresses.
//!
//! Tables compare whole plans, one test for each rule; `laws` holds what must be true of every plan.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

// Everywhere else the crate is `plan`.
extern crate petset_plan as plan;

mod address;
mod ahead;
mod claim;
mod comeback;
mod laws;
mod namespace;
mod node;
mod set;
mod storage;
mod unwritten;
mod world;
mod zone;
