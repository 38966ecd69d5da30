//! What may be said over the wire, and what makes it valid.
//!
//! Reading order: [`resource`] is the registry of everything that is served and the trait that each
//! kind implements; [`status`] is how a refusal is said; the rest are the parts of a request (bodies,
//! patches, selectors) and of an answer (tables, discovery).

pub mod admission;
pub mod authz;
pub mod body;
pub mod discovery;
pub mod kinds;
pub mod limits;
pub mod metadata;
pub mod ownership;
pub mod patch;
mod path;
pub mod petset;
pub mod policy;
pub mod propagation;
mod protobuf;
pub mod resource;
pub mod review;
pub mod selector;
pub mod services;
pub mod status;
pub mod storage;
pub mod table;
pub mod unserved;
pub mod usage;

pub use k8s_openapi as k8s;
