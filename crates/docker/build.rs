//! Builds the runner (`src/runner/main.rs`) and the balancer (`src/balancer/main.rs`) as static programs, for `src/runner.rs` and
//! `src/balancer.rs` to carry: containers need not have a C library, nor a shell.
//!
//! Cargo cannot build one part of a crate with other flags than the rest, so the compiler is called here. Where a
//! static program cannot be built (no static C library, another system), the crate carries none: commands of probes
//! run through Docker's own exec, which is slower, and services have no virtual addresses.

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=src/runner");
    println!("cargo::rerun-if-changed=src/balancer");
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| env::var(name).unwrap_or_default();
    let without = [
        ("runner", "exec probes will go through Docker's exec"),
        ("balancer", "services will have no virtual addresses that answer"),
    ];
    for (name, effect) in without {
        let program = Path::new(&var("OUT_DIR")).join(name);
        let built = if var("CARGO_CFG_TARGET_OS") == "linux" {
            build(name, &program, &var("RUSTC"), &var("TARGET"), env::var("RUSTC_LINKER").ok().as_deref())
        } else {
            Err("containers run on Linux".to_owned())
        };
        if let Err(why) = built {
            println!("cargo::warning={effect}, for the {name} cannot be built: {why}");
            fs::write(&program, []).expect("OUT_DIR can be written to");
        }
    }
}

fn build(name: &str, program: &Path, rustc: &str, target: &str, linker: Option<&str>) -> Result<(), String> {
    let mut command = Command::new(rustc);
    let source = format!("src/{name}/main.rs");
    command.args(["--edition", "2024", "--crate-name", name, "--target", target, &source, "-o"]);
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
