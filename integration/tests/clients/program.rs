//! Programs in other languages: what they need is fetched once, and the step that fails is told.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use petset_integration::{World, succeed};

/// Names the languages, with commas between them, that a machine need not have. CI has all of them.
const MAY_LACK: &str = "PETSET_CLIENTS_MAY_LACK";

/// The folder of the programs of a language.
pub(crate) fn folder(language: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(language)
}

/// What a language's script prints, which fetches what its programs need. `None` where that cannot be had, and whoever runs
/// the tests has said that this machine need not have it; else it is an error.
pub(crate) fn needs(language: &str, script: &str) -> Result<Option<String>> {
    let path = folder(language).join(script);
    let output = Command::new(&path).output().with_context(|| path.display().to_string())?;
    match succeed(script, &output) {
        Ok(printed) => Ok(Some(printed.trim().to_owned())),
        Err(error) => {
            let allowed = std::env::var(MAY_LACK).unwrap_or_default();
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            if is_ci || !allowed.split(',').any(|name| name == language) {
                return Err(error.context(format!("set {MAY_LACK}={language} to leave these tests out")));
            }
            eprintln!("SKIPPED: the tests of {language}: {error:#}");
            Ok(None)
        }
    }
}

/// Runs a program against a daemon until it ends. Errors: it failed, in the last step that it named.
pub(crate) fn run(world: &World, mut command: Command) -> Result<()> {
    command.env("KUBECONFIG", world.kubeconfig());
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.lines().filter_map(|line| line.strip_prefix("step: ")).next_back();
    let last =
        last.with_context(|| format!("it named no step: {printed}{}", String::from_utf8_lossy(&output.stderr)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "failed in the step {last:?}: {}\n{printed}{errors}\npetsetd's log:\n{}",
            output.status,
            world.log_text()
        );
    }
    ensure!(printed.lines().any(|line| line == "all steps are done"), "it ended in the step {last:?}:\n{printed}");
    Ok(())
}
