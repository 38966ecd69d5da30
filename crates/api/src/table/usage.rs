//! The tables of what pods and nodes use, as metrics-server has them.

use super::{Column, NAME, Printer, name, text};
use crate::usage;

pub(super) static USAGE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("cpu", "Cores, on average over the window."),
        Column::new("memory", "The working set."),
        Column::new("Window", "How long was measured."),
    ],
    cells: |metrics, _| {
        let [cpu, memory] = usage::cells(metrics);
        vec![name(metrics), cpu.into(), memory.into(), text(&metrics["window"]).into()]
    },
};
