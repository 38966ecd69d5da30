//! The server as its clients see it: over a store in memory, with containers that are a story.

mod bad_input;
mod claims;
mod create;
mod delete;
mod eviction;
mod exec;
mod forward;
mod limits;
mod list;
mod listen;
mod logs;
mod patch;
mod protobuf;
mod scale;
mod system;
mod update;
mod watch;
mod world;
