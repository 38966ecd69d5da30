//! Takes the examples along: each folder of `examples` with its manifests, and the first line of its README.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let examples = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../examples").canonicalize()?;
    println!("cargo::rerun-if-changed={}", examples.display());
    let mut code = "&[\n".to_owned();
    for folder in within(&examples)?.iter().filter(|path| path.is_dir()) {
        let readme =
            fs::read_to_string(folder.join("README.md")).map_err(|source| format!("{}: {source}", folder.display()))?;
        let about = readme.lines().next().unwrap_or_default().trim_start_matches("# ");
        writeln!(code, "Example {{ name: {:?}, about: {about:?}, manifests: &[", name(folder))?;
        for file in within(folder)?.iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
            writeln!(code, "({:?}, include_str!({:?})),", name(file), file.display().to_string())?;
        }
        code += "] },\n";
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("examples.rs"), code + "]\n")?;
    Ok(())
}

/// What is in a folder, by name.
fn within(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
