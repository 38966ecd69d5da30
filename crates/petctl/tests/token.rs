//! `petctl token`, against a server that says what the test wants.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

use serde_json::{Value, json};

#[allow(dead_code)] // Other tests use the rest.
mod fake;

use fake::{Fake, Reply, Said, done};

fn petctl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_petctl"))
}

/// Answers a creation with what was asked for.
fn maker() -> Fake {
    Fake::start(|request| {
        let mut made = request.body.clone();
        made["token"] = "sesame".into();
        if made.as_object_mut().unwrap().remove("expirationSeconds").is_some() {
            made["expires"] = "2016-07-02T12:00:00Z".into();
        }
        Reply(201, None, made.to_string())
    })
}

#[test]
fn a_token_is_asked_for_with_its_scope_and_printed_alone() {
    for (line, body, scope) in [
        ("token create ci", json!({"name": "ci", "readOnly": false}), "everything, until revoked"),
        (
            "token create ci --read-only --duration 24h",
            json!({"name": "ci", "readOnly": true, "expirationSeconds": 86400}),
            "read, until 2016-07-02T12:00:00Z",
        ),
        (
            "token create ci -n shop --namespace dev",
            json!({"name": "ci", "readOnly": false, "namespaces": ["dev", "shop"]}),
            "everything in dev,shop, until revoked",
        ),
    ] {
        let fake = maker();
        let said = fake.petctl(&line.split(' ').collect::<Vec<_>>());
        let err = format!("token \"ci\" created: {scope}\n");
        assert_eq!(said, Said { err, ..done("sesame\n") }, "{line}");
        let asked = &fake.requests()[0];
        assert_eq!((asked.line.as_str(), &asked.body), ("POST /petset/v1/tokens", &body), "{line}");
    }
}

#[test]
fn a_kubeconfig_has_the_new_token_and_not_the_own() {
    let fake = maker();
    let folder = tempfile::tempdir().unwrap();
    let own = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "petset",
        "clusters": [{"name": "petset", "cluster": {"server": fake.url()}}, {"name": "other", "cluster": {"server": "https://x"}}],
        "users": [{"name": "petset", "user": {"token": "own"}}],
        "contexts": [{"name": "petset", "context": {"cluster": "petset", "user": "petset", "namespace": "default"}}],
    });
    let path = folder.path().join("config");
    fs::write(&path, own.to_string()).unwrap();
    let mut command = petctl();
    command.args(["--kubeconfig", path.to_str().unwrap(), "token", "create", "ci", "-n", "shop", "-o", "kubeconfig"]);
    let said = fake.run(&mut command);
    let made: Value = serde_saphyr::from_str(&said.out).unwrap();
    let expected = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "petset-ci",
        "clusters": [{"name": "petset", "cluster": {"server": fake.url()}}],
        "users": [{"name": "petset-ci", "user": {"token": "sesame"}}],
        "contexts": [{"name": "petset-ci", "context": {"cluster": "petset", "user": "petset-ci", "namespace": "shop"}}],
    });
    assert_eq!(made, expected);
}

#[test]
fn tokens_are_listed_and_revoked() {
    let fake = Fake::start(|request| match request.line.as_str() {
        "GET /petset/v1/tokens" => Reply::ok(&json!({"items": [
            {"name": "all", "readOnly": false, "created": "2016-07-01T12:00:00Z"},
            {"name": "ci", "readOnly": true, "namespaces": ["dev", "shop"], "created": "2016-07-01T12:00:00Z",
             "expires": "2016-07-02T12:00:00Z"},
        ]})),
        "DELETE /petset/v1/tokens/ci" => Reply::ok(&json!({"status": "Success"})),
        _ => Reply::not_found("tokens", "x"),
    });
    let table = "NAME   SCOPE              CREATED                EXPIRES\n\
                 all    everything         2016-07-01T12:00:00Z   until revoked\n\
                 ci     read in dev,shop   2016-07-01T12:00:00Z   until 2016-07-02T12:00:00Z\n";
    assert_eq!(fake.petctl(&["token", "list"]), done(table));
    assert_eq!(fake.petctl(&["token", "revoke", "ci"]), done("token \"ci\" revoked\n"));
    let missing = fake.petctl(&["token", "revoke", "x"]);
    assert_eq!(missing.err, "Error from server (NotFound): tokens \"x\" not found\n");
    let none = Fake::start(|_| Reply::ok(&json!({"items": []})));
    assert_eq!(none.petctl(&["token", "list"]).err, "No tokens found; the instance's own is in its kubeconfig\n");
}
