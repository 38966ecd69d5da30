//! The tables of `docs/clients.md`.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{Chapter, MINOR_MIN, rows::CHAPTERS};

const BEGIN: &str = "<!-- rows -->\n";
const END: &str = "<!-- end -->";

/// With `PETSET_CLIENTS_DOC=1` it is made so.
#[test]
fn the_page_shows_the_rows() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    let page = fs::read_to_string(&path).context("docs/clients.md")?;
    let (before, rest) = page.split_once(BEGIN).context("the mark where the rows begin")?;
    let (_, after) = rest.split_once(END).context("the mark where the rows end")?;
    let tables = CHAPTERS.iter().map(|chapter| table(chapter)).collect::<Vec<_>>().join("\n");
    let expected = format!("{before}{BEGIN}{tables}{END}{after}");
    if std::env::var_os("PETSET_CLIENTS_DOC").is_some() {
        fs::write(&path, &expected)?;
    }
    ensure!(fs::read_to_string(&path)? == expected, "docs/clients.md is out of date: PETSET_CLIENTS_DOC=1 rewrites it");
    Ok(())
}

/// Commands are words of the page: `|` would end a cell.
fn table(chapter: &Chapter) -> String {
    let mut table = format!("## {}\n\n| command | kubectl | as in Kubernetes |\n|---|---|---|\n", chapter.title);
    for row in chapter.rows {
        let name = row.name.replace('|', "\\|");
        let since = if row.since > MINOR_MIN { format!("since 1.{}", row.since) } else { String::new() };
        let differs = row.differs.map_or_else(|| "yes".to_owned(), |why| format!("differs: {why}"));
        // Writing to a string cannot fail.
        _ = writeln!(table, "| `{name}` | {since} | {differs} |");
    }
    table
}

#[test]
fn no_row_is_there_twice() {
    let mut names: Vec<&str> = CHAPTERS.iter().flat_map(|chapter| chapter.rows).map(|row| row.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
