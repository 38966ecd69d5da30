//! A world in one thread: the real loop and the real store, between an engine and a clock that tests hold in hand.
//!
//! [`engine`] is a fake engine that keeps Docker's rules as far as the planner can see them, and that can be silenced
//! and restarted; [`clock`] is a clock that follows the runtime's own time, which tests can pause; [`cluster`] puts
//! them together.

pub mod clock;
pub mod cluster;
pub mod engine;

pub use clock::TestClock;
pub use cluster::Cluster;
pub use engine::FakeEngine;
