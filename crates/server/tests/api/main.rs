//! The server as its clients see it: over a store in memory, with containers that are a story.

mod access;
mod apply;
mod bad_input;
mod claims;
mod create;
mod delete;
mod ephemeral;
mod eviction;
mod exec;
mod forward;
mod hostile;
mod limits;
mod list;
mod listen;
mod logs;
mod patch;
mod protobuf;
mod reviews;
mod scale;
mod service_tokens;
mod system;
mod update;
mod usage;
mod watch;
mod watchers;
mod world;
