//! The real engine under fire: what breaks it, who breaks it by hand, and a storm of kills. Each story ends in the state
//! that was asked for, or in a condition, a wait and an event that say what to do.

mod by_hand;
mod proxy;
mod resources;
mod silence;
mod storm;

use anyhow::{Result, ensure};

/// A set `web` of pets that end at once when told to, each with a volume in which it writes its name, and which refuses
/// a volume with another's name in it.
pub(crate) fn set(name: &str, replicas: usize) -> String {
    format!(
        r#"
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{clusterIP: None, selector: {{app: {name}}}, ports: [{{port: 80, name: http}}]}}
---
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: {replicas}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{pod.alpha.kubernetes.io/initialized: "true"}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: pet
        image: busybox:1
        command:
        - sh
        - -c
        - |
          me=$(hostname)
          test ! -e /data/owner || test "$(cat /data/owner)" = "$me" || {{ echo "$me has the volume of $(cat /data/owner)"; exit 9; }}
          echo $me > /data/owner
          trap 'exit 0' TERM
          sleep 1000000 & wait
        volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
  - metadata:
      name: data
      annotations: {{volume.alpha.kubernetes.io/storage-class: anything}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Mi}}}}}}
"#
    )
}

/// A pod that ends at once when told to.
pub(crate) fn pod(name: &str, more: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep 1000000 & wait"]
{more}
"#
    )
}

/// Whether one of these texts has a part.
pub(crate) fn said(texts: &[String], part: &str) -> Result<()> {
    ensure!(texts.iter().any(|text| text.contains(part)), "nobody says {part:?}: {texts:#?}");
    Ok(())
}
