//! Bodies in protobuf are read to what the same objects are in JSON.
//!
//! The files `protobuf/*.bin` are what kubectl 1.36 sent to a server that kept it. Beside each is the object in JSON, from the same
//! command with `--dry-run=client -o json`, or where a command has no such flag, written by hand.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use std::fs;
use std::path::Path;

use api::body::{self, Media};
use api::limits::{NESTING_MAX, PROTOBUF_VALUES_MAX};
use petset_api as api;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(bytes: &[u8], kind: &str) -> Result<Value, String> {
    match body::read(bytes, Media::Protobuf, kind) {
        Ok((value, duplicates)) => {
            assert_eq!(duplicates, Vec::<String>::new());
            Ok(value)
        }
        Err(status) => {
            assert_eq!((status.code, status.reason), (400, "BadRequest"));
            Err(status.message)
        }
    }
}

/// What was recorded, by its name.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protobuf");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bodies = paths.filter(|path| path.extension().is_some_and(|extension| extension == "bin"));
    bodies.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

#[test]
fn what_kubectl_sends_is_what_it_says_in_json() {
    let recorded = recorded();
    assert_eq!(recorded.len(), 23);
    for (name, bytes) in recorded {
        let json = format!("{}/tests/protobuf/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let expected: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
        let actual = read(&bytes, "Pod").unwrap();
        assert_eq!(actual, expected, "{name}: {actual:#}");
    }
}

/// A field that holds octets: a text, or a message.
fn octets(number: u8, octets: &[u8]) -> Vec<u8> {
    [key(number, 2), varint(octets.len() as u64), octets.to_vec()].concat()
}

/// A field that holds a number.
fn number(number: u8, value: i64) -> Vec<u8> {
    [key(number, 0), varint(value.cast_unsigned())].concat()
}

fn key(number: u8, wire_type: u64) -> Vec<u8> {
    varint(u64::from(number) << 3 | wire_type)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut varint = Vec::new();
    while value >= 0x80 {
        varint.push(value as u8 | 0x80);
        value >>= 7;
    }
    varint.push(value as u8);
    varint
}

/// A body: an object in its envelope.
fn enveloped(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let told = [octets(1, api_version.as_bytes()), octets(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), octets(1, &told), octets(2, object), octets(3, b""), octets(4, b"")].concat()
}

/// An object with one field, `spec`.
fn with_spec(api_version: &str, kind: &str, spec: &[Vec<u8>]) -> Result<Value, String> {
    read(&enveloped(api_version, kind, &octets(2, &spec.concat())), kind).map(|object| object["spec"].clone())
}

#[test]
fn zeros_are_kept_where_they_can_be_told_from_nothing() {
    let update = octets(7, &[octets(1, b""), octets(2, &number(1, 0))].concat());
    let sent = [number(1, 0), octets(5, b""), octets(6, b""), update, number(8, 0), number(9, 0)];
    assert_eq!(
        with_spec("apps/v1", "StatefulSet", &sent),
        Ok(json!({
            // In Go the replicas, the history's limit and the partition are pointers, and the service's name is always
            // written; the policy, the type of the update and `minReadySeconds` are neither.
            "replicas": 0,
            "revisionHistoryLimit": 0,
            "serviceName": "",
            "updateStrategy": {"rollingUpdate": {"partition": 0}},
        }))
    );
    let container = octets(2, &[octets(1, b""), octets(2, b"")].concat());
    let sent = [container, octets(3, b""), number(4, 0), number(11, 0), number(21, 0), number(25, 0)];
    assert_eq!(
        with_spec("v1", "Pod", &sent),
        Ok(json!({
            "containers": [{"name": ""}],
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "priority": 0,
        }))
    );
}

#[test]
fn times_are_written_as_in_json() {
    let time = |seconds, nanoseconds| [number(1, seconds), number(2, nanoseconds)].concat();
    let metadata = octets(1, &[octets(8, &time(1_467_374_400, 999_999_999)), octets(9, b"")].concat());
    let spec = octets(2, &[octets(3, &time(1_467_374_400, 1_234_567)), octets(4, &time(0, 0))].concat());
    assert_eq!(
        read(&enveloped("coordination.k8s.io/v1", "Lease", &[metadata, spec].concat()), "Lease"),
        Ok(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"creationTimestamp": "2016-07-01T12:00:00Z"},
            "spec": {"acquireTime": "2016-07-01T12:00:00.001234Z", "renewTime": "1970-01-01T00:00:00.000000Z"},
        }))
    );
}

