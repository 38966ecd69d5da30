//! Observe, plan, commit, act, until told to stop.
//!
//! Reading order: [`runtime`] is what the loop needs of the world; [`world`] is what it knows, and which units a
//! change makes dirty; [`commit`] turns the planner's writes into transactions; [`events`] tells users;
//! [`engine`] keeps the engine's facts in order, [`leases`] the addresses, [`owners`] who belongs to whom; [`board`] shows what is waited for;
//! [`planner`] is where decisions come from; [`pass`] is the loop itself.

pub mod board;
pub mod commit;
pub mod engine;
pub mod events;
mod leases;
pub mod owners;
pub mod pass;
pub mod planner;
pub mod runtime;
pub mod world;

pub use board::{Board, Part};
pub use pass::{Controller, Network, Settings};
pub use planner::{Planner, Real};
pub use runtime::{Clock, Hint, Mint, Observed, Runtime, Stamps, Unserved};
