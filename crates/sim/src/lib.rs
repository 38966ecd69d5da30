//! A hostile world in one thread, in which the laws must hold.
//!
//! Real are the loop, the planner, the store above its key-value trait, the server's rules, and the clock's order. Fake,
//! and seeded, is the rest. Reading order: [`mod@run`] is one seed from beginning to end; [`daemon`] is one daemon's life
//! and [`lifeline`] where it ends; [`users`] act through [`api`]; [`engine`] is Docker as it has been seen to behave,
//! and [`driver`] asks it as the docker crate asks the real one; [`disk`] is under the store; `look`, [`witness`] and
//! [`judge`] hold everything to the laws of `plan::law`. [`cluster`] is the same world without
//! faults, for stories, and [`tripwire`] one fault in it.
//!
//! A seed is the same world each time it is run, or it cannot be replayed: whatever is random is drawn from [`chance`].
//! Tokio draws by itself, where nobody sees it: a `watch` channel wakes those who wait in an order of its own, and a
//! `select!` that is not `biased` begins at an arm of its own. A test of the sources
//! (`what_the_simulator_runs_leaves_nothing_to_chance`) keeps both out of here, and of the crates that are run here.

pub mod api;
pub mod chance;
pub mod clock;
pub mod cluster;
pub mod daemon;
pub mod disk;
pub mod driver;
pub mod engine;
pub mod judge;
pub mod lifeline;
mod look;
pub mod run;
pub mod tripwire;
pub mod users;
pub mod witness;

pub use clock::TestClock;
pub use cluster::Cluster;
pub use engine::FakeEngine;
pub use run::{Options, Outcome, run};
