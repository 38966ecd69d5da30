//! The user's hands: build a request, print the answer.

fn main() {}
