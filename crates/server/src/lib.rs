//! Turns HTTP into store reads and writes, and errors into Status.
//!
//! Reading order: [`Server`] is what it is made of and its routes, [`streams`] is what it needs of the containers.
//! A request is let in by `authn`, which says whose it is, and `authz`, which says whether that may be. One for objects goes
//! through `route` (which object), `query` and `negotiate` (what is wanted, in which form),
//! and then one of `read`, `list`, `watch`, `write`, `apply`, `delete`, `scale`, `logs` and `connect`; `answer` writes the
//! result down. What makes an object valid is decided in `api`. `listen` takes connections, and with `connection` and `unread`
//! lets go those whose clients only hold a place.

mod allocate;
mod answer;
mod apply;
mod authn;
mod authz;
mod body;
mod connect;
mod connection;
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
mod review;
mod route;
mod scale;
mod server;
pub mod streams;
mod system;
mod token;
mod token_request;
mod unread;
mod usage;
mod watch;
mod write;

pub use authn::{BadKey, Signer, TokenRecord, Tokens, digest};
pub use readiness::Readiness;
pub use server::{Parts, Server, Version, Wait};
pub use token::Vault;
