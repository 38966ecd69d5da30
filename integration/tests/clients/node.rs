//! Kubernetes' JavaScript client. The programs are in `integration/clients/node`.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};
use petset_integration::World;

use crate::program;

fn node(instance: &str, name: &str) -> Result<()> {
    let Some(modules) = program::needs("node", "modules")? else { return Ok(()) };
    let world = World::start(instance)?;
    // Node.js looks for packages above a program's own folder: it runs a copy, beside the packages.
    let scratch = tempfile::tempdir_in(&modules)?;
    for entry in std::fs::read_dir(program::folder("node"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            std::fs::copy(&path, scratch.path().join(path.file_name().context("a file's name")?))?;
        }
    }
    program::run(&world, command(scratch.path(), name))
}

fn command(folder: &Path, name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder.join(name)).current_dir(folder);
    command
}

#[test]
fn node_drives_typed_and_untyped_objects() -> Result<()> {
    node("nodetyped", "typed.mjs")
}

#[test]
fn node_watches() -> Result<()> {
    node("nodewatch", "watching.mjs")
}

#[test]
fn node_reaches_into_pods() -> Result<()> {
    node("nodestream", "streams.mjs")
}
