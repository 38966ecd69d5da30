//! Examples to begin with: manifests that petctl carries along, written into the current folder.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use clap::builder::PossibleValuesParser;

use crate::{
    failure::Failure,
    output::{aligned, print},
};

/// A folder of `examples`.
struct Example {
    name: &'static str,
    /// The title of its README.
    about: &'static str,
    /// Each manifest's file name and text.
    manifests: &'static [(&'static str, &'static str)],
}

/// All of them, by name; `build.rs` looks which there are.
const EXAMPLES: &[Example] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// Arguments of `init`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The example; all are listed where it is not given
    #[arg(value_parser = names())]
    name: Option<String>,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(EXAMPLES.iter().map(|example| example.name))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(name) = &arguments.name else {
        let heading = ["NAME", "WHAT IT IS"];
        let rows = EXAMPLES.iter().map(|example| [example.name, example.about]);
        let rows: Vec<Vec<String>> =
            [heading].into_iter().chain(rows).map(|row| row.map(str::to_owned).to_vec()).collect();
        print::out(&aligned(&rows));
        return Ok(());
    };
    let example = EXAMPLES.iter().find(|example| example.name == name);
    let manifests = example.map(|example| example.manifests).unwrap_or_default();
    if !arguments.force
        && let Some((file, _)) = manifests.iter().find(|(file, _)| Path::new(file).exists())
    {
        return Err(Failure::message(format!("{file} exists already; --force writes over it")));
    }
    for (file, text) in manifests {
        write(file, text, arguments.force).map_err(Failure::io(format!("write {file}")))?;
        print::line(&format!("{file} written"));
    }
    let files: Vec<&str> = manifests.iter().map(|(file, _)| *file).collect();
    print::talk(&format!("apply it with: petctl apply -f {}", files.join(" -f ")));
    Ok(())
}

/// Without `force` a file that somebody has made meanwhile is left alone, too.
fn write(file: &str, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options.write(true).open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_says_in_a_line_what_it_is_and_has_manifests() {
        for example in EXAMPLES {
            assert!(!example.about.is_empty() && !example.manifests.is_empty(), "{}", example.name);
            for (file, text) in example.manifests {
                assert!(
                    text.contains("kind: StatefulSet") || text.contains("kind: PetSet"),
                    "{}: {file}",
                    example.name
                );
            }
        }
    }
}
