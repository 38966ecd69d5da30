//! A hostile world in one thread, in which the laws must hold.
//!
//! [`engine`] is a fake engine that keeps Docker's rules as far as the planner can see them; [`clock`] is a clock
//! that follows the runtime's own time, which tests can pause.

pub mod clock;
pub mod cluster;
pub mod engine;

pub use clock::TestClock;
pub use cluster::Cluster;
pub use engine::FakeEngine;
