//! What is planned for objects: sets, claims and volumes, services, namespaces, addresses.
//!
//! Tables compare whole plans, one test for each rule; `laws` holds what must be true of every plan.

// Everywhere else the crate is `plan`.
extern crate petset_plan as plan;

mod address;
mod claim;
mod laws;
mod namespace;
mod set;
mod world;
mod zone;
