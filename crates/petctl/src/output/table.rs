//! Tables as kubectl prints them.

use serde_json::Value;

use crate::{kind::Kind, output::name_of};

/// Spaces between columns.
const PADDING: usize = 3;

/// The narrowest column, its padding included.
const WIDTH_MIN: usize = 6;

/// What of a server's table is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown<'a> {
    /// The columns of lower priority too.
    pub(crate) wide: bool,
    /// A column for the namespace.
    pub(crate) namespaces: bool,
    /// A column for the labels.
    pub(crate) labels: bool,
    /// Names as `kind/name`.
    pub(crate) prefix: Option<&'a Kind>,
}

/// The headings and rows of a server's table (`meta/v1 Table`). Headings are empty in later events of a watch, so
/// the first table's `definitions` are kept by the caller.
pub(crate) fn shown(table: &Value, definitions: &Value, shown: Shown<'_>) -> (Vec<String>, Vec<Vec<String>>) {
    let definitions: Vec<&Value> = definitions.as_array().into_iter().flatten().collect();
    let is_shown = |definition: &&Value| shown.wide || definition["priority"].as_i64().unwrap_or(0) == 0;
    let mut headings: Vec<String> = Vec::new();
    if shown.namespaces {
        headings.push("NAMESPACE".to_owned());
    }
    let named = definitions.iter().filter(|d| is_shown(d)).map(|d| text(&d["name"]).to_uppercase());
    headings.extend(named);
    if shown.labels {
        headings.push("LABELS".to_owned());
    }
    let rows = table["rows"].as_array().into_iter().flatten().map(|row| {
        let mut cells: Vec<String> = Vec::new();
        if shown.namespaces {
            cells.push(text(&row["object"]["metadata"]["namespace"]));
        }
        let values = row["cells"].as_array().into_iter().flatten();
        for (definition, value) in definitions.iter().zip(values).filter(|(d, _)| is_shown(d)) {
            let value = text(value);
            match shown.prefix.filter(|_| definition["format"] == "name") {
                Some(kind) => cells.push(format!("{}/{}", kind.qualified_singular(), name_of(&row["object"]))),
                None => cells.push(value),
            }
        }
        if shown.labels {
            cells.push(labels(&row["object"]["metadata"]["labels"]));
        }
        cells
    });
    (headings, rows.collect())
}

/// `a=1,b=2`, or `<none>`.
fn labels(labels: &Value) -> String {
    let each: Vec<String> =
        labels.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={}", text(value))).collect();
    if each.is_empty() { "<none>".to_owned() } else { each.join(",") }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The widths of columns. They only grow, so that the rows of a watch stay below each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns(Vec<usize>);

impl Columns {
    /// Lines for these rows; the last column is not padded.
    pub(crate) fn align(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            self.0.resize(self.0.len().max(row.len()), WIDTH_MIN);
            // The last cell of a row is not followed by anything, so its width does not matter.
            for (width, cell) in self.0.iter_mut().zip(row).take(row.len().saturating_sub(1)) {
                *width = (*width).max(cell.chars().count() + PADDING);
            }
        }
        let mut lines = String::new();
        for row in rows {
            let mut line = String::new();
            for (n, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if n + 1 < row.len() {
                    let blank = self.0[n].saturating_sub(cell.chars().count());
                    line.extend(std::iter::repeat_n(' ', blank));
                }
            }
            lines.push_str(&line);
            lines.push('\n');
        }
        lines
    }
}

/// Rows that stand alone.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    Columns::default().align(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods() -> Value {
        let column =
            |name: &str, format: &str, priority: i32| json!({"name": name, "format": format, "priority": priority});
        let row = |name: &str, status: &str, restarts: u8| {
            json!({"cells": [name, "1/1", status, restarts, "10m", "10.1.0.2"],
                   "object": {"metadata": {"name": name, "namespace": "ns", "labels": {"app": "nginx", "x": "y"}}}})
        };
        json!({"columnDefinitions": [column("Name", "name", 0), column("Ready", "", 0), column("Status", "", 0),
                                     column("Restarts", "", 0), column("Age", "", 0), column("IP", "", 1)],
               "rows": [row("web-0", "Running", 0), row("web-1", "ContainerCreating", 12)]})
    }

    fn said(what: Shown<'_>) -> String {
        let table = pods();
        let (headings, mut rows) = shown(&table, &table["columnDefinitions"], what);
        rows.insert(0, headings);
        aligned(&rows)
    }

    #[test]
    fn looks_as_kubectls() {
        let expected = "\
NAME    READY   STATUS              RESTARTS   AGE
web-0   1/1     Running             0          10m
web-1   1/1     ContainerCreating   12         10m
";
        assert_eq!(said(Shown::default()), expected);
    }

    #[test]
    fn shows_more_when_asked() {
        let kind = Kind { group: "apps".into(), singular: "petset".into(), ..Kind::default() };
        let what = Shown { wide: true, namespaces: true, labels: true, prefix: Some(&kind) };
        let expected = "\
NAMESPACE   NAME                READY   STATUS              RESTARTS   AGE   IP         LABELS
ns          petset.apps/web-0   1/1     Running             0          10m   10.1.0.2   app=nginx,x=y
ns          petset.apps/web-1   1/1     ContainerCreating   12         10m   10.1.0.2   app=nginx,x=y
";
        assert_eq!(said(what), expected);
    }

    #[test]
    fn later_rows_stay_below_earlier_ones() {
        let row = |cells: &[&str]| vec![cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()];
        let mut columns = Columns::default();
        assert_eq!(columns.align(&row(&["a-long-name", "x"])), "a-long-name   x\n");
        assert_eq!(columns.align(&row(&["b", "y"])), "b             y\n");
    }
}
