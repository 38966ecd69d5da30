//! Requests to the API, and what comes back.

use std::{collections::BTreeSet, sync::Mutex};

use futures::{AsyncBufReadExt, Stream, StreamExt};
use http::{Method, Request, Response, header};
use kube::{client::Body, core::Status};
use serde_json::Value;

use crate::{failure::Failure, output::print};

/// What `get` asks for, so that the server chooses the columns.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// The discovery of Kubernetes 1.30 and later.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// A connection to one daemon.
pub(crate) struct Client {
    kube: kube::Client,
    /// Its address, for messages.
    pub(crate) server: String,
    /// The namespace for objects that name none.
    pub(crate) namespace: String,
    warned: Mutex<BTreeSet<String>>,
}

/// How an object is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PatchType {
    /// Lists are merged by their keys.
    Strategic,
    /// Lists are replaced.
    Merge,
    /// A list of operations.
    Json,
}

impl PatchType {
    fn media(self) -> &'static str {
        match self {
            PatchType::Strategic => "application/strategic-merge-patch+json",
            PatchType::Merge => "application/merge-patch+json",
            PatchType::Json => "application/json-patch+json",
        }
    }
}

impl Client {
    pub(crate) fn new(kube: kube::Client, server: String, namespace: String) -> Client {
        Client { kube, server, namespace, warned: Mutex::default() }
    }

    /// kube's own client, for streams over WebSocket.
    pub(crate) fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, "application/json", None).await
    }

    pub(crate) async fn get_table(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, TABLE, None).await
    }

    pub(crate) async fn get_discovery(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, DISCOVERY, None).await
    }

    /// The text at a path that is not JSON.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let response = self.send(Method::GET, path, "*/*", None).await?;
        let bytes = response.into_body().collect_bytes().await.map_err(|error| self.unreachable(error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) async fn post(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.json(Method::POST, path, "application/json", Some(("application/json", object))).await
    }

    pub(crate) async fn patch(&self, path: &str, kind: PatchType, patch: &Value) -> Result<Value, Failure> {
        self.json(Method::PATCH, path, "application/json", Some((kind.media(), patch))).await
    }

    /// Server-side apply: what is wanted of an object, whether it exists or not.
    pub(crate) async fn apply(&self, path: &str, configuration: &Value) -> Result<Value, Failure> {
        // JSON is YAML.
        let body = Some(("application/apply-patch+yaml", configuration));
        self.json(Method::PATCH, path, "application/json", body).await
    }

    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Result<Value, Failure> {
        self.json(Method::DELETE, path, "application/json", Some(("application/json", options))).await
    }

    /// The lines of a stream: a log, or a watch. `table` asks for rows instead of objects.
    pub(crate) async fn lines(
        &self,
        path: &str,
        table: Rows,
    ) -> Result<impl Stream<Item = Result<String, Failure>> + use<'_>, Failure> {
        let accept = match table {
            Rows::Table => TABLE,
            Rows::Plain => "application/json, */*",
        };
        let request = Request::get(path)
            .header(header::ACCEPT, accept)
            .body(Vec::new())
            .map_err(|error| Failure::message(error.to_string()))?;
        let reader = self.kube.request_stream(request).await.map_err(|error| self.failed(error))?;
        let lines = reader.lines().map(|line| line.map_err(Failure::io("read from the server")));
        Ok(Box::pin(lines))
    }

    /// Copies a stream to standard output as it comes.
    pub(crate) async fn copy(&self, path: &str) -> Result<(), Failure> {
        let request = Request::get(path)
            .header(header::ACCEPT, "*/*")
            .body(Vec::new())
            .map_err(|error| Failure::message(error.to_string()))?;
        let mut reader = Box::pin(self.kube.request_stream(request).await.map_err(|error| self.failed(error))?);
        loop {
            let piece = reader.fill_buf().await.map_err(Failure::io("read from the server"))?;
            if piece.is_empty() {
                return Ok(());
            }
            print::bytes(piece);
            let length = piece.len();
            reader.consume_unpin(length);
        }
    }

    /// A watch's events as they come; ends when the server ends it.
    pub(crate) async fn watch(
        &self,
        path: &str,
        rows: Rows,
    ) -> Result<impl Stream<Item = Result<Event, Failure>> + use<'_>, Failure> {
        let lines = self.lines(path, rows).await?;
        Ok(lines.filter_map(|line| async {
            match line.map(|line| Event::read(&line)) {
                Ok(event) => event,
                Err(failure) => Some(Err(failure)),
            }
        }))
    }

    async fn json(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, Failure> {
        let response = self.send(method, path, accept, body).await?;
        let bytes = response.into_body().collect_bytes().await.map_err(|error| self.unreachable(error))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::message(format!("the server's answer at {path} is not JSON: {error}")))
    }

    /// Sends a request; prints warnings; turns refusals into failures.
    async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        request = request.header(header::USER_AGENT, concat!("petctl/", env!("CARGO_PKG_VERSION")));
        let body = match body {
            Some((media, value)) => {
                request = request.header(header::CONTENT_TYPE, media);
                Body::from(value.to_string().into_bytes())
            }
            None => Body::empty(),
        };
        let request = request.body(body).map_err(|error| Failure::message(error.to_string()))?;
        let response = self.kube.send(request).await.map_err(|error| self.failed(error))?;
        self.warn(&response);
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.map_err(|error| self.unreachable(error))?;
        let status = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            Status { message: text, code, ..Status::default() }
        });
        Err(Failure::Refused(Box::new(status)))
    }

    /// Prints `Warning` headers, each text once.
    fn warn(&self, response: &Response<Body>) {
        let Ok(mut warned) = self.warned.lock() else { return };
        for value in response.headers().get_all(header::WARNING) {
            let Some(text) = value.to_str().ok().and_then(warning) else { continue };
            if warned.insert(text.clone()) {
                print::warning(&text);
            }
        }
    }

    pub(crate) fn failed(&self, error: kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => Failure::Refused(status),
            error => self.unreachable(error),
        }
    }

    fn unreachable(&self, source: kube::Error) -> Failure {
        Failure::Unreachable { server: self.server.clone(), source }
    }
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Objects, or text.
    Plain,
    /// A table with one row per event.
    Table,
}