#[test]
fn the_options_of_a_deletion_come_in_any_version() {
    let sent = [number(1, 0), octets(2, &octets(1, b"u")), octets(4, b"Background"), octets(5, b"All")].concat();
    for version in ["v1", "apps/v1", "apps/v1alpha1", "meta.k8s.io/v1"] {
        assert_eq!(
            read(&enveloped(version, "DeleteOptions", &sent), "DeleteOptions"),
            Ok(json!({
                "apiVersion": version,
                "kind": "DeleteOptions",
                "gracePeriodSeconds": 0,
                "preconditions": {"uid": "u"},
                "propagationPolicy": "Background",
                "dryRun": ["All"],
            }))
        );
    }
}

#[test]
fn a_body_may_leave_out_what_it_is() {
    let scale = octets(2, &number(1, 3));
    assert_eq!(read(&enveloped("", "", &scale), "Scale"), Ok(json!({"spec": {"replicas": 3}})));
    assert_eq!(read(&enveloped("", "Scale", &scale), "Pod"), Ok(json!({"kind": "Scale", "spec": {"replicas": 3}})));
}

#[test]
fn the_last_value_counts_lists_go_on_and_messages_merge() {
    let label = |key: &[u8], value: &[u8]| octets(11, &[octets(1, key), octets(2, value)].concat());
    let first = [octets(1, b"one"), octets(2, b"web-"), octets(14, b"a"), label(b"x", b"1"), label(b"", b"2")].concat();
    let second = [octets(1, b"two"), octets(2, b""), octets(14, b"b"), label(b"x", b"3"), octets(11, &octets(1, b"y"))];
    let sent = [octets(1, &first), octets(1, &second.concat())].concat();
    assert_eq!(
        read(&enveloped("v1", "Namespace", &sent), "Namespace").unwrap()["metadata"],
        json!({"name": "two", "finalizers": ["a", "b"], "labels": {"x": "3", "": "2", "y": ""}})
    );
}

#[test]
fn numbers_are_cut_and_lists_of_them_may_be_sent_as_one() {
    let context =
        |field: &[u8]| with_spec("v1", "Pod", &[octets(14, field)]).map(|spec| spec["securityContext"].clone());
    assert_eq!(context(&[number(4, 1), number(4, -2)].concat()), Ok(json!({"supplementalGroups": [1, -2]})));
    assert_eq!(context(&octets(4, &[varint(1), varint(300)].concat())), Ok(json!({"supplementalGroups": [1, 300]})));
    let replicas = |value| with_spec("autoscaling/v1", "Scale", &[number(1, value)]);
    assert_eq!(replicas(-1), Ok(json!({"replicas": -1})));
    assert_eq!(replicas((7 << 32) + 5), Ok(json!({"replicas": 5})));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let sent = [number(90, 1), octets(91, b"x"), [key(92, 5), vec![0; 4]].concat(), [key(93, 1), vec![0; 8]].concat()];
    assert_eq!(with_spec("autoscaling/v1", "Scale", &sent), Ok(json!({})));
}

#[test]
fn json_within_a_message_is_read_as_json() {
    let revision = |data: &[u8]| {
        let sent = [octets(2, &octets(1, data)), number(3, 7)].concat();
        read(&enveloped("apps/v1", "ControllerRevision", &sent), "ControllerRevision")
    };
    let read = revision(br#"{"spec": {"template": {"$patch": "replace"}}}"#).unwrap();
    assert_eq!(read["data"], json!({"spec": {"template": {"$patch": "replace"}}}));
    assert_eq!(revision(b"").unwrap().get("data"), None);
    let refused =
        r#"ControllerRevision in version "v1" cannot be handled as a ControllerRevision: proto: field data: "#;
    assert_eq!(revision(b"{").unwrap_err(), format!("{refused}unexpected end of JSON input"));
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(revision(nested(NESTING_MAX - 1).as_bytes()).is_ok());
    assert_eq!(revision(nested(NESTING_MAX + 1).as_bytes()).unwrap_err(), format!("{refused}exceeded max depth"));
}

#[test]
fn what_is_no_body_is_refused_as_kubernetes_refuses_it() {
    for (body, why) in [
        (&b""[..], "empty data (<empty>)"),
        (b"k8s\0", "empty body (6b387300)"),
        (b"k8s\0\x12\x05", "unexpected EOF (6b3873001205)"),
        (
            b"k8s\0\x0a\x03\x12\x01\xff",
            "proto: field Kind: invalid utf-8 sequence of 1 bytes from index 0 (6b3873000a031201ff)",
        ),
        (b"k8s\0\x08\x01", "proto: wrong wireType = 0 for field TypeMeta (6b3873000801)"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})"),
    ] {
        assert_eq!(read(body, "Pod"), Err(format!("the object provided is unrecognized (must be of type Pod): {why}")));
    }
}

