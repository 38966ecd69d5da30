//! Stories of single pods, told against a small fake of the engine.

#![allow(clippy::unwrap_used, reason = "what a story takes for granted, its panic names")]

extern crate petset_plan as plan;

mod unseen;
mod world;

mod ahead;
mod deletion;
mod files;
mod images;
mod init;
mod laws;
mod mutations;
mod place;
mod probes;
mod restarts;
mod sandbox;
mod scheduling;
mod spec;
mod start;
mod status;
