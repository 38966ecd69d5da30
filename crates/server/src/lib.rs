//! Turns HTTP into store reads and writes, and errors into Status.

pub mod streams;
