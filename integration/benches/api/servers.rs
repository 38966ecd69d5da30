//! The servers that are asked, and what they are asked for.

use anyhow::Result;
use bytes::Bytes;
use http::Method;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{client, etcd};

/// As many objects as Kubernetes was measured with are there when lists are measured.
pub(crate) const OBJECTS: usize = 4_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// What the others work on. Not a figure.
    Fill,
    Create,
    Get,
    Patch,
    /// A thousand objects.
    Page,
    /// All of them.
    List,
}

impl Operation {
    pub(crate) const ALL: [Operation; 5] =
        [Operation::Create, Operation::Get, Operation::Patch, Operation::Page, Operation::List];

    /// How many on so many connections: enough that the clock's ticks of 10 ms do not show.
    pub(crate) fn count(self, connections: usize) -> usize {
        match self {
            Operation::Fill => OBJECTS,
            Operation::Create => 500,
            Operation::Get | Operation::Patch => 1_000 * if connections > 1 { 4 } else { 1 },
            Operation::Page => 60,
            Operation::List => 20,
        }
    }

    /// A fifth or less of what Kubernetes' API server takes for each on 16 connections, in µs of a processor. On a single
    /// one nobody has measured it.
    pub(crate) fn wanted(self, connections: usize) -> &'static str {
        match self {
            Operation::Create if connections == 16 => "at most 250",
            Operation::Get if connections == 16 => "at most 100",
            Operation::Patch if connections == 16 => "at most 440",
            Operation::List if connections == 16 => "at most 8000",
            _ => "-",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Operation::Fill => "Fill",
            Operation::Create => "Create",
            Operation::Get => "Get",
            Operation::Patch => "Patch",
            Operation::Page => "List of 1,000",
            Operation::List => "List of 4,000",
        }
    }

    pub(crate) fn is_creation(self) -> bool {
        matches!(self, Operation::Fill | Operation::Create)
    }
}

/// Where an object lies, so that lists stay as long as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Space {
    /// What is read, patched and listed.
    Kept,
    /// What is created for a figure.
    Created,
    /// What is watched.
    Watched,
}

impl Space {
    pub(crate) const ALL: [Space; 3] = [Space::Kept, Space::Created, Space::Watched];

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Space::Kept => "kept",
            Space::Created => "created",
            Space::Watched => "watched",
        }
    }

    fn path(self) -> String {
        format!("/api/v1/namespaces/{}/events", self.namespace())
    }

    fn prefix(self) -> String {
        format!("/{}/", self.namespace())
    }
}

fn name(number: usize) -> String {
    format!("measured-{number}")
}

/// An event of 256 octets and more.
fn object(space: Space, number: usize) -> Value {
    let space = space.namespace();
    json!({
        "metadata": {"name": name(number)}, "message": "x".repeat(256), "reason": "Measured", "type": "Normal",
        "involvedObject": {"kind": "Namespace", "name": space, "namespace": space},
    })
}

/// A server.
#[derive(Clone)]
pub(crate) enum Server {
    Petset(client::Access),
    Etcd(etcd::Access),
}

/// A connection to it.
pub(crate) enum Line {
    Petset(Box<client::Connection>),
    Etcd(etcd::Connection),
}

impl Server {
    pub(crate) async fn connect(&self) -> Result<Line> {
        Ok(match self {
            Server::Petset(access) => Line::Petset(Box::new(access.connect().await?)),
            Server::Etcd(access) => Line::Etcd(access.connect().await?),
        })
    }

    /// Opens so many watches of what is yet to come, at most so many on one connection.
    pub(crate) async fn watch(&self, space: Space, count: usize, on_each: usize) -> Result<Vec<Watch>> {
        let mut watches = Vec::new();
        while watches.len() < count {
            let batch = on_each.min(count - watches.len());
            match self {
                Server::Petset(access) => {
                    let mut sender = access.connect_http2().await?;
                    for _ in 0..batch {
                        let events = access.watch(&mut sender, &space.path()).await?;
                        watches.push(Watch { events, is_in_lines: true });
                    }
                }
                Server::Etcd(access) => {
                    let mut connection = access.connect().await?;
                    for _ in 0..batch {
                        let events = connection.watch(&space.prefix()).await?;
                        watches.push(Watch { events, is_in_lines: false });
                    }
                }
            }
        }
        Ok(watches)
    }
}

/// A watch that is open. Its connection lasts as long.
pub(crate) struct Watch {
    pub(crate) events: Incoming,
    /// Whether an event ends with a line, or has its length before it.
    pub(crate) is_in_lines: bool,
}

impl Line {
    /// Whether the server has such an operation.
    pub(crate) async fn ask(&mut self, operation: Operation, space: Space, number: usize) -> Result<()> {
        match self {
            Line::Petset(connection) => petset(connection, operation, space, number).await,
            Line::Etcd(connection) => etcd(connection, operation, space, number).await,
        }
    }
}

async fn petset(connection: &mut client::Connection, operation: Operation, space: Space, number: usize) -> Result<()> {
    const JSON: &str = "application/json";
    let one = || format!("{}/{}", Space::Kept.path(), name(number % OBJECTS));
    match operation {
        Operation::Fill | Operation::Create => {
            let body = Bytes::from(object(space, number).to_string());
            connection.ask(&Method::POST, &space.path(), JSON, body).await?;
        }
        Operation::Get => {
            connection.ask(&Method::GET, &one(), JSON, Bytes::new()).await?;
        }
        Operation::Patch => {
            let body = json!({"message": format!("{number}{}", "x".repeat(256))});
            let body = Bytes::from(body.to_string());
            connection.ask(&Method::PATCH, &one(), "application/merge-patch+json", body).await?;
        }
        Operation::Page => {
            let path = format!("{}?limit=1000", Space::Kept.path());
            connection.ask(&Method::GET, &path, JSON, Bytes::new()).await?;
        }
        Operation::List => {
            connection.ask(&Method::GET, &Space::Kept.path(), JSON, Bytes::new()).await?;
        }
    }
    Ok(())
}

async fn etcd(connection: &mut etcd::Connection, operation: Operation, space: Space, number: usize) -> Result<()> {
    let prefix = Space::Kept.prefix();
    match operation {
        Operation::Fill | Operation::Create => {
            let key = format!("{}{}", space.prefix(), name(number));
            connection.create(&key, &object(space, number).to_string()).await?;
        }
        Operation::Get | Operation::Patch => {
            connection.get(&format!("{prefix}{}", name(number % OBJECTS))).await?;
        }
        Operation::Page => {
            connection.list(&prefix, 1_000).await?;
        }
        Operation::List => {
            connection.list(&prefix, 0).await?;
        }
    }
    Ok(())
}
