//! Under which name, and from which page, a request over HTTPS may come.

use std::net::IpAddr;

use api::status::Status;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Uri, header, uri::Authority};

use crate::{answer::Refusal, server::Server};

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
}
