use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pod(spec: &Value) -> Value {
    json!({"spec": spec})
}

fn merged(spec: &Value, patch: &Value) -> Result<Value, String> {
    merge("Pod", pod(spec), pod(patch))
}

#[test]
fn merges_lists_by_their_keys() {
    let spec = json!({
        "containers": [{
            "name": "a", "image": "a:1", "args": ["x"],
            "env": [{"name": "K", "value": "1"}],
            "ports": [{"containerPort": 80, "name": "web"}],
            "volumeMounts": [{"mountPath": "/a", "name": "v"}],
        }],
        "tolerations": [{"key": "a"}],
    });
    let patch = json!({
        "containers": [{
            "name": "a", "image": "a:2", "args": ["y"],
            "env": [{"name": "K", "value": "2"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "volumeMounts": [{"mountPath": "/a", "readOnly": true}],
        }],
        "tolerations": [{"key": "b"}],
    });
    let want = json!({
        "containers": [{
            "name": "a", "image": "a:2", "args": ["y"],
            "env": [{"name": "K", "value": "2"}],
            "ports": [{"containerPort": 80, "name": "web", "protocol": "TCP"}],
            "volumeMounts": [{"mountPath": "/a", "name": "v", "readOnly": true}],
        }],
        "tolerations": [{"key": "b"}],
    });
    assert_eq!(merged(&spec, &patch), Ok(pod(&want)));
}

#[test]
fn puts_new_items_before_the_servers_own() {
    let spec = json!({"containers": [{"name": "b"}, {"name": "c"}]});
    let patch = json!({"containers": [{"name": "a", "image": "a"}]});
    assert_eq!(
        merged(&spec, &patch),
        Ok(pod(&json!({"containers": [{"name": "a", "image": "a"}, {"name": "b"}, {"name": "c"}]})))
    );
}

#[test]
fn keeps_the_live_order_of_items_that_both_have() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
    let patch = json!({"containers": [{"name": "c", "image": "c"}, {"name": "new"}]});
    assert_eq!(
        merged(&spec, &patch),
        Ok(pod(&json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c", "image": "c"}, {"name": "new"}]})))
    );
}

#[test]
fn sets_the_order_that_the_patch_asks_for() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "mine"}]});
    let patch = json!({
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "a", "image": "a:2"}],
    });
    assert_eq!(
        merged(&spec, &patch),
        Ok(pod(&json!({"containers": [{"name": "b"}, {"name": "a", "image": "a:2"}, {"name": "mine"}]})))
    );
}

#[test]
fn sets_the_order_without_a_list() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let patch = json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({"containers": [{"name": "b"}, {"name": "a"}]}))));
}

#[test]
fn null_deletes_a_list_whose_order_is_given() {
    let spec = json!({"volumes": [{"name": "a"}]});
    let patch = json!({"$setElementOrder/volumes": [], "volumes": null});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({}))));
}

#[test]
fn deletes_an_item_by_its_key() {
    let spec = json!({"volumes": [{"name": "a"}, {"name": "b"}]});
    let patch = json!({"volumes": [{"$patch": "delete", "name": "a"}]});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({"volumes": [{"name": "b"}]}))));
}

#[test]
fn replaces_a_whole_list() {
    let spec = json!({"volumes": [{"name": "a"}, {"name": "b"}]});
    let patch = json!({"volumes": [{"name": "c"}, {"$patch": "replace"}]});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({"volumes": [{"name": "c"}]}))));
}

#[test]
fn replaces_a_whole_map() {
    // What `rollout undo` sends.
    let set = json!({"spec": {"replicas": 2, "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}}}});
    let patch = json!({"spec": {"template": {"$patch": "replace", "spec": {"y": 2}}}});
    assert_eq!(merge("StatefulSet", set, patch), Ok(json!({"spec": {"replicas": 2, "template": {"spec": {"y": 2}}}})));
}

#[test]
fn empties_a_map() {
    let spec = json!({"nodeSelector": {"a": "1"}, "securityContext": {"runAsUser": 1}});
    let patch = json!({"nodeSelector": {"$patch": "delete"}, "securityContext": {"$patch": "merge", "runAsGroup": 2}});
    assert_eq!(
        merged(&spec, &patch),
        Ok(pod(&json!({"nodeSelector": {}, "securityContext": {"runAsUser": 1, "runAsGroup": 2}})))
    );
}

#[test]
fn retains_only_the_keys_named() {
    let spec = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
    let patch = json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}, "$retainKeys": ["name", "hostPath"]}]});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}))));
}

#[test]
fn null_deletes_a_field_and_leaves_no_trace_of_a_missing_one() {
    let spec = json!({"hostname": "a"});
    let patch = json!({"hostname": null, "subdomain": null, "securityContext": {"runAsUser": null, "runAsGroup": 1}});
    assert_eq!(merged(&spec, &patch), Ok(pod(&json!({"securityContext": {"runAsGroup": 1}}))));
}

#[test]
fn the_selector_of_a_budget_is_replaced() {
    let budget = |labels: Value| json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}});
    let merged = merge(
        "PodDisruptionBudget",
        budget(json!({"a": "1"})),
        json!({"spec": {"selector": {"matchLabels": {"b": "2"}}}}),
    );
    assert_eq!(merged, Ok(budget(json!({"b": "2"}))));
}

#[test]
fn plain_values_are_joined_and_removed_by_name() {
    let object = json!({"metadata": {"finalizers": ["a", "b"]}});
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}});
    assert_eq!(merge("Pod", object, patch), Ok(json!({"metadata": {"finalizers": ["c", "b"]}})));
}

