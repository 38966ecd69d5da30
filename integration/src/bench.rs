//! What all benchmarks share: several rounds in which the candidates take turns, medians, and a table.
//!
//! Two candidates are compared by their ratio: figures of one machine mean little on another, and candidates that take
//! turns share its moods.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux that Rust runs on.
const TICKS: u64 = 100;

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
        lines.push(format!("| {} | {} | {:.0} % | {ratio} |", row.name, figure(row.median()), row.spread() * 100.0));
    }
    lines.join("\n")
}

/// The rows in Markdown, where there is nothing to compare them with but what is wanted of each.
pub fn table_of(title: &str, unit: &str, rows: &[(Row, &str)]) -> String {
    let mut lines = vec![format!("| {title} | {unit} | spread | wanted |"), "|---|---|---|---|".to_owned()];
    for (row, wanted) in rows {
        lines.push(format!("| {} | {} | {:.0} % | {wanted} |", row.name, figure(row.median()), row.spread() * 100.0));
    }
    lines.join("\n")
}

/// As many digits as say something.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0..1.0 => format!("{value:.2}"),
        1.0..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// What a process and all processes below it have used of the processors, those that have ended and were waited for
/// included.
pub fn processor_time(root: u32) -> Result<Duration> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process may end while it is looked at.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        processes.push((pid, number(1) as u32, (11..15).map(number).sum::<u64>()));
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(pid) = tree.get(next).copied() {
        tree.extend(processes.iter().filter(|(_, parent, _)| *parent == pid).map(|(pid, ..)| *pid));
        next += 1;
    }
    let ticks: u64 = processes.iter().filter(|(pid, ..)| tree.contains(pid)).map(|(.., ticks)| ticks).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// What a process has of memory, in MiB: a field of `/proc/PID/status`.
pub fn memory(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).context("the field")?;
    let kibibytes: f64 = line.split_whitespace().next().context("a number")?.parse()?;
    Ok(kibibytes / 1024.0)
}

/// What the whole machine has used of its processors since it started.
pub fn machine_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().context("the line of all processors")?.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>()?;
    // user, nice, system, then idle and waiting, then interrupts; guests are counted in user already.
    let used: u64 = [0, 1, 2, 5, 6].iter().filter_map(|at| ticks.get(*at)).sum();
    Ok(Duration::from_millis(used * 1000 / TICKS))
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
    fn a_table_of_figures_says_what_is_wanted() {
        let rows = [(Row { name: "ready".to_owned(), values: vec![1.24, 1.3] }, "150")];
        let expected = "| start | ms | spread | wanted |\n|---|---|---|---|\n| ready | 1.3 | 5 % | 150 |";
        assert_eq!(table_of("start", "ms", &rows), expected);
    }

    #[test]
    fn a_process_uses_no_more_than_the_machine() {
        let own = processor_time(std::process::id()).unwrap();
        assert!(own <= machine_time().unwrap());
    }

    #[test]
    fn a_table_has_medians_spreads_and_ratios() {
        let row = |name: &str, values: &[f64]| Row { name: name.to_owned(), values: values.to_vec() };
        let rows = [row("ours", &[120.0, 80.0, 100.0]), row("theirs", &[40.0, 60.0]), row("none", &[])];
        let expected = "| mix | answers | spread | of theirs |\n|---|---|---|---|\n| ours | 100 | 40 % | 2.00 |\n\
                        | theirs | 50 | 40 % | 1.00 |\n| none | 0.00 | 0 % | 0.00 |";
        assert_eq!(table("mix", "answers", "theirs", &rows), expected);
    }
}
