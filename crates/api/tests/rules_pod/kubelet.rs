//! The fields of pods that a kubelet follows: security contexts and sidecars are checked, and what has no effect is told.

use super::*;

#[test]
fn what_has_no_effect_is_warned_of() {
    let manifest = "
metadata: {name: p}
spec:
  affinity: {podAntiAffinity: {}}
  nodeSelector: {disk: ssd}
  os: {name: linux}
  schedulerName: mine
  serviceAccountName: robot
  automountServiceAccountToken: false
  hostPID: true
  hostUsers: false
  resources: {limits: {cpu: 2}}
  securityContext: {runAsUser: 1, fsGroup: 2, seLinuxOptions: {level: a}}
  containers:
  - name: c
    image: i
    resources: {limits: {cpu: 1, ephemeral-storage: 1Gi}}
    terminationMessagePath: /x
    resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]
    securityContext: {privileged: true, seLinuxOptions: {level: a}, appArmorProfile: {type: RuntimeDefault}}
    volumeMounts: [{name: v, mountPath: /a, mountPropagation: Bidirectional}]
  volumes: [{name: v, emptyDir: {}}]
";
    let one_node = "there is one node";
    let not_applied = "this version does not apply it";
    assert_eq!(
        PODS.rules.warnings(&normalised(manifest)),
        [
            format!("spec.os has no effect: {one_node}"),
            "spec.resources has no effect: containers are held to their own limits; what the pod requests as a whole counts \
             when it gets its node"
                .into(),
            "spec.hostUsers has no effect: users in containers are those of the engine".into(),
            format!("spec.schedulerName has no effect: {one_node}"),
            format!("spec.securityContext.seLinuxOptions has no effect: {not_applied}"),
            "spec.containers[0].resizePolicy has no effect: what a container may use does not change while it runs".into(),
            "spec.containers[0].resources.limits[ephemeral-storage] has no effect: nobody measures what a container writes"
                .into(),
            format!("spec.containers[0].securityContext.seLinuxOptions has no effect: {not_applied}"),
            format!("spec.containers[0].volumeMounts[0].mountPropagation has no effect: {not_applied}"),
        ]
    );
    assert_eq!(causes(manifest), Vec::<String>::new());
}

#[test]
fn what_asks_for_nothing_is_not_warned_of() {
    let manifest = "
metadata: {name: p}
spec:
  automountServiceAccountToken: false
  hostUsers: true
  schedulerName: default-scheduler
  resources: {}
  securityContext: {seLinuxOptions: {}}
  containers:
  - name: c
    image: i
    resources: {limits: {}, requests: {}}
    securityContext: {seLinuxOptions: {}, appArmorProfile: {type: RuntimeDefault}}
    volumeMounts:
    - {name: v, mountPath: /a, mountPropagation: None, readOnly: true, recursiveReadOnly: Disabled}
    - {name: v, mountPath: /b, mountPropagation: None, readOnly: true, recursiveReadOnly: IfPossible}
  volumes: [{name: v, emptyDir: {}}]
";
    assert_eq!(PODS.rules.warnings(&normalised(manifest)), Vec::<String>::new());
    assert_eq!(causes(manifest), Vec::<String>::new());
}

#[test]
fn what_counts_only_beside_something_else_is_warned_of_alone() {
    let manifest = "
metadata: {name: p}
spec:
  activeDeadlineSeconds: 5
  securityContext: {runAsNonRoot: true, supplementalGroupsPolicy: Strict}
  initContainers:
  - {name: a, image: i, securityContext: {runAsUser: 1, runAsGroup: 2, runAsNonRoot: true}}
  containers:
  - {name: b, image: i, securityContext: {appArmorProfile: {type: Unconfined}}}
  volumes:
  - {name: v, emptyDir: {sizeLimit: 1Gi}}
  - {name: w, emptyDir: {sizeLimit: 1Gi, medium: Memory}}
  - {name: x, hostPath: {path: /a, type: FileOrCreate}}
";
    assert_eq!(
        PODS.rules.warnings(&normalised(manifest)),
        [
            "spec.securityContext.supplementalGroupsPolicy: Strict has no effect without runAsGroup: the engine adds the \
             groups that the image has for its user",
            "spec.volumes[0].emptyDir.sizeLimit has no effect: directories of this machine have no fixed size",
            "spec.volumes[2].hostPath.type: this version makes no files; the path must exist",
            "spec.containers[0].securityContext.appArmorProfile has no effect: the engine gives every container the profile \
             that it has",
        ]
    );
}

