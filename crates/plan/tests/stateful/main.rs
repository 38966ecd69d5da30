//! The rules of StatefulSet, as in Kubernetes 1.36.
//!
//! Tests carry the names of Kubernetes' own controller tests where they tell the same story. Every plan that is made here is
//! held to the laws; `laws` runs them over worlds of all kinds, `mutations` shows that they notice a planner that breaks them.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

// Everywhere else the crate is `plan`.
extern crate petset_plan as plan;

#[path = "../common/mod.rs"]
mod common;
mod laws;
mod members;
mod mutations;
mod order;
mod retention;
mod revisions;
mod status;
mod update;
mod world;
