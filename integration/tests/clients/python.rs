//! Kubernetes' Python client. The programs are in `integration/clients/python`.

use std::process::Command;

use anyhow::Result;
use petset_integration::World;

use crate::program;

/// Runs a program on a daemon of its own.
fn python(instance: &str, name: &str) -> Result<()> {
    let Some(interpreter) = program::needs("python", "interpreter")? else { return Ok(()) };
    let world = World::start(instance)?;
    let mut command = Command::new(interpreter);
    // Without `-B` it would leave compiled files beside the programs.
    command.args(["-B", name]).current_dir(program::folder("python"));
    program::run(&world, command)
}

#[test]
fn python_drives_kubernetes_own_kinds() -> Result<()> {
    python("pytyped", "typed.py")
}

#[test]
fn python_drives_petsets_without_a_model_of_them() -> Result<()> {
    python("pydyn", "dynamic.py")
}

#[test]
fn python_reaches_into_pods() -> Result<()> {
    python("pystream", "streams.py")
}

#[test]
fn python_elects_a_leader() -> Result<()> {
    python("pyelect", "election.py")
}

#[test]
fn python_watches_and_begins_anew_when_its_revision_is_too_old() -> Result<()> {
    python("pywatch", "watching.py")
}

#[test]
fn python_applies_on_the_servers_side() -> Result<()> {
    python("pyapply", "applying.py")
}