#[test]
fn what_is_filled_in_is_not_warned_of() {
    let mut pod = normalised(&container("ports: [{containerPort: 80}], livenessProbe: {tcpSocket: {port: 80}}"));
    assert_eq!(PODS.rules.warnings(&pod), Vec::<String>::new());
    PODS.rules.default(&mut pod);
    assert_eq!(PODS.rules.warnings(&pod), Vec::<String>::new());
    PODS.rules.prepare_create(&mut pod);
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    assert_eq!(PODS.rules.warnings(&pod), Vec::<String>::new());
}

#[test]
fn a_security_context_is_checked_as_in_kubernetes() {
    let pod = |context: &str| pod(&format!("securityContext: {context}\ncontainers: [{{name: c, image: i}}]"));
    let own = |context: &str| container(&format!("securityContext: {context}"));
    let sysctl = |name: &str| pod(&format!("{{sysctls: [{{name: {name}, value: '1'}}]}}"));
    let at = "spec.securityContext";
    let of = "spec.containers[0].securityContext";
    for (manifest, expected) in [
        (pod("{fsGroup: 2000, supplementalGroups: [1], fsGroupChangePolicy: OnRootMismatch}"), None),
        (
            pod("{fsGroup: -1}"),
            Some(format!("{at}.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive")),
        ),
        (
            pod("{supplementalGroups: [1, -1]}"),
            Some(format!("{at}.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive")),
        ),
        (
            pod("{fsGroupChangePolicy: Never}"),
            Some(format!(
                "{at}.fsGroupChangePolicy: Unsupported value: \"Never\": supported values: \"Always\", \"OnRootMismatch\""
            )),
        ),
        (sysctl("net/ipv4/tcp_syncookies"), None),
        (
            sysctl("Net"),
            Some(format!(
                "{at}.sysctls[0].name: Invalid value: \"Net\": must have at most 253 characters and match regex \
                 ^([a-z0-9][-_a-z0-9]*[\\./])*[a-z0-9][-_a-z0-9]*$"
            )),
        ),
        (own("{seccompProfile: {type: RuntimeDefault}, allowPrivilegeEscalation: false}"), None),
        (
            own("{seccompProfile: {type: Localhost, localhostProfile: a.json}}"),
            Some(format!(
                "{of}.seccompProfile.type: Forbidden: the node has no profiles of its own: use RuntimeDefault or Unconfined"
            )),
        ),
        (
            own("{procMount: Unmasked}"),
            Some(format!("{of}.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`")),
        ),
        (
            own("{privileged: true, allowPrivilegeEscalation: false}"),
            Some(format!(
                "{of}: Invalid value: {{\"allowPrivilegeEscalation\":false,\"privileged\":true}}: cannot set \
                 `allowPrivilegeEscalation` to false and `privileged` to true"
            )),
        ),
    ] {
        assert_eq!(causes(&manifest), Vec::from_iter(expected), "{manifest}");
    }
}

#[test]
fn a_sidecar_has_probes_and_hooks_and_other_init_containers_have_not() {
    let with = |policy: &str| {
        pod(&format!(
            "containers: [{{name: c, image: i}}]\ninitContainers: [{{name: d, image: i, {policy} readinessProbe: {{grpc: \
             {{port: 1}}}}, lifecycle: {{preStop: {{sleep: {{seconds: 1}}}}}}}}]"
        ))
    };
    assert_eq!(causes(&with("restartPolicy: Always,")), Vec::<String>::new());
    let why = "Forbidden: may not be set for init containers without restartPolicy=Always";
    let expected = ["lifecycle", "readinessProbe"].map(|field| format!("spec.initContainers[0].{field}: {why}"));
    assert_eq!(causes(&with("")), expected);
}
