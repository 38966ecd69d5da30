//! Stories of single pods, told against a small fake of the engine.

#![allow(clippy::unwrap_used, reason = "what a story takes for granted, its panic names")]

extern crate petset_plan as plan;

mod unseen;
mod world;

mod ahead;
mod config;
mod deletion;
mod ephemeral;
mod files;
mod images;
mod init;
mod last;
mod laws;
mod limits;
mod mutations;
mod place;
mod probes;
mod restarts;
mod sandbox;
mod scheduling;
mod security;
mod sidecars;
mod spec;
mod start;
mod status;
