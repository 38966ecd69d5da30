//! Answers queries from the latest zone.
//!
//! Reading order: [`answer()`] decides, without I/O, what a [`plan::zone::Zone`] says to a question; `handler` puts the
//! decision on the wire and asks the upstreams for names that are not ours; [`Server`] owns the sockets and threads.
//! Messages come in through `udp`, by the `batch`, and `tcp`, and most are answered by `fast`: `plain` reads the plainest of questions,
//! `encoded` keeps the answers that [`answer()`] gave, and whatever is odd goes through hickory.
//!
//! The zone is replaced as a whole ([`arc_swap::ArcSwap`]) and loaded once per question, so an answer never mixes
//! two states. The records and rules stand in `docs/dns.md`, whose table is also the test table.

mod answer;
mod ask;
mod batch;
mod both;
mod encoded;
mod fast;
mod forward;
mod handler;
mod holder;
mod name;
mod plain;
mod record;
mod reverse;
mod server;
mod tcp;
mod udp;

pub use answer::{Answer, answer};
pub use ask::{Reply, ask};
pub use both::{Both, Ways};
pub use forward::upstreams;
pub use server::{BindError, ServeError, Server};

/// What a log filter should add, in `tracing_subscriber`'s directives: hickory logs every question at `info`.
pub const LOG_DIRECTIVES: &str = "hickory_server=warn,hickory_net=warn,hickory_proto=warn";
