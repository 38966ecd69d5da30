//! HTTP, as much as the stories need: one question, one answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A server that cannot be reached, or does not answer, for so long is asked no more.
const REACHED_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The body of the answer to a `GET`, as a user with a password if there is one; a status other than 200 is an error.
pub(crate) fn get(server: SocketAddr, path: &str, user: Option<(&str, &str)>) -> Result<String> {
    let header = user
        .map(|(name, password)| format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}"))));
    ask(server, &format!("GET {path}"), &header.unwrap_or_default(), "")
}

/// The body of the answer to a `POST` of this body; a status other than 200 is an error.
pub(crate) fn post(server: SocketAddr, path: &str, body: &str) -> Result<String> {
    ask(server, &format!("POST {path}"), &format!("Content-Length: {}\r\n", body.len()), body)
}

fn ask(server: SocketAddr, what: &str, headers: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, REACHED_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    // HTTP/1.0: the answer ends with the connection.
    write!(stream, "{what} HTTP/1.0\r\nHost: {server}\r\n{headers}\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "{what}: {status}: {body}");
    Ok(body.to_owned())
}
