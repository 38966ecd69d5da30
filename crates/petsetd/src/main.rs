//! Reads configuration, wires the parts, waits for a signal.

fn main() {}
