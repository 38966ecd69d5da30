//! SPDY/3.1 as Kubernetes' clients speak it: the server's end of a connection that carries many streams.
//!
//! kubectl up to 1.29 runs commands through it, and every kubectl forwards ports through it, from 1.31 on inside a
//! WebSocket. What they use of the [protocol](https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/) is what
//! Go's `spdystream` offers: streams that the client opens, headers, data, half-closing, resets and pings. There is no flow
//! control beyond that of the connection below, for `spdystream` has none: it neither sends nor heeds window updates.

mod codec;
mod connection;
mod headers;

pub use codec::{Codec, CodecError, Frame, Reason};
pub use connection::{Incoming, Outgoing, STREAMS_MAX, Stream, accept};
pub use headers::{HeaderError, Headers};
