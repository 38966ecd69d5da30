//! Builds the runner (`src/runner/main.rs`) as a static program, for `src/runner.rs` to carry: containers need not have
//! a C library, nor a shell.
//!
//! Cargo cannot build one part of a crate with other flags than the rest, so the compiler is called here. Where a
//! static program cannot be built (no static C library, another system), the crate carries none, and commands of probes
//! run through Docker's own exec, which is slower.

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=src/runner");
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| env::var(name).unwrap_or_default();
    let program = Path::new(&var("OUT_DIR")).join("runner");
    let built = if var("CARGO_CFG_TARGET_OS") == "linux" {
        build(&program, &var("RUSTC"), &var("TARGET"), env::var("RUSTC_LINKER").ok().as_deref())
    } else {
        Err("containers run on Linux".to_owned())
    };
    if let Err(why) = built {
        println!("cargo::warning=exec probes will go through Docker's exec, for the runner cannot be built: {why}");
        fs::write(&program, []).expect("OUT_DIR can be written to");
    }
}

fn build(program: &Path, rustc: &str, target: &str, linker: Option<&str>) -> Result<(), String> {
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-name", "runner", "--target", target, "src/runner/main.rs", "-o"]);
    command.arg(program);
    for flag in
        ["target-feature=+crt-static", "opt-level=s", "panic=abort", "lto=fat", "codegen-units=1", "strip=symbols"]
    {
        command.args(["-C", flag]);
    }
    if let Some(linker) = linker {
        command.args(["-C", &format!("linker={linker}")]);
    }
    let output = command.output().map_err(|error| format!("{rustc}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().find(|line| line.starts_with("error")).unwrap_or("the compiler failed").to_owned())
}
