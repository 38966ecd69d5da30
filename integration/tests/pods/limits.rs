//! What containers may use of the machine.

use anyhow::{Context, Result, ensure};
use petset_integration::World;
use serde_json::Value;

use crate::{contains, until};

/// Neither may be protected from the kernel where the engine itself may not protect anybody.
const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "exec dd if=/dev/zero of=/dev/null bs=200M"]
    resources: {requests: {cpu: 250m}, limits: {memory: 24Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: held}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: busybox:1
    command: [sleep, "1000000"]
    resources: {limits: {cpu: 500m, memory: 64Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: free}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: app, image: "busybox:1", command: [sleep, "1000000"]}]
"#;

#[test]
fn a_container_gets_no_more_than_its_limits_and_says_when_it_was_killed_for_memory() -> Result<()> {
    let mut world = World::start("limits")?;
    world.apply(MANIFEST)?;
    let pod = until(&mut world, "greedy", "it was killed for its memory and started again", |pod| {
        let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
        ensure!(last["reason"] == "OOMKilled" && last["exitCode"] == 137, "{}", pod["status"]);
        Ok(())
    })?;
    ensure!(pod["status"]["qosClass"] == "Burstable", "{}", pod["status"]);
    contains(&world.petctl(&["describe", "pod", "greedy"])?, "OOMKilled")?;
    // It is killed again and again, and its oldest container goes each time.
    let asked = world.eventually("one of its containers is there", |world| {
        let pod = world.json(&["get", "pod", "greedy"])?;
        let attempt = pod["status"]["containerStatuses"][0]["restartCount"].as_u64().context("a count")?;
        let name = world.container("greedy", "app", u32::try_from(attempt)?);
        let told = world.docker(&["inspect", "--format", "{{json .HostConfig}}", &name])?;
        serde_json::from_str::<Value>(&told).context("JSON")
    })?;
    let of = |name: &str| asked[name].as_i64();
    ensure!((of("Memory"), of("MemorySwap")) == (Some(24 << 20), Some(24 << 20)), "{asked}");
    ensure!((of("CpuShares"), of("CpuQuota")) == (Some(256), Some(0)), "{asked}");

    for (name, class) in [("held", "Guaranteed"), ("free", "BestEffort")] {
        let pod = crate::until_ready(&mut world, name)?;
        ensure!(pod["status"]["qosClass"] == class, "{}", pod["status"]);
    }
    let sh = |pod: &str, script: &str| world.petctl(&["exec", pod, "--", "sh", "-c", script]);
    let memory = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true";
    ensure!(sh("held", memory)?.trim() == (64 << 20).to_string(), "{}", sh("held", memory)?);
    let quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null || true";
    ensure!(sh("held", quota)?.starts_with("50000"), "{}", sh("held", quota)?);
    let score = |pod: &str| -> Result<i32> { Ok(sh(pod, "cat /proc/1/oom_score_adj")?.trim().parse()?) };
    ensure!(score("free")? == 1000, "{}", score("free")?);
    // An engine that is not the machine's root may raise it only.
    ensure!([-997, 0].contains(&score("held")?), "{}", score("held")?);
    Ok(())
}
