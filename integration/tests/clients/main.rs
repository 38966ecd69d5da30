//! The client libraries that people write programs with, each against a daemon of its own. What kubectl needs stands in
//! `tests/kubectl.rs`.

mod kube_rs;
mod node;
mod program;
mod python;
