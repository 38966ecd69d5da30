//! The pod's own network files.

use plan::Action;

use crate::world::World;

fn sandbox(spec: &str) -> plan::action::Sandbox {
    let mut world = World::new(&spec.replacen('{', r#"{"containers": [{"name": "a", "image": "x"}], "#, 1));
    world.step();
    let plan = world.plan();
    match plan.actions.into_iter().next() {
        Some(Action::StartSandbox(sandbox)) => *sandbox,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dns_policies() {
    let cluster = "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n\
        nameserver 10.88.0.1\noptions ndots:5\n";
    let host = "search example.org\nnameserver 9.9.9.9\n";
    let table = [
        (r#"{"dnsPolicy": "ClusterFirst"}"#, cluster),
        (r#"{"dnsPolicy": "ClusterFirst", "hostNetwork": true}"#, host),
        (r#"{"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}"#, cluster),
        (r#"{"dnsPolicy": "Default"}"#, host),
        (r#"{"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}"#, "nameserver 1.1.1.1\n"),
        (
            r#"{"dnsConfig": {"nameservers": ["1.1.1.1", "10.88.0.1", "2.2.2.2", "3.3.3.3"], "searches": ["my.org", "cluster.local"],
                "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}}"#,
            "search default.svc.cluster.local svc.cluster.local cluster.local example.org my.org\n\
            nameserver 10.88.0.1\nnameserver 1.1.1.1\nnameserver 2.2.2.2\noptions ndots:2 edns0\n",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(sandbox(spec).files.resolv_conf, expected, "{spec}");
    }
}

#[test]
fn too_many_search_domains_are_cut() {
    let searches: Vec<String> = (0..40).map(|n| format!("\"s{n}.{}\"", "x".repeat(60))).collect();
    let spec = format!(r#"{{"dnsConfig": {{"searches": [{}]}}}}"#, searches.join(","));
    let text = sandbox(&spec).files.resolv_conf;
    let line = text.lines().next().unwrap().strip_prefix("search ").unwrap();
    assert!(line.len() <= 2048, "{}", line.len());
    assert!(line.split(' ').count() <= 32);
}

#[test]
fn names_and_aliases() {
    let made = sandbox(
        r#"{"hostname": "one", "subdomain": "peers", "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["a.remote", "b.remote"]}]}"#,
    );
    assert_eq!((made.hostname.as_str(), made.domain.as_str()), ("one", "peers.default.svc.cluster.local"));
    assert!(made.files.hosts.ends_with(
        "10.88.0.5\tone.peers.default.svc.cluster.local\tone\n\n# Entries added by HostAliases.\n10.1.2.3\ta.remote\tb.remote\n"
    ));
    assert_eq!(made.files.hostname, "one\n");
}

#[test]
fn a_hostname_is_cut_to_what_linux_takes() {
    let made = sandbox(&format!(r#"{{"hostname": "{}-{}"}}"#, "a".repeat(62), "b".repeat(20)));
    assert_eq!(made.hostname, "a".repeat(62));
}

#[test]
fn a_hostname_that_overrides_is_the_whole_name() {
    let name = format!("{}.{}", "a".repeat(31), "b".repeat(32));
    let made = sandbox(&format!(r#"{{"hostname": "one", "subdomain": "peers", "hostnameOverride": "{name}"}}"#));
    assert_eq!((made.hostname, made.domain, made.files.hostname), (name.clone(), String::new(), format!("{name}\n")));
}

#[test]
fn host_ports_are_published_except_on_the_hosts_own_network() {
    let ports = r#"{"containers": [{"name": "a", "image": "x", "ports": [
        {"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "127.0.0.1"},
        {"containerPort": 443}]}]"#;
    let publish = |rest: &str| {
        let mut world = World::new(&format!("{ports}{rest}"));
        world.step();
        match world.plan().actions.into_iter().next() {
            Some(Action::StartSandbox(sandbox)) => (sandbox.publish, sandbox.host_network),
            other => panic!("{other:?}"),
        }
    };
    let all = vec![(String::new(), 8080, 80, "tcp"), ("127.0.0.1".to_owned(), 53, 53, "udp")];
    assert_eq!(publish("}"), (all, false));
    assert_eq!(publish(r#", "hostNetwork": true}"#), (vec![], true));
}
