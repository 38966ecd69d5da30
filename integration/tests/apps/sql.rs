//! A session with a SQL client of the pet's own image, in the pet's container: its protocol need not be written down here.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::story::Session;

/// A server that does not answer for so long is asked no more.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Lines of one answer that may be on their way.
const LINES_MAX: usize = 1024;

/// A client that reads statements from its standard input, prints rows without any ornament, and ends at the first error.
pub(crate) struct Client {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    asked: usize,
    /// What the table of the story has, once it was read.
    table: Option<HashMap<String, String>>,
    is_writer: bool,
}

impl Client {
    pub(crate) fn start(mut command: Command) -> Result<Client> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take().context("piped")?;
        let output = BufReader::new(child.stdout.take().context("piped")?);
        let (sender, lines) = sync_channel(LINES_MAX);
        // Ends with the client, which ends when its standard input is closed.
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Client { child, input, lines, asked: 0, table: None, is_writer: false })
    }

    /// The rows that a statement gives.
    pub(crate) fn ask(&mut self, statement: &str) -> Result<Vec<String>> {
        self.asked += 1;
        let end = format!("end of answer {}", self.asked);
        writeln!(self.input, "{statement};\nSELECT '{end}';")?;
        self.input.flush()?;
        let mut rows = Vec::new();
        loop {
            match self.lines.recv_timeout(ANSWER_WITHIN) {
                Ok(line) if line == end => return Ok(rows),
                Ok(line) => rows.push(line),
                Err(_) => bail!("{statement}: no answer: {rows:?}"),
            }
        }
    }

    /// The one value that a statement gives.
    pub(crate) fn value(&mut self, statement: &str) -> Result<String> {
        self.ask(statement)?.pop().with_context(|| format!("{statement} gives nothing"))
    }
}

impl Session for Client {
    fn write(&mut self, key: &str, value: &str) -> Result<()> {
        if !self.is_writer {
            self.ask("CREATE TABLE IF NOT EXISTS story (k varchar(64) PRIMARY KEY, v varchar(64))")?;
            self.is_writer = true;
        }
        self.ask(&format!("INSERT INTO story VALUES ('{key}', '{value}')")).map(|_| ())
    }

    fn read(&mut self, key: &str) -> Result<Option<String>> {
        if let Some(value) = self.table.as_ref().and_then(|table| table.get(key)) {
            return Ok(Some(value.clone()));
        }
        let rows = self.ask("SELECT concat(k, '=', v) FROM story")?;
        let table =
            rows.iter().filter_map(|row| row.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Ok(self.table.insert(table).get(key).cloned())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
