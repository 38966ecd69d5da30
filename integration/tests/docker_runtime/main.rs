//! The runtime on a real engine, which `DOCKER_HOST` names; without one these tests fail.
//!
//! Each test is an instance of its own, and takes all of it away again, also when it fails.

#![allow(clippy::unwrap_used, reason = "all of it is a test, also what is not marked as one")]

mod files;
mod interruption;
mod lifecycle;
mod probes;
mod setting;
mod storage;
mod streaming;
