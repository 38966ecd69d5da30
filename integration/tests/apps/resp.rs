//! Redis' protocol (RESP2), as much as the stories need.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A server that does not answer for so long is asked no more.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// One connection. An error that the server says is an `Err` with its words, `MOVED 1 10.0.0.1:6379` among them.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Says a command and returns the answer as text; `None` is Redis' nil. Lists are not understood.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<Option<String>> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            write!(command, "${}\r\n{word}\r\n", word.len())?;
        }
        self.0.get_mut().write_all(command.as_bytes())?;
        let line = self.line()?;
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes().first() {
            Some(b'+' | b':') => Ok(Some(rest.to_owned())),
            Some(b'-') => bail!("{rest}"),
            Some(b'$') if rest == "-1" => Ok(None),
            Some(b'$') => {
                let mut text = vec![0; rest.parse::<usize>()? + 2];
                self.0.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                Ok(Some(String::from_utf8(text)?))
            }
            _ => bail!("{words:?} was answered by {line:?}"),
        }
    }

    /// What `INFO` says about one thing.
    pub(crate) fn info(&mut self, section: &str, field: &str) -> Result<String> {
        let info = self.ask(&["INFO", section])?.unwrap_or_default();
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO {section} says nothing of {field}"))?.to_owned())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        // What ends in the middle of a line is no answer.
        if self.0.read_line(&mut line)? == 0 || !line.ends_with("\r\n") {
            bail!("the connection was closed");
        }
        line.truncate(line.len() - 2);
        Ok(line)
    }
}
