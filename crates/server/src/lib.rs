//! Turns HTTP into store reads and writes, and errors into Status.
//!
//! Reading order: [`Server`] is what it is made of and its routes, [`streams`] is what it needs of the containers.
//! A request for objects goes through `route` (which object), `query` and `negotiate` (what is wanted, in which form),
//! and then one of `read`, `list`, `watch`, `write`, `delete`, `scale`, `logs` and `connect`; `answer` writes the
//! result down. What makes an object valid is decided in `api`.

mod answer;
mod authn;
mod body;
mod connect;
mod container;
mod delete;
mod eviction;
pub mod limits;
mod list;
mod listen;
mod logs;
mod measure;
mod negotiate;
mod objects;
mod query;
mod read;
mod readiness;
mod route;
mod scale;
mod server;
pub mod streams;
mod system;
mod watch;
mod write;

pub use authn::Tokens;
pub use readiness::Readiness;
pub use server::{Parts, Rotate, Server, Version, Wait};
