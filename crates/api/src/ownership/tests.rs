use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    admission::{self, Stamp, Update},
    body::read_manifest,
    resource::{CONFIG_MAPS, PODS, SECRETS, SERVICES, STATEFUL_SETS},
};

fn yaml(text: &str) -> Value {
    read_manifest(text.as_bytes()).expect("a manifest").remove(0)
}

fn writer(manager: &str, part: Part, second: i64) -> Writer<'_> {
    Writer { manager, part, now: Timestamp::from_second(second).expect("a time") }
}

/// What is stored once a configuration has been applied.
fn stored(
    resource: &Resource,
    old: Option<&Value>,
    writer: Writer<'_>,
    config: &Value,
    conflicts: Conflicts,
) -> Result<Value, Status> {
    let new = applied(resource, old, config, writer, conflicts)?;
    let Some(old) = old else {
        let stamp = Stamp { now: writer.now, uid: Uuid::nil() };
        return admission::create(resource, "default", new, &stamp);
    };
    if writer.part == Part::Status {
        return admission::update_status(resource, new, old);
    }
    match admission::update(resource, new, old)? {
        Update::Write(new) => Ok(new),
        Update::Remove(_) => panic!("nothing is being deleted"),
    }
}

fn apply(resource: &Resource, old: Option<&Value>, manager: &str, config: &Value) -> Result<Value, Status> {
    stored(resource, old, writer(manager, Part::Main, 7), config, Conflicts::Refuse)
}

/// What is stored once somebody has changed the object otherwise.
fn change(resource: &Resource, old: &Value, writer: Writer<'_>, change: impl Fn(&mut Value)) -> Value {
    let mut new = old.clone();
    let sent = take(&mut new);
    change(&mut new);
    updated(resource, &mut new, old, sent.as_ref(), writer).expect("entries that can be read");
    new
}

/// The entries, one a line: `a Apply: .data.x .data.y`.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default();
            let part = if text("subresource").is_empty() { String::new() } else { format!("/{}", text("subresource")) };
            let paths = fields::read(&entry["fieldsV1"]).expect("names of fields").paths().join(" ");
            format!("{} {}{part}: {paths}", text("manager"), text("operation"))
        })
        .collect()
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "data": data})
}

fn stateful_set(spec: &str) -> Value {
    let mut set = yaml(&format!(
        "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: web, namespace: default}}, spec: {spec}}}"
    ));
    set["spec"]["serviceName"] = "web".into();
    set["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    set["spec"]["template"]["metadata"] = json!({"labels": {"app": "web"}});
    set
}

const ONE: &str =
    "{replicas: 1, template: {spec: {containers: [{name: web, image: a, ports: [{containerPort: 80}]}]}}}";

#[test]
fn sets_read_back_what_was_written() {
    for fields in [
        json!({}),
        json!({"f:data": {"f:a": {}}}),
        json!({"f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/name": {}}}}),
        json!({"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}),
        json!({"f:finalizers": {".": {}, "v:\"example.com/keep\"": {}}, "f:odd": {"i:0": {}, "v:3": {}}}),
    ] {
        assert_eq!(fields::read(&fields).map(|set| fields::write(&set)), Ok(fields.clone()), "{fields}");
    }
}

#[test]
fn names_that_cannot_be_read_are_refused_and_unknown_ones_left_out() {
    for (fields, why) in [
        (json!({"x": {}}), "key must be 2 characters long: x"),
        (json!({"fdata": {}}), "missing colon: fdata"),
        (json!({"k:7": {}}), "expected a map of keys: k:7"),
        (json!({"i:x": {}}), "expected a whole number: i:x"),
        (json!({"f:a": 1}), "expected a map of fields, got 1"),
    ] {
        assert_eq!(fields::read(&fields), Err(why.to_owned()));
    }
    assert_eq!(fields::read(&json!({"q:new": {}})), Ok(Set::default()));
}

#[test]
fn who_makes_an_object_owns_what_it_says_and_not_that_it_is() {
    let mut set = stateful_set(ONE);
    set["status"] = json!({"replicas": 1});
    created(&STATEFUL_SETS, &mut set, writer("make", Part::Main, 7));
    let expected = "make Update: .spec.replicas .spec.selector .spec.serviceName \
                    .spec.template.metadata.labels .spec.template.metadata.labels.app \
                    .spec.template.spec.containers .spec.template.spec.containers[name=\"web\"] \
                    .spec.template.spec.containers[name=\"web\"].image .spec.template.spec.containers[name=\"web\"].name \
                    .spec.template.spec.containers[name=\"web\"].ports \
                    .spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"] \
                    .spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].containerPort";
    assert_eq!(owners(&set), [expected]);
    assert_eq!(set["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:07Z");
}

