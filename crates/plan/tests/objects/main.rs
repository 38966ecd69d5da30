//! What is planned for objects: sets, claims and volumes, services, namespaces, addresses.
//!
//! Tables compare whole plans, one test for each rule; `laws` runs the laws over worlds of all kinds, `mutations`
//! shows that they notice a planner that breaks them, `truth` does the same for the laws about what is.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

// Everywhere else the crate is `plan`.
extern crate petset_plan as plan;

mod address;
mod ahead;
mod budget;
mod claim;
mod comeback;
#[path = "../common/mod.rs"]
mod common;
mod frontends;
mod garbage;
mod laws;
mod mutations;
mod namespace;
mod node;
mod odd;
mod room;
mod set;
mod slices;
mod space;
mod storage;
mod truth;
mod unwritten;
mod world;
mod zone;