/// One event of a watch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The object is there, or is as now.
    Present(Value),
    /// The object is gone; this was its last state.
    Deleted(Value),
}

impl Event {
    /// Reads a line; bookmarks are nothing.
    fn read(line: &str) -> Option<Result<Event, Failure>> {
        let Ok(mut event) = serde_json::from_str::<Value>(line) else {
            return Some(Err(Failure::message("the server's watch event is not JSON")));
        };
        let object = event["object"].take();
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => Some(Ok(Event::Present(object))),
            Some("DELETED") => Some(Ok(Event::Deleted(object))),
            Some("ERROR") => {
                let status = serde_json::from_value(object).unwrap_or_default();
                Some(Err(Failure::Refused(Box::new(status))))
            }
            _ => None,
        }
    }
}

/// The text of `299 - "text"`, with `\"` and `\\` undone.
fn warning(header: &str) -> Option<String> {
    let (_, quoted) = header.split_once('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            character => text.push(character),
        }
    }
}

/// A path with its parameters, percent-encoded.
pub(crate) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut whole = path.to_owned();
    let mut separator = if path.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        whole.push(separator);
        whole.push_str(name);
        whole.push('=');
        whole.push_str(&encode(value));
        separator = '&';
    }
    whole
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning(r#"299 - "unknown field \"foo\"""#).as_deref(), Some(r#"unknown field "foo""#));
        assert_eq!(warning("299 - nothing"), None);
    }

    #[test]
    fn parameters_are_encoded() {
        let path = with_query("/api/v1/pods", &[("labelSelector", "app in (a,b)"), ("watch", "true")]);
        assert_eq!(path, "/api/v1/pods?labelSelector=app%20in%20%28a%2Cb%29&watch=true");
    }
}
