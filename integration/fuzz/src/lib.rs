//! What is done with arbitrary bytes, and what must then hold: one function per decoder, which panics where it does not.
//!
//! `make fuzz` searches for bytes that break a rule; the tests of `petsetd` run every function over its corpus, so that
//! neither rots. A new target is a function, a row in [`TARGETS`], a file in `fuzz_targets/` with its entry in
//! `Cargo.toml`, and a folder in `corpus/`.

mod applies;
mod bodies;
mod differential;
mod packets;
mod patches;
mod requests;
mod small;
mod spdy;
mod stored;

pub use applies::apply;
pub use bodies::{body_json, body_yaml, protobuf};
pub use differential::dns_differential;
pub use packets::dns_packet;
pub use patches::patch;
pub use requests::request;
pub use small::{quantity, selector};
pub use spdy::spdy;
pub use stored::stored_value;

/// What is called with each input.
pub type Target = fn(&[u8]);

/// Every target, by the name of its binary and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("apply", apply),
    ("body_json", body_json),
    ("body_yaml", body_yaml),
    ("dns_differential", dns_differential),
    ("dns_packet", dns_packet),
    ("patch", patch),
    ("protobuf", protobuf),
    ("quantity", quantity),
    ("request", request),
    ("selector", selector),
    ("spdy", spdy),
    ("stored_value", stored_value),
];