#[test]
fn what_is_no_object_of_its_kind_is_refused_by_name() {
    let pod = |metadata: &[u8]| read(&enveloped("v1", "Pod", &octets(1, metadata)), "Pod");
    let created = |time: &[u8]| octets(8, time);
    for (metadata, why) in [
        (number(1, 1), "proto: wrong wireType = 0 for field name"),
        (octets(1, b"\xff"), "proto: field name: invalid utf-8 sequence of 1 bytes from index 0"),
        (octets(7, b"x"), "proto: wrong wireType = 2 for field generation"),
        ([key(7, 1), vec![0; 8]].concat(), "proto: wrong wireType = 1 for field generation"),
        (number(11, 1), "proto: wrong wireType = 0 for field labels"),
        (octets(11, &number(2, 1)), "proto: wrong wireType = 0 for field labels"),
        (created(&octets(1, b"x")), "proto: wrong wireType = 2 for field creationTimestamp"),
        (key(1, 3), "proto: illegal wireType 3"),
    ] {
        assert_eq!(pod(&metadata), Err(format!("Pod in version \"v1\" cannot be handled as a Pod: {why}")));
    }
    let far = pod(&created(&number(1, i64::MAX))).unwrap_err();
    assert!(far.contains("proto: field creationTimestamp: parameter"), "{far}");
    assert_eq!(
        read(&enveloped("apps/v1alpha1", "PetSet", b""), "PetSet").unwrap_err(),
        "PetSet in version \"v1alpha1\" cannot be handled as a PetSet: no kind \"PetSet\" is registered for version \"apps/v1alpha1\""
    );
    assert_eq!(
        read(&enveloped("v2", "Pod", b""), "Pod").unwrap_err(),
        "Pod in version \"v2\" cannot be handled as a Pod: no kind \"Pod\" is registered for version \"v2\""
    );
}

#[test]
fn a_body_cannot_stand_for_very_many_values() {
    let containers = |count: usize| with_spec("v1", "Pod", &[octets(2, b"").repeat(count)]);
    let most = containers(PROTOBUF_VALUES_MAX - 1).unwrap();
    assert_eq!(most["containers"].as_array().map(Vec::len), Some(PROTOBUF_VALUES_MAX - 1));
    let refused = format!("Pod in version \"v1\" cannot be handled as a Pod: more than {PROTOBUF_VALUES_MAX} values");
    assert_eq!(containers(PROTOBUF_VALUES_MAX), Err(refused.clone()));
    let groups = octets(14, &octets(4, &vec![1; PROTOBUF_VALUES_MAX]));
    assert_eq!(with_spec("v1", "Pod", &[groups]), Err(refused));
}

proptest! {
    /// A recording of which some octets are others is read or refused.
    #[test]
    fn no_octets_make_the_reader_panic(
        choice in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
    ) {
        let recorded = recorded();
        let (name, mut bytes) = choice.get(&recorded).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        match read(&bytes, "Pod") {
            Ok(value) => prop_assert!(body::depth(&value) <= NESTING_MAX, "{name}: {value}"),
            Err(why) => prop_assert!(!why.is_empty()),
        }
    }

    #[test]
    fn arbitrary_messages_are_read_or_refused(kind in "Pod|Node|Event|DeleteOptions", message: Vec<u8>) {
        let _ = read(&enveloped("v1", &kind, &message), &kind);
    }
}
