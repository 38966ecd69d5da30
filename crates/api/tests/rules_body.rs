//! Bodies are read, and refused, as Kubernetes does.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::body::{self, Media};
use petset_api as api;
use serde_json::{Value, json};

fn refusal(bytes: &[u8], media: Media) -> String {
    let status = body::read(bytes, media, "ConfigMap").unwrap_err();
    assert_eq!((status.code, status.reason, status.details), (400, "BadRequest", Value::Null));
    status.message
}

fn yaml(text: &str) -> Value {
    body::read(text.as_bytes(), Media::Yaml, "ConfigMap").unwrap().0
}

#[test]
fn what_is_no_json_object_is_refused_with_its_start() {
    let unrecognised = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: ";
    let target =
        r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    for (body, why) in [
        ("", "unexpected end of JSON input (<empty>)".to_owned()),
        ("{\"kind\": ", "unexpected end of JSON input ({\"kind\": )".to_owned()),
        ("oops", "invalid character 'o' looking for beginning of value (6f6f7073)".to_owned()),
        ("{kind: 1}", "invalid character 'k' looking for beginning of object key string ({kind: 1})".to_owned()),
        ("{} {}", "invalid character '{' after top-level value ({} {})".to_owned()),
        ("[]", format!("json: cannot unmarshal array into Go value of type {target} (5b5d)")),
        (
            "{\"kind\":5}",
            "json: cannot unmarshal number into Go struct field .kind of type string ({\"kind\":5})".into(),
        ),
        (
            "{\"metadata\": {\"labels\": {\"a\": 1}}",
            "unexpected end of JSON input ({\"metadata\": {\"labels\": {\"a\":  ...)".to_owned(),
        ),
    ] {
        assert_eq!(refusal(body.as_bytes(), Media::Json), format!("{unrecognised}{why}"), "{body}");
    }
}

#[test]
fn nesting_ends_somewhere() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(body::read(nested(62).as_bytes(), Media::Json, "ConfigMap").is_ok());
    for media in [Media::Json, Media::Yaml] {
        for depth in [65, 100, 10_000] {
            let message = refusal(nested(depth).as_bytes(), media);
            let tells = ["exceeded max depth", "recursion limit", "depth"].iter().any(|text| message.contains(text));
            assert!(tells, "{depth}: {message}");
        }
    }
}

#[test]
fn duplicate_fields_are_found_at_every_depth_and_the_last_counts() {
    let json = br#"{"a":1,"b":[{"c":1,"c":2}],"a":3,"d":{"e":{"f":1,"f":1}}}"#;
    let (value, duplicates) = body::read(json, Media::Json, "ConfigMap").unwrap();
    assert_eq!(value, json!({"a": 3, "b": [{"c": 2}], "d": {"e": {"f": 1}}}));
    assert_eq!(duplicates, ["b[0].c", "a", "d.e.f"]);
    let (value, duplicates) = body::read(b"a: 1\nb:\n- c: 1\n  c: 2\na: 3\n", Media::Yaml, "ConfigMap").unwrap();
    assert_eq!(value, json!({"a": 3, "b": [{"c": 2}]}));
    assert_eq!(duplicates, ["b[0].c", "a"]);
}

#[test]
fn duplicates_are_named_only_so_often() {
    let body = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(10_000));
    let (_, duplicates) = body::read(body.as_bytes(), Media::Json, "ConfigMap").unwrap();
    assert_eq!(duplicates, vec!["a"; api::limits::COMPLAINTS_MAX]);
}

#[test]
fn yaml_is_read_as_kubernetes_reads_it() {
    for (text, value) in [
        ("a: yes", json!({"a": true})),
        ("a: y", json!({"a": true})),
        ("a: off", json!({"a": false})),
        ("a: 'yes'", json!({"a": "yes"})),
        ("a: 0644", json!({"a": 0o644})),
        ("a: 1.0", json!({"a": 1})),
        ("a: 1.5", json!({"a": 1.5})),
        ("a: 1e3", json!({"a": 1000})),
        ("a: 1_000", json!({"a": 1000})),
        ("a: ~", json!({"a": null})),
        ("a:", json!({"a": null})),
        ("80: a", json!({"80": "a"})),
        ("a: 2016-07-01", json!({"a": "2016-07-01"})),
        ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})),
        ("a: |\n  b\n  c\n", json!({"a": "b\nc\n"})),
        ("{\"a\": [1, \"b\"]}", json!({"a": [1, "b"]})),
        ("# nothing\n", json!({})),
    ] {
        assert_eq!(yaml(text), value, "{text}");
    }
}

#[test]
fn yaml_of_several_documents_is_refused() {
    let message = refusal(b"a: 1\n---\na: 2\n", Media::Yaml);
    assert!(message.contains("error converting YAML to JSON: yaml: "), "{message}");
    assert!(message.contains("more than one document"), "{message}");
}

#[test]
fn yaml_that_is_none_is_refused_with_its_line() {
    let message = refusal(b"a: 1\nb: [\n", Media::Yaml);
    let unrecognised = "the object provided is unrecognized (must be of type ConfigMap): ";
    assert!(message.starts_with(&format!("{unrecognised}error converting YAML to JSON: yaml: ")), "{message}");
    assert!(message.contains("line 2"), "{message}");
    assert!(message.ends_with("(613a20310a623a205b0a)"), "{message}");
}

#[test]
fn a_quoted_string_may_end_at_the_column_of_its_key() {
    for text in ["a:\n  b: '[\n      1\n  ]'\n  c: 2\n", "a:\n  b: \"[\n1\n]\"\n  c: 2\n"] {
        assert_eq!(yaml(text), json!({"a": {"b": "[ 1 ]", "c": 2}}), "{text}");
    }
}

#[test]
fn a_manifest_is_read_document_by_document() {
    let manifest = b"# first\n---\na: 1\n--- # second\n\n---\nb: '[\n]'\n";
    assert_eq!(body::read_manifest(manifest), Ok(vec![json!({"a": 1}), json!({"b": "[ ]"})]));
    assert_eq!(body::read_manifest(b"a: 1\na: 2\n"), Err("duplicate field \"a\"".into()));
    let error = body::read_manifest(b"a: 1\n---\nb: 1\nc: ]\n").unwrap_err();
    assert!(error.contains("line 4"), "{error}");
}

#[test]
fn aliases_that_stand_for_too_much_are_refused() {
    let tens = |name: &str| [name; 10].join(", ");
    let level = |level: u32| format!("a{level}: &a{level} [{}]\n", tens(&format!("*a{}", level - 1)));
    let laughs = format!("a0: &a0 [{}]\n", tens("ha")) + &(1..8).map(level).collect::<String>();
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 20].join(", "));
    for text in [laughs, long] {
        let message = refusal(text.as_bytes(), Media::Yaml);
        assert!(message.contains("what its aliases stand for included"), "{message}");
    }
}
