//! Probes over gRPC, of a real server: etcd's.

use anyhow::{Result, ensure};
use petset_integration::World;

use super::{contains, nothing_is_left, until, until_ready};

/// A member alone, whose server is asked after this service.
fn member(name: &str, service: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: etcd
    image: quay.io/coreos/etcd:v3.4.23
    command: [etcd, --data-dir=/data, --listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://127.0.0.1:2379]
    readinessProbe: {{grpc: {{port: 2379, service: \"{service}\"}}, periodSeconds: 1}}
    volumeMounts: [{{name: data, mountPath: /data}}]
  volumes: [{{name: data, emptyDir: {{}}}}]
"
    )
}

#[test]
fn a_server_of_grpc_is_ready_when_it_says_so_itself() -> Result<()> {
    let mut world = World::start("grpc")?;
    world.apply(&(member("known", "") + "---" + &member("unknown", "nobody")))?;
    until_ready(&mut world, "known")?;
    world.eventually("etcd knows no such service, and says so", |world| {
        contains(&world.events_of("unknown")?.concat(), "Readiness probe failed: error: health rpc probe failed")
    })?;
    until(&mut world, "unknown", "it runs and is not Ready", |pod| {
        let container = &pod["status"]["containerStatuses"][0];
        ensure!(!container["state"]["running"].is_null() && container["ready"] == false, "{container}");
        Ok(())
    })?;
    world.petctl(&["delete", "pod", "known", "unknown"])?;
    nothing_is_left(&mut world)
}
