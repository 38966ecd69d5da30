//! Who may come in over HTTPS: under which name, from which page, and with which token.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::status::Status;
use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use http::{HeaderMap, Uri, header, uri::Authority};
use subtle::ConstantTimeEq as _;
use tokio::{sync::watch, time::Instant};

use crate::{answer::Refusal, server::Server};

/// The tokens that count at present: one, and after a change for a while those before it. Clones share them.
#[derive(Clone)]
pub struct Tokens(Arc<Mutex<Vec<Known>>>);

struct Known {
    token: String,
    /// When it stops to count; `None` until another takes its place.
    end: watch::Sender<Option<Instant>>,
}

impl Tokens {
    /// One token, which counts until it is replaced.
    pub fn new(token: String) -> Tokens {
        Tokens(Arc::new(Mutex::new(vec![Known { token, end: watch::Sender::new(None) }])))
    }

    /// From now on another token counts; those before it only until `grace` has passed. Then what still runs with one of
    /// them (watches, followed logs, sessions) is cut.
    pub fn replace(&self, token: String, grace: Duration) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.end.borrow().is_none_or(|end| end > now));
        for known in known.iter() {
            known.end.send_modify(|end| *end = Some(end.unwrap_or(now + grace).min(now + grace)));
        }
        known.push(Known { token, end: watch::Sender::new(None) });
    }

    /// The end of the token that a client shows, if it counts. Takes as long for any wrong token of the same length.
    fn end_of(&self, shown: &[u8]) -> Option<End> {
        let now = Instant::now();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for known in known.iter() {
            let is_same: bool = known.token.as_bytes().ct_eq(shown).into();
            if is_same && known.end.borrow().is_none_or(|end| end > now) {
                found = Some(End(known.end.subscribe()));
            }
        }
        found
    }
}

/// The end of the token that a request came with.
#[derive(Clone)]
pub(crate) struct End(watch::Receiver<Option<Instant>>);

impl End {
    /// Returns when the token no longer counts.
    pub(crate) async fn come(mut self) {
        loop {
            let end = *self.0.borrow_and_update();
            tokio::select! {
                () = async { tokio::time::sleep_until(end.unwrap_or_else(Instant::now)).await }, if end.is_some() => return,
                // A second change may bring the end nearer. Nothing is lost: the value is looked at again.
                changed = self.0.changed() => if changed.is_err() {
                    // Forgotten, which happens only after its end.
                    return;
                },
            }
        }
    }
}

/// Lets a request through that carries a token which counts, or asks for what anybody may know. What is streamed to it
/// ends with the token.
pub(crate) async fn authenticate(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    // As Kubernetes' role `system:public-info-viewer` has it.
    let is_public = matches!(request.uri().path(), "/healthz" | "/livez" | "/readyz" | "/version");
    let shown = request.headers().get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let token = shown.and_then(|shown| {
        let (scheme, token) = shown.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
    });
    match token.and_then(|token| server.inner.parts.tokens.end_of(token)) {
        Some(end) => {
            request.extensions_mut().insert(end.clone());
            next.run(request).await.map(|body| if body.size_hint().exact().is_some() { body } else { until(body, end) })
        }
        None if is_public => next.run(request).await,
        None => Refusal(Status::unauthorized()).into_response(),
    }
}

fn until(body: Body, end: End) -> Body {
    Body::from_stream(body.into_data_stream().take_until(Box::pin(end.come())))
}

/// Refuses requests for a name that is not ours, and those that a page of a browser sends.
///
/// A page that makes a name of its own lead to this machine (DNS rebinding) sends that name as `Host`; a page that calls
/// our address sends its `Origin`.
pub(crate) async fn check_names(State(server): State<Server>, request: Request, next: Next) -> Response {
    match refusal(&server.inner.parts.names, request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(why) => Refusal(Status::forbidden_request(&why)).into_response(),
    }
}

