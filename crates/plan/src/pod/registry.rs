//! With which credentials an image is fetched: those of the pod's `imagePullSecrets` that are for its registry.
//!
//! Source: Kubernetes' `pkg/credentialprovider`.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::view::View;
use crate::{action::Credentials, config::Values};

/// The keys of Secrets of the two types that have credentials.
const CONFIG_JSON: &str = ".dockerconfigjson";
const CONFIG: &str = ".dockercfg";

/// Whose credentials are for images that name no registry.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// `.dockerconfigjson`, as far as it is read.
#[derive(Deserialize)]
struct ConfigJson {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

/// What is said of one registry.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    username: String,
    password: String,
    auth: String,
    identitytoken: String,
}

/// The credentials to fetch an image with, in the order in which they are tried; and the names of the Secrets that are not
/// there, or hold none.
pub(super) fn credentials(view: &View<'_>, image: &str) -> (Vec<Credentials>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for reference in view.spec.image_pull_secrets.iter().flatten() {
        match view.input.config.secrets.get(&reference.name).and_then(|secret| entries(secret)) {
            Some(entries) => found.extend(entries),
            None => missing.push(reference.name.clone()),
        }
    }
    // The longest path first, so that the nearest is tried before the general.
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    let matching: Vec<Credentials> =
        found.iter().filter(|(registry, _)| is_for(registry, image)).map(|(_, of)| of.clone()).collect();
    if !matching.is_empty() || !is_default(image) {
        return (matching, missing);
    }
    (found.into_iter().filter(|(registry, _)| registry == DEFAULT_REGISTRY).map(|(_, of)| of).collect(), missing)
}

/// The registries of a Secret, each with its credentials.
fn entries(secret: &Values) -> Option<Vec<(String, Credentials)>> {
    let entries: BTreeMap<String, Entry> = match (secret.get(CONFIG_JSON), secret.get(CONFIG)) {
        (Some(json), _) => serde_json::from_slice::<ConfigJson>(json.as_slice()).ok()?.auths,
        (None, Some(json)) => serde_json::from_slice(json.as_slice()).ok()?,
        (None, None) => return None,
    };
    Some(entries.into_iter().map(|(key, entry)| (registry(&key), entry.credentials(&key))).collect())
}

impl Entry {
    fn credentials(self, server: &str) -> Credentials {
        let Entry { mut username, mut password, auth, identitytoken } = self;
        let decoded = STANDARD.decode(auth.trim()).ok().and_then(|octets| String::from_utf8(octets).ok());
        if let Some((user, word)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
            user.clone_into(&mut username);
            word.trim_end_matches('\0').clone_into(&mut password);
        }
        Credentials { server: server.to_owned(), username, password, identity: identitytoken }
    }
}

/// A key of the file as a registry with a path, if it has one: without the scheme, and without the version of the API.
fn registry(key: &str) -> String {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = ["v1/", "v2/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path);
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

/// Whether a registry's credentials are for an image. Each part of its host may be a pattern.
fn is_for(registry: &str, image: &str) -> bool {
    let split = |text: &str| {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        (name.split('.').map(str::to_owned).collect::<Vec<_>>(), port.to_owned(), path.to_owned())
    };
    let (wanted, wanted_port, wanted_path) = split(registry);
    let (parts, port, path) = split(image);
    wanted_port == port
        && path.starts_with(&wanted_path)
        && wanted.len() == parts.len()
        && wanted.iter().zip(&parts).all(|(pattern, part)| is_like(pattern.as_bytes(), part.as_bytes()))
}

/// Whether an image is of the registry that need not be named.
fn is_default(image: &str) -> bool {
    match image.split_once('/') {
        None => true,
        Some((first, _)) => ["docker.io", DEFAULT_REGISTRY].contains(&first) || !first.contains(['.', ':']),
    }
}

/// A pattern with `*` and `?`.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            is_like(rest, text) || text.split_first().is_some_and(|(_, after)| is_like(pattern, after))
        }
        (Some((b'?', rest)), Some((_, after))) => is_like(rest, after),
        (Some((one, rest)), Some((other, after))) => one == other && is_like(rest, after),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_for_the_images_of_their_registry() {
        for (key, image, is) in [
            ("https://index.docker.io/v1/", "index.docker.io/library/nginx", true),
            ("registry.example", "registry.example/a/b:1", true),
            ("registry.example/a", "registry.example/a/b:1", true),
            ("registry.example/b", "registry.example/a/b:1", false),
            ("registry.example:5000", "registry.example/a", false),
            ("http://registry.example:5000/v2/", "registry.example:5000/a", true),
            ("*.example", "registry.example/a", true),
            ("*.example", "a.registry.example/a", false),
            ("r?gistry.example", "registry.example/a", true),
        ] {
            assert_eq!(is_for(&registry(key), image), is, "{key} for {image}");
        }
    }

    #[test]
    fn an_image_without_a_registry_is_of_the_default_one() {
        for (image, is) in [
            ("nginx", true),
            ("library/nginx", true),
            ("docker.io/library/nginx", true),
            ("registry.example/nginx", false),
            ("localhost:5000/nginx", false),
        ] {
            assert_eq!(is_default(image), is, "{image}");
        }
    }
}
