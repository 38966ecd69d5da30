//! Observe, plan, commit, act, until told to stop.

pub mod runtime;

pub use runtime::{Clock, Runtime};
