//! ZooKeeper's protocol, as much as the stories need: a session, `create`, `sync` and `getData`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// A server that does not answer for so long is asked no more.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What the session may be silent for, in milliseconds.
const SESSION: i32 = 10_000;

const CREATE: i32 = 1;
const GET_DATA: i32 = 4;
const SYNC: i32 = 9;

/// The code of an answer about a node that does not exist.
const NO_NODE: i32 = -101;

/// A client's session with one server.
pub(crate) struct Connection {
    stream: TcpStream,
    requests: i32,
}

/// Bytes as they go over the wire: numbers with the high byte first, texts with their length before them.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn int(mut self, number: i32) -> Record {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn long(mut self, number: i64) -> Record {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn flag(mut self, flag: u8) -> Record {
        self.0.push(flag);
        self
    }

    fn text(self, text: &str) -> Record {
        let mut record = self.int(i32::try_from(text.len()).unwrap_or(i32::MAX));
        record.0.extend(text.as_bytes());
        record
    }
}

impl Connection {
    pub(crate) fn open(server: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&server, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        let mut connection = Connection { stream, requests: 0 };
        // Version 0, no transaction seen, a new session, the empty password of one, not read-only.
        let hello = Record::default().int(0).long(0).int(SESSION).long(0).text(&"\0".repeat(16)).flag(0);
        connection.send(&hello)?;
        connection.receive().context("no session")?;
        Ok(connection)
    }

    /// Makes a node that everybody may read and write.
    pub(crate) fn create(&mut self, path: &str, data: &str) -> Result<()> {
        let body = Record::default().text(path).text(data).int(1).int(31).text("world").text("anyone").int(0);
        let (code, _) = self.ask(CREATE, body)?;
        ensure!(code == 0, "create {path}: code {code}");
        Ok(())
    }

    /// What a node has, if it is there. Where many are read, [`Connection::sync`] goes first.
    pub(crate) fn get(&mut self, path: &str) -> Result<Option<String>> {
        let (code, body) = self.ask(GET_DATA, Record::default().text(path).flag(0))?;
        if code == NO_NODE {
            return Ok(None);
        }
        ensure!(code == 0, "get {path}: code {code}");
        let length = usize::try_from(number(&body, 0)?)?;
        Ok(Some(String::from_utf8(body.get(4..4 + length).context("the data")?.to_vec())?))
    }

    /// Waits until this server has what the leader has now.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let (code, _) = self.ask(SYNC, Record::default().text("/"))?;
        ensure!(code == 0, "sync: code {code}");
        Ok(())
    }

    /// Sends a request, and returns the answer's code and body.
    fn ask(&mut self, kind: i32, body: Record) -> Result<(i32, Vec<u8>)> {
        self.requests += 1;
        let mut request = Record::default().int(self.requests).int(kind);
        request.0.extend(body.0);
        self.send(&request)?;
        let answer = self.receive()?;
        ensure!(number(&answer, 0)? == self.requests, "the answer is to another request");
        // Between them is the number of the transaction.
        Ok((number(&answer, 12)?, answer.get(16..).unwrap_or_default().to_vec()))
    }

    fn send(&mut self, record: &Record) -> Result<()> {
        let length = u32::try_from(record.0.len())?;
        Ok(self.stream.write_all(&[&length.to_be_bytes(), record.0.as_slice()].concat())?)
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut record = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        self.stream.read_exact(&mut record)?;
        Ok(record)
    }
}

fn number(bytes: &[u8], at: usize) -> Result<i32> {
    let bytes = bytes.get(at..at + 4).context("the answer is too short")?;
    Ok(i32::from_be_bytes(bytes.try_into()?))
}