#[test]
fn the_same_word_has_another_key_elsewhere() {
    let service = json!({"spec": {"ports": [{"port": 80, "name": "web"}]}});
    let patch = json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}});
    let want = json!({"spec": {"ports": [{"port": 80, "name": "web", "targetPort": 8080}]}});
    assert_eq!(merge("Service", service, patch), Ok(want));
}

#[test]
fn claim_templates_are_taken_whole() {
    let set = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "a"}, "spec": {"x": 1}}]}});
    let patch = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "a"}}]}});
    assert_eq!(merge("PetSet", set, patch.clone()), Ok(patch));
}

#[test]
fn an_emptied_taint_list_is_empty() {
    // What `taint node n key-` sends: the whole list that remains.
    let node = json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}});
    assert_eq!(merge("Node", node, json!({"spec": {"taints": []}})), Ok(json!({"spec": {"taints": []}})));
}

#[test]
fn malformed_directives_are_named() {
    let table = [
        (json!({"volumes": [{"emptyDir": {}}]}), r#"map: {"emptyDir":{}} does not contain declared merge key: name"#),
        (json!({"$patch": "turn"}), "unknown patch type: turn in map: {}"),
        (json!({"$retainKeys": "x"}), "invalid patch format of retainKeys"),
        (json!({"$retainKeys": ["a"], "b": 1}), "invalid patch format of retainKeys"),
        (json!({"$setElementOrder/volumes": 1}), "invalid patch format of setElementOrder list"),
        (json!({"$deleteFromPrimitiveList/volumes": 1}), "invalid patch format of primitive list"),
        (json!({"volumes": [1]}), "expected all elements of the list at spec.volumes to be maps"),
    ];
    for (patch, message) in table {
        assert_eq!(merged(&json!({"volumes": [{"name": "a"}]}), &patch), Err(message.to_owned()), "{patch}");
    }
}

/// A pod's spec with the lists that merge in each way.
fn specs() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let env = prop::collection::btree_map(word(), word(), 0..4)
        .prop_map(|env| env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>());
    let container = (word(), env, prop::collection::vec(word(), 0..3));
    let containers = prop::collection::btree_map(word(), container, 0..4).prop_map(|containers| {
        let list = containers.into_iter();
        list.map(|(name, (image, env, args))| json!({"name": name, "image": image, "env": env, "args": args}))
            .collect::<Vec<_>>()
    });
    let selector = prop::collection::btree_map(word(), word(), 0..4);
    (containers.prop_shuffle(), selector, prop::option::of(word())).prop_map(|(containers, selector, host)| {
        let mut spec = json!({"containers": containers, "nodeSelector": selector});
        if let Some(host) = host {
            spec["hostname"] = json!(host);
        }
        spec
    })
}

/// The strategic merge patch that a client makes to turn one spec into another, with the order it wants.
fn difference(kind: &str, path: &mut Vec<String>, from: &Object, to: &Object) -> Object {
    let mut change = Object::new();
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        change.insert(name.clone(), Value::Null);
    }
    for (name, new) in to {
        path.push(name.clone());
        let old = from.get(name);
        match (old, new, list_rule(kind, path)) {
            _ if old == Some(new) => {}
            (Some(Value::Object(old)), Value::Object(new), _) => {
                change.insert(name.clone(), Value::Object(difference(kind, path, old, new)));
            }
            (Some(Value::Array(old)), Value::Array(new), ListRule::Keyed(key)) => {
                let find = |list: &[Value], item: &Value| list.iter().find(|other| other[key] == item[key]).cloned();
                let gone = old.iter().filter(|item| find(new, item).is_none());
                let mut items: Vec<_> = gone.map(|item| json!({"$patch": "delete", key: item[key]})).collect();
                for item in new {
                    let empty = Object::new();
                    let before = find(old, item);
                    let fields = before.as_ref().and_then(Value::as_object).unwrap_or(&empty);
                    let mut fields = difference(kind, path, fields, item.as_object().unwrap());
                    fields.insert(key.to_owned(), item[key].clone());
                    items.push(Value::Object(fields));
                }
                let order: Vec<_> = new.iter().map(|item| json!({key: item[key]})).collect();
                change.insert(format!("{ORDER_PREFIX}{name}"), Value::Array(order));
                change.insert(name.clone(), Value::Array(items));
            }
            _ => {
                change.insert(name.clone(), new.clone());
            }
        }
        path.pop();
    }
    change
}

fn difference_of_specs(from: &Value, to: &Value) -> Value {
    let (from, to) = (pod(from), pod(to));
    Value::Object(difference("Pod", &mut Vec::new(), from.as_object().unwrap(), to.as_object().unwrap()))
}

proptest! {
    #[test]
    fn the_difference_of_two_objects_turns_one_into_the_other(from in specs(), to in specs()) {
        let patch = difference_of_specs(&from, &to);
        prop_assert_eq!(merge("Pod", pod(&from), patch), Ok(pod(&to)));
    }

    #[test]
    fn merging_twice_changes_nothing_more(from in specs(), to in specs()) {
        let patch = difference_of_specs(&from, &to);
        let once = merge("Pod", pod(&from), patch.clone()).unwrap();
        prop_assert_eq!(merge("Pod", once.clone(), patch), Ok(once));
    }

    #[test]
    fn a_plain_patch_settles_at_once(object in specs(), patch in specs()) {
        let once = merge("Pod", pod(&object), pod(&patch)).unwrap();
        prop_assert_eq!(merge("Pod", once.clone(), pod(&patch)), Ok(once));
    }

    #[test]
    fn an_empty_patch_changes_nothing(object in specs()) {
        prop_assert_eq!(merge("Pod", pod(&object), json!({})), Ok(pod(&object)));
    }
}
