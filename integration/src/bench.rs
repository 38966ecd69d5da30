//! What all benchmarks share: several rounds in which the candidates take turns, medians, and a table.
//!
//! Two candidates are compared by their ratio: figures of one machine mean little on another, and candidates that take
//! turns share its moods.

use std::path::Path;

use anyhow::{Context, Result};

/// Enough for a median that one bad round does not move.
const ROUNDS: usize = 5;

/// What was measured of one candidate, a value per round.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The candidate.
    pub name: String,
    /// One per round.
    pub values: Vec<f64>,
}

impl Row {
    /// A candidate of which nothing is measured yet.
    pub fn new(name: &str) -> Row {
        Row { name: name.to_owned(), values: Vec::new() }
    }

    /// The middle value, or the mean of the two in the middle; 0 where there is none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => 0.0,
            length if length % 2 == 1 => sorted[length / 2],
            length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
        }
    }

    /// How far the values lie apart, as a part of the median.
    pub fn spread(&self) -> f64 {
        let (low, high) = self.values.iter().fold((f64::MAX, 0.0_f64), |(l, h), v| (l.min(*v), h.max(*v)));
        let median = self.median();
        if median > 0.0 { (high - low) / median } else { 0.0 }
    }
}

/// The rows in Markdown, with each one's ratio to the row named `base`, where there is one.
pub fn table(title: &str, unit: &str, base: &str, rows: &[Row]) -> String {
    let of_base = rows.iter().find(|row| row.name == base).map(Row::median).filter(|median| *median > 0.0);
    let mut lines = vec![format!("| {title} | {unit} | spread | of {base} |"), "|---|---|---|---|".to_owned()];
    for row in rows {
        let ratio = of_base.map_or("-".to_owned(), |base| format!("{:.2}", row.median() / base));
        lines.push(format!("| {} | {:.0} | {:.0} % | {ratio} |", row.name, row.median(), row.spread() * 100.0));
    }
    lines.join("\n")
}

/// Rounds that count, as `PETSET_BENCH_ROUNDS` says.
pub fn rounds() -> usize {
    std::env::var("PETSET_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Prints what was measured, and keeps it where `PETSET_BENCH_DOC` names a document: between the marks
/// `<!-- measured: name -->` and `<!-- end -->`.
pub fn publish(name: &str, text: &str) -> Result<()> {
    println!("{text}\n");
    let Some(path) = std::env::var_os("PETSET_BENCH_DOC") else { return Ok(()) };
    let path = Path::new(&path);
    let document = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let document =
        replace(&document, name, text).with_context(|| format!("no place for {name} in {}", path.display()))?;
    std::fs::write(path, document).with_context(|| path.display().to_string())
}

/// The machine in a line: processors, kernel and memory.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let kilobytes: f64 = field(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let gigabytes = kilobytes / 1024.0 / 1024.0;
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{count} x {}, {gigabytes:.0} GiB, Linux {}, load {load} at the end",
        field(&processors, "model name"),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

fn replace(document: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- measured: {name} -->\n");
    let from = document.find(&begin)? + begin.len();
    let to = from + document[from..].find("<!-- end -->")?;
    Some(format!("{}{text}\n{}", &document[..from], &document[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_takes_the_place_of_what_was_measured_before() {
        let document = "# A\n<!-- measured: x -->\nold\n<!-- end -->\n<!-- measured: y -->\n<!-- end -->\n";
        let expected = "# A\n<!-- measured: x -->\nnew\n<!-- end -->\n<!-- measured: y -->\n<!-- end -->\n";
        assert_eq!(replace(document, "x", "new").as_deref(), Some(expected));
        assert_eq!(replace(document, "z", "new"), None);
    }

    #[test]
    fn a_table_has_medians_spreads_and_ratios() {
        let row = |name: &str, values: &[f64]| Row { name: name.to_owned(), values: values.to_vec() };
        let rows = [row("ours", &[120.0, 80.0, 100.0]), row("theirs", &[40.0, 60.0]), row("none", &[])];
        let expected = "| mix | answers | spread | of theirs |\n|---|---|---|---|\n| ours | 100 | 40 % | 2.00 |\n\
                        | theirs | 50 | 40 % | 1.00 |\n| none | 0 | 0 % | 0.00 |";
        assert_eq!(table("mix", "answers", "theirs", &rows), expected);
    }
}