/// `names` are in lower case.
fn refusal(names: &[String], uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut hosts: Vec<Authority> = uri.authority().cloned().into_iter().collect();
    for value in headers.get_all(header::HOST) {
        match Authority::try_from(value.as_bytes()) {
            Ok(host) => hosts.push(host),
            Err(_) => return Some("the Host header is not a host".to_owned()),
        }
    }
    if hosts.is_empty() {
        return Some("the request names no host".to_owned());
    }
    if let Some(foreign) = hosts.iter().find(|host| !is_ours(names, host)) {
        return Some(format!(
            "the host {:?} is not a name of this server: use a name or address that it has, or give it this one with \
             petsetd --listen-name",
            foreign.as_str()
        ));
    }
    // Some client libraries send the address that they call as their origin.
    let is_own =
        |origin: &[u8]| hosts.iter().any(|host| origin.eq_ignore_ascii_case(format!("https://{host}").as_bytes()));
    let foreign = headers.get_all(header::ORIGIN).iter().find(|origin| !is_own(origin.as_bytes()))?;
    Some(format!("requests from the web page {foreign:?} are not served: use petctl, kubectl or another client"))
}

fn is_ours(names: &[String], host: &Authority) -> bool {
    if host.as_str().contains('@') {
        return false;
    }
    let name = host.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()) || names.contains(&name)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(uri: &str, headers: &[(header::HeaderName, &'static str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        refusal(&["build-7".to_owned(), "10.0.0.7".to_owned()], &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn only_our_own_names_are_served() {
        for host in [
            "localhost",
            "LOCALHOST:7474",
            "127.0.0.1:7474",
            "127.8.9.1",
            "[::1]:7474",
            "build-7:7474",
            "Build-7",
            "10.0.0.7",
        ] {
            assert_eq!(told("/api", &[(header::HOST, host)]), None, "{host}");
            assert_eq!(told(&format!("https://{host}/api"), &[]), None, "{host}");
        }
        for host in ["evil.example", "evil.example:7474", "localhost.evil.example", "10.0.0.8", "0.0.0.0", "[::2]"] {
            let expected = format!(
                "the host {host:?} is not a name of this server: use a name or address that it has, or give it this one \
                 with petsetd --listen-name"
            );
            assert_eq!(told("/api", &[(header::HOST, host)]), Some(expected.clone()));
            assert_eq!(told(&format!("https://{host}/api"), &[]), Some(expected.clone()));
            assert_eq!(told(&format!("https://{host}/api"), &[(header::HOST, "localhost")]), Some(expected.clone()));
            assert_eq!(told("/api", &[(header::HOST, "localhost"), (header::HOST, host)]), Some(expected));
        }
        assert!(told("/api", &[]).is_some());
        assert!(told("/api", &[(header::HOST, "a b")]).is_some());
        assert!(told("/api", &[(header::HOST, "localhost@evil.example")]).is_some());
        assert!(told("/api", &[(header::HOST, "evil@localhost")]).is_some());
    }

    #[test]
    fn no_web_page_is_served() {
        let from = |origin| told("/api", &[(header::HOST, "localhost:7474"), (header::ORIGIN, origin)]);
        assert_eq!(from("https://localhost:7474"), None);
        for page in
            ["https://evil.example", "http://localhost:7474", "https://localhost:3000", "https://localhost", "null"]
        {
            let why = "are not served: use petctl, kubectl or another client";
            assert_eq!(from(page), Some(format!("requests from the web page {page:?} {why}")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_token_counts_until_its_grace_has_passed() {
        let tokens = Tokens::new("one".to_owned());
        let known = |token: &str| tokens.end_of(token.as_bytes()).is_some();
        let first = tokens.end_of(b"one").unwrap();
        assert!(known("one") && !known("two") && !known("") && !known("onetwo"));
        tokens.replace("two".to_owned(), Duration::from_mins(1));
        assert!(known("one") && known("two"));
        let since = Instant::now();
        first.come().await;
        assert_eq!(since.elapsed(), Duration::from_mins(1));
        assert!(!known("one") && known("two"));

        // The next change does not wait for the grace of the one before.
        tokens.replace("three".to_owned(), Duration::from_mins(1));
        let second = tokens.end_of(b"two").unwrap();
        tokens.replace("four".to_owned(), Duration::ZERO);
        second.come().await;
        assert_eq!(since.elapsed(), Duration::from_mins(1));
        assert!(!known("two") && !known("three") && known("four"));
    }
}
