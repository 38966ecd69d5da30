//! What ConfigMaps, Secrets, service accounts, and the kinds from which nothing follows know about their objects.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::{
    admission::{self, Stamp, Update},
    kinds::service_account,
    resource::{
        CLUSTER_ROLES, CONFIG_MAPS, LEASES, NETWORK_POLICIES, PODS, PRIORITY_CLASSES, RESOURCE_QUOTAS, RESOURCES,
        ROLES, Resource, SECRETS, SERVICE_ACCOUNTS, Scope,
    },
    status::Status,
};
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };

fn create(resource: &Resource, object: Value) -> Result<Value, Status> {
    let namespace = if resource.scope == Scope::Namespaced { "default" } else { "" };
    admission::create(resource, namespace, resource.rules.normalise(object)?.0, &STAMP)
}

fn update(resource: &Resource, old: &Value, new: Value) -> Result<Value, String> {
    let (new, _) = resource.rules.normalise(new).unwrap();
    match admission::update(resource, new, old) {
        Ok(Update::Write(object) | Update::Remove(object)) => Ok(object),
        Err(status) => Err(status.message),
    }
}

fn warnings(resource: &Resource, object: Value) -> Vec<String> {
    resource.rules.warnings(&resource.rules.normalise(object).unwrap().0)
}

#[test]
fn what_is_written_as_text_is_stored_with_the_rest() {
    let secret = json!({
        "metadata": {"name": "a"},
        "data": {"both": "b2xk", "folded": "aGVs\nbG8=\n", "empty": ""},
        "stringData": {"both": "new", "text": "hello"},
    });
    let secret = create(&SECRETS, secret).unwrap();
    assert_eq!(
        secret["data"],
        json!({"both": "bmV3", "folded": "aGVsbG8=", "empty": "", "text": "aGVsbG8="}),
        "what is written as text wins"
    );
    assert_eq!((&secret["type"], secret.get("stringData")), (&json!("Opaque"), None));

    let mut new = secret.clone();
    new["stringData"] = json!({"text": "bye"});
    let new = update(&SECRETS, &secret, new).unwrap();
    assert_eq!((&new["data"]["text"], new.get("stringData")), (&json!("Ynll"), None));
    assert_eq!(update(&SECRETS, &new, new.clone()), Ok(new), "written twice is written once");
}

#[test]
fn base64_is_judged_as_go_judges_it() {
    for (text, place) in [
        ("", None),
        ("QQ==", None),
        ("Q\r\nQ==\n", None),
        ("QUI=", None),
        ("!", Some(0)),
        ("QUJ", Some(0)),
        ("QUJDQ", Some(4)),
        ("QQ=", Some(3)),
        ("QQ=Q", Some(2)),
        ("Q===", Some(1)),
        ("QQ==Q", Some(4)),
        ("QUI=QUI=", Some(4)),
        ("QU-_", Some(2)),
    ] {
        let made = create(&CONFIG_MAPS, json!({"metadata": {"name": "a"}, "binaryData": {"k": text}}));
        let why = |place: usize| {
            format!(
                "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data at input byte {place}"
            )
        };
        assert_eq!(made.err().map(|status| status.message), place.map(why), "{text:?}");
    }
}

#[test]
fn what_is_settled_can_still_be_labelled() {
    for (resource, data) in [(&CONFIG_MAPS, json!({"k": "v"})), (&SECRETS, json!({"k": "dg=="}))] {
        let object = json!({"metadata": {"name": "a"}, "data": data, "immutable": true});
        let old = create(resource, object).unwrap();
        let mut new = old.clone();
        new["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(update(resource, &old, new.clone()), Ok(new));

        let mut free = old.clone();
        free["immutable"] = json!(false);
        let mut changed = free.clone();
        changed["data"]["k"] = json!("dw==");
        changed["immutable"] = json!(true);
        assert_eq!(update(resource, &free, changed.clone()), Ok(changed), "until then everything may change");
    }
}

#[test]
fn secrets_of_each_type_have_what_it_asks_for() {
    for (kind, data) in [
        ("kubernetes.io/tls", json!({"tls.crt": "", "tls.key": ""})),
        ("kubernetes.io/basic-auth", json!({"password": ""})),
        ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": "aw=="})),
        ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "e30="})),
        ("kubernetes.io/dockercfg", json!({".dockercfg": "bnVsbA=="})),
        ("helm.sh/release.v1", json!({"release": "AA=="})),
    ] {
        let secret = create(&SECRETS, json!({"metadata": {"name": "a"}, "type": kind, "data": data})).unwrap();
        assert_eq!(SECRETS.rules.selectable(&secret, "type").as_deref(), Some(kind));
    }
    let token = json!({
        "metadata": {"name": "a", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token",
    });
    assert_eq!(
        warnings(&SECRETS, token.clone()),
        ["type kubernetes.io/service-account-token has no effect: no token is made for it"]
    );
    assert!(create(&SECRETS, token).is_ok());
}

