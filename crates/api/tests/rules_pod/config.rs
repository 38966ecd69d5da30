//! What pods read of their configuration is filled in and validated as Kubernetes does.

use super::*;

#[test]
fn what_a_pod_reads_of_its_configuration_is_checked_in_kubernetes_words() {
    let mode = "must be a number between 0 and 0777 (octal), both inclusive";
    let volume = |source: &str| pod(&format!("containers: [{{name: c, image: i}}]\nvolumes:\n- {{name: v, {source}}}"));
    let of_volume = [
        ("configMap: {name: a, items: [{key: k, path: a/b, mode: 511}], defaultMode: 0, optional: true}", vec![]),
        ("configMap: {}", vec![".configMap.name: Required value".to_owned()]),
        ("secret: {}", vec![".secret.secretName: Required value".to_owned()]),
        ("secret: {secretName: a, defaultMode: 512}", vec![format!(".secret.defaultMode: Invalid value: 512: {mode}")]),
        (
            "configMap: {name: a, items: [{path: /a}, {key: k}, {key: k, path: a/../b}, {key: k, path: ..a, mode: -1}]}",
            vec![
                ".configMap.items[0].key: Required value".to_owned(),
                ".configMap.items[0].path: Invalid value: \"/a\": must be a relative path".to_owned(),
                ".configMap.items[1].path: Required value".to_owned(),
                ".configMap.items[2].path: Invalid value: \"a/../b\": must not contain '..'".to_owned(),
                ".configMap.items[3].path: Invalid value: \"..a\": must not start with '..'".to_owned(),
                format!(".configMap.items[3].mode: Invalid value: -1: {mode}"),
            ],
        ),
        (
            "downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.labels}}, {path: b, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}]}",
            vec![],
        ),
        (
            "downwardAPI: {items: [{path: a}, {path: b, fieldRef: {fieldPath: status.podIP}}, {path: c, resourceFieldRef: {resource: limits.cpu}}]}",
            vec![
                ".downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required".to_owned(),
                ".downwardAPI.items[1].fieldRef.fieldPath: Unsupported value: \"status.podIP\": supported values: \
                 \"metadata.annotations\", \"metadata.labels\", \"metadata.name\", \"metadata.namespace\", \"metadata.uid\""
                    .to_owned(),
                ".downwardAPI.items[2].resourceFieldRef.containerName: Required value".to_owned(),
            ],
        ),
        (
            "downwardAPI: {items: [{path: a, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 2m}}]}",
            vec![
                ".downwardAPI.items[0].resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are \
                 supported with the cpu resource"
                    .to_owned(),
            ],
        ),
        (
            "projected: {sources: [{configMap: {name: a, items: [{key: k, path: p}]}}, {secret: {name: b, items: [{key: k, path: p}]}}]}",
            vec![".projected: Invalid value: \"b\": conflicting duplicate paths".to_owned()],
        ),
        (
            "projected: {sources: [{configMap: {name: a}, secret: {}}]}",
            vec![
                ".projected.sources[0].secret.name: Required value".to_owned(),
                ".projected.sources[0]: Forbidden: may not specify more than 1 volume type".to_owned(),
            ],
        ),
    ];
    for (source, expected) in of_volume {
        let expected: Vec<_> = expected.into_iter().map(|text| format!("spec.volumes[0]{text}")).collect();
        assert_eq!(causes(&volume(source)), expected, "{source}");
    }
    let of_container = [
        (
            "envFrom: [{prefix: P_, configMapRef: {name: a}}, {secretRef: {name: b, optional: true}}], env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}, {name: B, valueFrom: {configMapKeyRef: {name: a, key: b}}}, {name: C, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 1Mi}}}]",
            vec![],
        ),
        (
            "envFrom: [{}, {configMapRef: {}}, {prefix: 'A=', secretRef: {name: a}}, {configMapRef: {name: a}, secretRef: {name: a}}]",
            vec![
                "envFrom[0]: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
                "envFrom[1].configMapRef.name: Required value",
                "envFrom[2].prefix: Invalid value: \"A=\": a valid environment variable name must consist only of printable \
                 ASCII characters other than '='",
                "envFrom[3]: Invalid value: \"\": may not have more than one field specified at a time",
            ],
        ),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {name: a}}}, {name: B, valueFrom: {resourceFieldRef: {resource: limits.gpu}}}]",
            vec![
                "env[0].valueFrom.secretKeyRef.key: Required value",
                "env[1].valueFrom.resourceFieldRef.resource: Unsupported value: \"limits.gpu\": supported values: \"limits.cpu\", \
                 \"limits.ephemeral-storage\", \"limits.memory\", \"requests.cpu\", \"requests.ephemeral-storage\", \
                 \"requests.memory\"",
            ],
        ),
        (
            "volumeMounts: [{name: v, mountPath: /a, subPathExpr: $(A)/x}, {name: v, mountPath: /b, subPath: a, subPathExpr: /b}]",
            vec![
                "volumeMounts[1].subPathExpr: Invalid value: \"/b\": subPathExpr and subPath are mutually exclusive",
                "volumeMounts[1].subPathExpr: Invalid value: \"/b\": must be a relative path",
            ],
        ),
    ];
    for (fields, expected) in of_container {
        let expected: Vec<_> = expected.into_iter().map(|text| format!("spec.containers[0].{text}")).collect();
        assert_eq!(causes(&container(fields)), expected, "{fields}");
    }
}

#[test]
fn files_of_configuration_have_the_modes_that_kubernetes_gives_them() {
    let made = create(&pod(
        "containers: [{name: c, image: i}]\nvolumes: [{name: a, configMap: {name: a}}, {name: b, secret: {secretName: a, \
         defaultMode: 256}}, {name: c, projected: {sources: [{downwardAPI: {items: [{path: p, fieldRef: {fieldPath: \
         metadata.name}}]}}]}}]",
    ))
    .unwrap();
    let volumes = &made["spec"]["volumes"];
    assert_eq!(volumes[0]["configMap"]["defaultMode"], 420);
    assert_eq!(volumes[1]["secret"]["defaultMode"], 256);
    assert_eq!(volumes[2]["projected"]["defaultMode"], 420);
    let item = &volumes[2]["projected"]["sources"][0]["downwardAPI"]["items"][0];
    assert_eq!(item["fieldRef"]["apiVersion"], "v1");
}