#[test]
fn who_applies_owns_what_the_configuration_says() {
    let map = apply(&CONFIG_MAPS, None, "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    assert_eq!(owners(&map), ["a Apply: .data.x"]);
    let map = apply(&CONFIG_MAPS, Some(&map), "b", &config_map(&json!({"x": "1", "y": "2"}))).expect("it is shared");
    assert_eq!(owners(&map), ["a Apply: .data.x", "b Apply: .data.x .data.y"]);
    assert_eq!(map["data"], json!({"x": "1", "y": "2"}));
}

#[test]
fn what_is_no_longer_said_goes_unless_somebody_else_owns_it() {
    let first = apply(&CONFIG_MAPS, None, "a", &config_map(&json!({"x": "1", "y": "2"}))).expect("it is applied");
    let alone = apply(&CONFIG_MAPS, Some(&first), "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    assert_eq!((&alone["data"], owners(&alone)), (&json!({"x": "1"}), vec!["a Apply: .data.x".to_owned()]));

    let shared = apply(&CONFIG_MAPS, Some(&first), "b", &config_map(&json!({"y": "2"}))).expect("it is shared");
    let left = apply(&CONFIG_MAPS, Some(&shared), "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    assert_eq!(left["data"], json!({"x": "1", "y": "2"}));
    assert_eq!(owners(&left), ["a Apply: .data.x", "b Apply: .data.y"]);

    let none = apply(&CONFIG_MAPS, Some(&alone), "a", &config_map(&json!({}))).expect("it is applied");
    assert_eq!((none.get("data"), owners(&none)), (None, vec!["a Apply: .data".to_owned()]));
}

#[test]
fn metadata_stays_when_nobody_says_anything_in_it_any_more() {
    let bare = config_map(&json!({"x": "1"}));
    let mut labelled = bare.clone();
    labelled["metadata"]["labels"] = json!({"tier": "db"});
    let first = apply(&CONFIG_MAPS, None, "a", &labelled).expect("it is applied");
    assert_eq!(first["metadata"]["labels"], json!({"tier": "db"}));
    let left = apply(&CONFIG_MAPS, Some(&first), "a", &bare).expect("it is applied");
    assert_eq!((&left["metadata"]["name"], left["metadata"].get("labels")), (&json!("a"), None));
}

#[test]
fn items_of_a_list_go_and_stay_one_by_one() {
    let two = "{template: {spec: {containers: [{name: web, image: a, env: [{name: X, value: '1'}]}, {name: side, image: b}]}}}";
    let set = apply(&STATEFUL_SETS, None, "a", &stateful_set(two)).expect("it is applied");
    let set = change(&STATEFUL_SETS, &set, writer("hand", Part::Main, 8), |set| {
        set["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]);
    });
    let set = apply(&STATEFUL_SETS, Some(&set), "a", &stateful_set(ONE)).expect("it is applied");
    let containers = set["spec"]["template"]["spec"]["containers"].as_array().expect("a list");
    let names: Vec<&Value> = containers.iter().map(|container| &container["name"]).collect();
    assert_eq!(names, ["web"]);
    assert_eq!(containers[0]["env"], json!([{"name": "Y", "value": "2"}]));
    assert_eq!(containers[0]["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
}

#[test]
fn lists_merge_in_the_order_of_the_configuration() {
    let names = |names: &str| {
        let items: Vec<Value> = names.chars().map(|name| json!({"name": name.to_string(), "value": "1"})).collect();
        json!({"spec": {"containers": [{"name": "a", "env": items}]}})
    };
    for (live, config, merged) in [
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("ab", "ba", "ba"),
        ("abc", "c", "abc"),
        ("abc", "xb", "axbc"),
        ("ab", "bx", "abx"),
        ("abcd", "dxa", "bcdxa"),
    ] {
        let merged = names(merged);
        assert_eq!(walk::merge(&names(live), &names(config), Struct::of(&PODS)), merged, "{live} and {config}");
    }
}

#[test]
fn what_the_server_has_filled_in_is_no_change_in_a_list_that_is_one_field() {
    let set = stateful_set(
        "{template: {spec: {containers: [{name: web, image: a}]}}, volumeClaimTemplates: [{metadata: {name: data},
          spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}",
    );
    let at = |old: Option<&Value>, second| {
        stored(&STATEFUL_SETS, old, writer("a", Part::Main, second), &set, Conflicts::Refuse).expect("it is applied")
    };
    let first = at(None, 7);
    assert_eq!(first["spec"]["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
    assert_eq!(at(Some(&first), 8), first);
}

#[test]
fn what_others_own_is_a_conflict_until_it_is_forced() {
    let set = apply(&STATEFUL_SETS, None, "a", &stateful_set(ONE)).expect("it is applied");
    let set = change(&STATEFUL_SETS, &set, writer("scaler", Part::Scale, 8), |set| set["spec"]["replicas"] = 3.into());
    assert_eq!(owners(&set)[1], "scaler Update/scale: .spec.replicas");
    let changed = ONE.replace("image: a", "image: b");
    let status = apply(&STATEFUL_SETS, Some(&set), "b", &stateful_set(&changed)).expect_err("a conflict");
    let image = ".spec.template.spec.containers[name=\"web\"].image";
    assert_eq!((status.code, status.reason), (409, "Conflict"));
    assert_eq!(
        status.message,
        format!(
            "Apply failed with 2 conflicts: conflicts with \"a\":\n- {image}\nconflicts with \"scaler\" with subresource \
             \"scale\" using apps/v1:\n- .spec.replicas"
        )
    );
    let cause = |manager: &str, field: &str| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field});
    let scaler = "\"scaler\" with subresource \"scale\" using apps/v1";
    assert_eq!(status.details, json!({"causes": [cause("\"a\"", image), cause(scaler, ".spec.replicas")]}));

    let forced =
        stored(&STATEFUL_SETS, Some(&set), writer("b", Part::Main, 9), &stateful_set(&changed), Conflicts::Force);
    let forced = forced.expect("it is forced");
    assert_eq!(forced["spec"]["replicas"], 1);
    let managers: Vec<Value> =
        forced["metadata"]["managedFields"].as_array().expect("entries").iter().map(|e| e["manager"].clone()).collect();
    assert_eq!(managers, ["a", "b"]);
    assert!(!owners(&forced)[0].contains(".image"), "{:?}", owners(&forced));
}

#[test]
fn one_conflict_is_said_in_one_line() {
    let map = apply(&CONFIG_MAPS, None, "m1", &config_map(&json!({"a": "1"}))).expect("it is applied");
    let status = apply(&CONFIG_MAPS, Some(&map), "m2", &config_map(&json!({"a": "2"}))).expect_err("a conflict");
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"m1\": .data.a");
}

#[test]
fn what_changes_hands_by_an_update_is_its_writers() {
    let map = apply(&CONFIG_MAPS, None, "a", &config_map(&json!({"x": "1", "y": "1"}))).expect("it is applied");
    let map = change(&CONFIG_MAPS, &map, writer("b", Part::Main, 8), |map| map["data"] = json!({"x": "2", "z": "1"}));
    assert_eq!(owners(&map), ["b Update: .data.x .data.z"]);
    assert_eq!(map["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:08Z");
    let same = change(&CONFIG_MAPS, &map, writer("c", Part::Main, 9), |_| {});
    assert_eq!(same, map, "an update that changes nothing is nobody's");
}

#[test]
fn what_nobody_wrote_down_was_there_before_the_first_apply() {
    let map = config_map(&json!({"x": "1", "y": "1"}));
    let untracked = change(&CONFIG_MAPS, &map, writer("b", Part::Main, 8), |map| map["data"]["x"] = "2".into());
    assert_eq!(owners(&untracked), Vec::<String>::new());
    let status = apply(&CONFIG_MAPS, Some(&map), "a", &config_map(&json!({"x": "2"}))).expect_err("a conflict");
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.x");
    let map = apply(&CONFIG_MAPS, Some(&map), "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    assert_eq!(owners(&map), ["a Apply: .data.x", "before-first-apply Update: .data .data.x .data.y"]);
}

#[test]
fn kubectl_takes_over_what_it_applied_from_the_client() {
    let mut map = config_map(&json!({"x": "1"}));
    let config = config_map(&json!({"x": "2"}));
    map["metadata"]["annotations"] = json!({LAST_APPLIED: format!("{map}\n")});
    created(&CONFIG_MAPS, &mut map, writer("kubectl-client-side-apply", Part::Main, 7));
    let refused = apply(&CONFIG_MAPS, Some(&map), "other", &config).expect_err("a conflict");
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.x"
    );
    let map = apply(&CONFIG_MAPS, Some(&map), "kubectl", &config).expect("it is taken over");
    assert_eq!(map["data"]["x"], "2");
    assert_eq!(map["metadata"]["annotations"][LAST_APPLIED], format!("{config}\n"));
}

#[test]
fn status_and_the_rest_are_owned_apart() {
    let config = yaml(
        "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default, labels: {app: web}},
          spec: {ports: [{port: 80}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}",
    );
    let service = apply(&SERVICES, None, "a", &config).expect("it is applied");
    assert_eq!(
        owners(&service),
        [
            "a Apply: .metadata.labels.app .spec.ports[port=80,protocol=\"TCP\"] .spec.ports[port=80,protocol=\"TCP\"].port"
        ]
    );
    let service = stored(&SERVICES, Some(&service), writer("b", Part::Status, 8), &config, Conflicts::Refuse);
    let service = service.expect("it is applied");
    assert_eq!(service["status"], config["status"]);
    assert_eq!(owners(&service)[1], "b Apply/status: .status.loadBalancer.ingress");
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let set = |spec: &str| stateful_set(&format!("{{template: {{spec: {spec}}}}}"));
    let fault = |why: &str| {
        (
            400,
            format!(
                "failed to create typed patch object (default/web; apps/v1, Kind=StatefulSet): .spec.template.spec{why}"
            ),
        )
    };
    let mut managed = set("{}");
    managed["metadata"]["managedFields"] = json!([]);
    let mut other = set("{}");
    other["apiVersion"] = "v1".into();
    let table = [
        (managed, (400, "metadata.managedFields must be nil".to_owned())),
        (other, (400, "invalid object type: /v1, Kind=StatefulSet".to_owned())),
        (json!({}), (400, "invalid object type: /, Kind=".to_owned())),
        (set("{foo: 1}"), fault(".foo: field not declared in schema")),
        (set("{containers: 1}"), fault(".containers: expected list, got 1")),
        (set("{containers: [{name: a}, {name: a}]}"), fault(".containers: duplicate entries for key [name=\"a\"]")),
        (
            set("{containers: [1]}"),
            fault(".containers: element 0: associative list with keys may not have non-map elements"),
        ),
    ];
    for (config, expected) in table {
        let status = apply(&STATEFUL_SETS, None, "a", &config).expect_err("it does not fit");
        assert_eq!((status.code, status.message), expected);
    }
}

#[test]
fn entries_that_cannot_be_read_are_refused() {
    let map = apply(&CONFIG_MAPS, None, "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    let good = json!({"manager": "b", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}});
    let with = |field: &str, value: Value| {
        let mut entry = good.clone();
        entry[field] = value;
        let mut new = map.clone();
        take(&mut new);
        let refused = updated(&CONFIG_MAPS, &mut new, &map, Some(&json!([entry])), writer("c", Part::Main, 8));
        refused.map(|()| owners(&new)).map_err(|status| status.message)
    };
    assert_eq!(with("manager", "d".into()), Ok(vec!["d Update: .data.x".to_owned()]));
    assert_eq!(with("apiVersion", "v2".into()), Ok(Vec::new()));
    let at = "ConfigMap \"a\" is invalid: metadata.managedFields[0]";
    for (field, value, why) in [
        ("operation", "Steal", ".operation: Invalid value: \"Steal\": must be `Apply` or `Update`"),
        ("fieldsType", "", ".fieldsType: Invalid value: \"\": must be `FieldsV1`"),
        ("apiVersion", "", ".apiVersion: Invalid value: \"\": must not be empty"),
        ("time", "noon", ".time: Invalid value: \"noon\": must be a time as in RFC 3339"),
    ] {
        assert_eq!(with(field, value.into()), Err(format!("{at}{why}")));
    }
    let long = "m".repeat(129);
    assert_eq!(with("manager", long.into()), Err(format!("{at}.manager: Too long: may not be more than 128 bytes")));
}

#[test]
fn an_empty_list_forgets_who_owned_what() {
    let map = apply(&CONFIG_MAPS, None, "a", &config_map(&json!({"x": "1"}))).expect("it is applied");
    for sent in [json!([]), json!([{}])] {
        let mut new = map.clone();
        take(&mut new);
        updated(&CONFIG_MAPS, &mut new, &map, Some(&sent), writer("c", Part::Main, 8)).expect("it is forgotten");
        assert_eq!(owners(&new), Vec::<String>::new());
    }
}

#[test]
fn the_oldest_of_many_updates_are_put_together() {
    let mut map = config_map(&json!({}));
    map["data"] = json!({"k0": "1"});
    created(&CONFIG_MAPS, &mut map, writer("m0", Part::Main, 0));
    for number in 1..13 {
        let manager = format!("m{number}");
        map = change(&CONFIG_MAPS, &map, writer(&manager, Part::Main, number), |map| {
            map["data"][format!("k{number}")] = "1".into();
        });
    }
    let owners = owners(&map);
    assert_eq!(owners.len(), 10);
    assert_eq!(owners[0], "ancient-changes Update: .data .data.k0 .data.k1 .data.k2 .data.k3");
    assert_eq!(owners[1], "m4 Update: .data.k4");
    assert_eq!(map["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:03Z");
}

#[test]
fn a_manager_is_called_after_its_program() {
    for (agent, manager) in [("kubectl/v1.36.0 (linux/amd64)", "kubectl"), ("curl", "curl"), ("", ""), ("a\tb/1", "ab")]
    {
        assert_eq!(manager_of_agent(agent), manager);
    }
    assert_eq!(manager_of_agent(&"é".repeat(100)).len(), MANAGER_BYTES_MAX);
    let cause = manager_problem("a\u{7}b").expect("a bell is no name");
    assert_eq!(
        cause.to_string(),
        "fieldManager: Invalid value: \"a\\u0007b\": invalid character U+0007 (at position 1)"
    );
}

#[test]
fn a_secret_in_plain_text_is_applied_as_data() {
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "default"}, "stringData": {"k": value}});
    let first = apply(&SECRETS, None, "a", &secret("v")).expect("it is applied");
    assert_eq!((&first["data"], owners(&first)), (&json!({"k": "dg=="}), vec!["a Apply: .stringData.k".to_owned()]));
    let again = apply(&SECRETS, Some(&first), "a", &secret("v")).expect("it is applied");
    assert_eq!(again, first);
}

/// A part of a set that somebody may apply: some labels, some containers with some variables.
fn part_of_a_set() -> impl Strategy<Value = Value> {
    let env = proptest::collection::btree_map("[A-C]", "[a-b]", 0..3);
    let containers = proptest::collection::btree_map("[a-c]", (proptest::option::of("[x-y]"), env), 1..3);
    let labels = proptest::collection::btree_map("[a-c]", "[a-b]", 1..3);
    let finalizers = proptest::collection::btree_set("example.com/[a-c]", 0..3);
    (labels, finalizers, containers, proptest::option::of(0..3_i64)).prop_map(
        |(labels, finalizers, containers, replicas)| {
            let containers: Vec<Value> = containers
                .into_iter()
                .map(|(name, (image, env))| {
                    let env: Vec<Value> =
                        env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                    json!({"name": name, "image": image.unwrap_or("z".to_owned()), "env": env})
                })
                .collect();
            let mut set = stateful_set("{}");
            set["metadata"]["labels"] = json!(labels);
            set["metadata"]["finalizers"] = json!(finalizers);
            set["spec"]["template"]["spec"] = json!({"containers": containers});
            if let Some(replicas) = replicas {
                set["spec"]["replicas"] = replicas.into();
            }
            set
        },
    )
}

proptest! {
    #[test]
    fn applying_the_same_twice_changes_nothing(
        first in part_of_a_set(), second in part_of_a_set(), third in part_of_a_set(),
    ) {
        let mut live = None;
        for (manager, config) in [("a", &first), ("b", &second), ("a", &third)] {
            let apply = |old: Option<&Value>, second| {
                let writer = writer(manager, Part::Main, second);
                applied(&STATEFUL_SETS, old, config, writer, Conflicts::Force).expect("a configuration that fits")
            };
            let once = apply(live.as_ref(), 7);
            let again = apply(Some(&once), 8);
            prop_assert_eq!(&again, &once);
            // Whoever applied last has what it asked for.
            let declared = walk::declared(config, Struct::of(&STATEFUL_SETS), &|_| true).expect("a set");
            let differs = walk::compare(config, &once, Struct::of(&STATEFUL_SETS), &|_| true);
            prop_assert!(declared.intersection(&differs.removed).is_empty(), "{:?}", differs.removed.paths());
            let mine = differs.changed.intersection(&declared).paths();
            prop_assert!(mine.is_empty(), "{:?}", mine);
            live = Some(once);
        }
    }

    #[test]
    fn any_set_reads_back_as_it_was_written(config in part_of_a_set()) {
        let set = walk::declared(&config, Struct::of(&STATEFUL_SETS), &|_| true).expect("a set");
        prop_assert_eq!(fields::read(&fields::write(&set)), Ok(set));
    }

    #[test]
    fn a_comparison_tells_all_that_differs(one in part_of_a_set(), other in part_of_a_set()) {
        let shape = Struct::of(&STATEFUL_SETS);
        let there = walk::compare(&one, &other, shape, &|_| true);
        let back = walk::compare(&other, &one, shape, &|_| true);
        prop_assert_eq!(there.is_empty(), back.is_empty());
        let mut rest = walk::held(&one, shape);
        rest.subtract(&walk::held(&other, shape));
        rest.subtract(&there.removed);
        prop_assert!(rest.is_empty(), "{:?}", rest.paths());
    }
}