#[test]
fn a_pod_runs_as_the_account_that_it_names_by_either_field() {
    let pod = |fields: Value| {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        json_patch::merge(&mut pod["spec"], &fields);
        create(&PODS, pod).unwrap()
    };
    for (fields, account) in [
        (json!({}), "default"),
        (json!({"serviceAccountName": "robot"}), "robot"),
        (json!({"serviceAccount": "robot"}), "robot"),
        (json!({"serviceAccountName": "robot", "serviceAccount": "other"}), "robot"),
    ] {
        let pod = pod(fields.clone());
        let told = [&pod["spec"]["serviceAccountName"], &pod["spec"]["serviceAccount"]];
        assert_eq!(told, [account, account], "{fields}");

        let mut labelled = pod.clone();
        labelled["metadata"]["labels"] = json!({"a": "b"});
        for field in ["serviceAccountName", "serviceAccount"] {
            labelled["spec"].as_object_mut().unwrap().remove(field);
        }
        assert_eq!(update(&PODS, &pod, labelled).unwrap()["spec"], pod["spec"], "it stays what it is");
    }
}

#[test]
fn a_pod_needs_its_account_and_never_waits_for_the_default_one() {
    let pod =
        |account: &str| json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": {"serviceAccountName": account}});
    let admit = |account: &str, found: Option<Value>| {
        let mut pod = pod(account);
        service_account::admit(&mut pod, |name| found.filter(|_| name == account).map(Box::new)).map(|()| pod)
    };
    assert_eq!(admit("robot", Some(json!({}))), Ok(pod("robot")));
    assert_eq!(admit("default", None), Ok(pod("default")));
    let refused = admit("robot", None).unwrap_err();
    assert_eq!((refused.code, refused.reason), (403, "Forbidden"));
    assert_eq!(
        refused.message,
        "pods \"p\" is forbidden: error looking up service account ns/robot: serviceaccount \"robot\" not found"
    );
}

#[test]
fn a_pod_gets_the_secrets_for_images_of_its_account_where_it_names_none() {
    let pod = |secrets: &[&str]| {
        let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
        json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": {"imagePullSecrets": secrets}})
    };
    let given = |mut pod: Value, account: Value| {
        service_account::admit(&mut pod, |_| Some(Box::new(account))).unwrap();
        pod["spec"]["imagePullSecrets"].clone()
    };
    let account = json!({"imagePullSecrets": [{"name": "registry"}]});
    assert_eq!(given(pod(&[]), account.clone()), json!([{"name": "registry"}]));
    assert_eq!(given(pod(&["own"]), account), json!([{"name": "own"}]));
    assert_eq!(given(pod(&[]), json!({})), json!([]));
}

#[test]
fn what_an_account_cannot_give_is_warned_of() {
    let account = json!({
        "metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "registry"}], "automountServiceAccountToken": true,
    });
    assert_eq!(
        warnings(&SERVICE_ACCOUNTS, account),
        ["automountServiceAccountToken has no effect: pods get the tokens that their volumes ask for"]
    );
    let quiet = json!({"metadata": {"name": "robot"}, "automountServiceAccountToken": false});
    assert_eq!(warnings(&SERVICE_ACCOUNTS, quiet), Vec::<String>::new());
}

#[test]
fn whoever_writes_what_has_no_effect_is_told_why() {
    for (resource, why) in [
        (&ROLES, "this Role has no effect: what somebody may do is the scope of their token"),
        (&CLUSTER_ROLES, "this ClusterRole has no effect: what somebody may do is the scope of their token"),
        (&NETWORK_POLICIES, "this NetworkPolicy has no effect: nothing between pods is held back"),
        (&PRIORITY_CLASSES, "this PriorityClass has no effect: no pod is preempted, for there is one node"),
        (&RESOURCE_QUOTAS, "this ResourceQuota has no effect: nothing is counted against it"),
    ] {
        assert_eq!(warnings(resource, json!({"metadata": {"name": "a"}})), [why]);
    }
    assert_eq!(warnings(&LEASES, json!({"metadata": {"name": "a"}})), Vec::<String>::new(), "a lease works");
}

#[test]
fn a_status_that_nobody_keeps_is_not_made_up() {
    let quota = json!({"metadata": {"name": "a"}, "spec": {"hard": {"pods": "5"}}, "status": {"used": {"pods": "1"}}});
    let made = create(&RESOURCE_QUOTAS, quota.clone()).unwrap();
    assert_eq!((&made["spec"], made.get("status")), (&json!({"hard": {"pods": "5"}}), None));
    assert_eq!(update(&RESOURCE_QUOTAS, &made, quota).unwrap().get("status"), None);
}

#[test]
fn roles_have_names_that_other_kinds_have_not() {
    let made = |resource: &Resource, name: &str| create(resource, json!({"metadata": {"name": name}})).map(|_| ());
    for name in ["system:node", "Reader", "a_b", "a@b.c"] {
        assert_eq!(made(&ROLES, name), Ok(()), "{name}");
        assert!(made(&SERVICE_ACCOUNTS, name).is_err(), "{name}");
    }
    for (name, why) in [
        (".", "may not be '.'"),
        ("..", "may not be '..'"),
        ("a/b", "may not contain '/'"),
        ("a%b", "may not contain '%'"),
        ("a b", "may contain visible ASCII only"),
        (&"a".repeat(254), "must be no more than 253 bytes"),
    ] {
        let message = made(&ROLES, name).unwrap_err().message;
        assert!(message.ends_with(&format!("metadata.name: Invalid value: {name:?}: {why}")), "{message}");
    }
}

#[test]
fn no_kind_is_both_served_and_left_out() {
    for kind in api::unserved::UNSERVED {
        let is_served = RESOURCES.iter().any(|resource| resource.group == kind.group && resource.plural == kind.plural);
        assert!(!is_served, "{}", kind.plural);
    }
}
