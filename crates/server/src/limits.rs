//! Every limit of the server that is not one of the API itself (`api::limits`), with its reason.

use std::time::Duration;

/// Connections at a time on one listener. A client library holds a few. One more takes the place of the oldest whose client
/// has shown no token; where all have shown it, new ones wait in the backlog.
pub const CONNECTIONS_MAX: usize = 1_024;

/// Watches at a time on all listeners: each holds a place in the live stream, and some kilobytes. More get 429. HTTP/2
/// carries many on one connection, so they are not bounded by [`CONNECTIONS_MAX`].
pub const WATCHES_MAX: usize = 10_000;

/// Followed logs at a time on all listeners: each holds a stream of the engine. More get 429.
pub const FOLLOWED_LOGS_MAX: usize = 256;

/// Exec, attach and port-forward sessions at a time on all listeners: each holds connections to the engine. More get 429.
pub const SESSIONS_MAX: usize = 256;

/// Requests at a time that are being answered, on all listeners, watches and sessions left out once they are open. More get 429. As
/// many as Kubernetes lets through by itself; together their bodies stay below 1.2 GiB.
pub const REQUESTS_MAX: usize = 400;

/// The path and query of a request, in octets: a selector of some thousand terms. Longer ones get 414.
pub const URI_BYTES_MAX: usize = 32 * 1024;

/// Objects of every kind together that clients may have made: all are held in memory, and 50,000 small ones take some 200
/// MiB. Creations beyond get 403. What the daemon itself makes of sets is not counted against it but counts.
pub const OBJECTS_MAX: usize = 50_000;

/// The headers of one request, together. A token and a handful of `Accept` clauses fit many times.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Headers of one request over HTTP/1.1; over HTTP/2 their size alone counts.
pub const HEADERS_MAX: usize = 100;

/// Requests at a time on one HTTP/2 connection, as many as Kubernetes' clients expect.
pub const STREAMS_PER_CONNECTION: u32 = 250;

/// Requests on one HTTP/2 connection that its client takes back before they are looked at. More are an attack (rapid reset),
/// and end the connection.
pub const STREAM_RESETS_MAX: usize = 20;

/// Requests on one HTTP/2 connection that break its rules. Clients that work send none; more end the connection.
pub const STREAM_FAULTS_MAX: usize = 256;

/// How long a TLS handshake or the headers of a request may take, so that an idle socket does not hold a place.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long the body of a request may take. The largest fits in with a hundred kilobytes a second.
pub const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take nothing of an answer. Then a watch ends, with an error that tells it to list again if it reads
/// after all, and any other answer breaks off. Followed logs and sessions, which people pause, may wait for ever: they have
/// places of their own.
pub const UNREAD_PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked which answers are not read.
pub const UNREAD_SWEEP: Duration = Duration::from_secs(5);

/// How much of an answer is handed over at a time, and waits at most to be sent on one HTTP/2 stream.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is silent before its client is asked whether it still lives, and how long the answer may take, so that
/// watches of vanished clients end.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long requests and sessions get to end by themselves when the server stops.
pub const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait after a failed `accept`: it fails when file descriptors have run out, which others must end.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often an update without a `resourceVersion` is tried again after a lost race, as in Kubernetes.
pub const UPDATE_TRIES: usize = 5;

/// How many names are drawn for a `generateName` before it is a conflict, as in Kubernetes.
pub const NAME_TRIES: usize = 8;

/// How often a watch that asked for bookmarks gets one, as in Kubernetes.
pub const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);

/// How long a watch lasts that does not say: clients are used to starting anew within the hour.
pub const WATCH_LIFETIME: Duration = Duration::from_hours(1);

/// All `Warning` headers of an answer: HTTP clients refuse answers with very long headers.
pub const WARNING_BYTES_MAX: usize = 4 * 1024;

/// The largest message, and the largest frame of one, on an exec or attach connection; clients send pieces of at most 32 KiB.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Tokens with names at a time. Every request is compared with each; a machine has a handful of users and pipelines.
pub const TOKENS_MAX: usize = 256;

/// Namespaces of one token. Beyond so many, one for everything is meant, or one for each.
pub const TOKEN_NAMESPACES_MAX: usize = 64;

/// The longest that a token may ask to count: as long as the certificate authority, without which it opens nothing.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_hours(10 * 365 * 24);

/// How long an old token may go on counting: whoever changes it wants it gone within the week.
pub const TOKEN_GRACE_MAX: Duration = Duration::from_hours(7 * 24);
