//! What the stories are told with.
#![allow(dead_code, reason = "each story needs a part of it")]

use petset_store::{Expect, Key, Write};
use serde_json::{Value, json};

pub(crate) fn pod(name: &str) -> Key {
    Key::new("pods", "default", name)
}

pub(crate) fn object(name: &str, phase: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": format!("uid-{name}"),
            "creationTimestamp": "2016-07-01T00:00:00Z",
        },
        "status": {"phase": phase},
    })
}

pub(crate) fn create(name: &str, phase: &str) -> Write {
    Write::Create { key: pod(name), object: object(name, phase) }
}

pub(crate) fn update(name: &str, phase: &str, expect: Expect) -> Write {
    Write::Update { key: pod(name), object: object(name, phase), expect }
}
