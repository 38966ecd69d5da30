//! What running containers use, as the engine counts it.

use std::collections::{BTreeMap, BTreeSet};

use bollard::{errors::Error, models::ContainerSummaryStateEnum};
use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use plan::facts::{Owner, Role};
use serde::Deserialize;

use crate::{
    Docker, Engine,
    connect::READ_TIMEOUT,
    failure::status,
    names,
    streams::{StreamError, engine_error},
};

/// Containers that are measured at once, for all who ask: the engine takes a second for each, and for these together as
/// long, for it mostly waits.
pub(crate) const MEASURED_MAX: usize = 64;

/// The engine's counters of one container, in octets.
const COUNTERS_BYTES_MAX: usize = 1024 * 1024;

/// No measurement takes longer; a longer one began before there was anything to count.
const WINDOW_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What a container used while it was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The uid of its pod.
    pub pod_uid: String,
    /// Its name in the pod's spec.
    pub container: String,
    /// Billionths of a core, on average.
    pub cpu_nanos: u64,
    /// The working set, in octets: what is in use, less the file pages that were not used lately.
    pub memory_bytes: u64,
    /// When the measurement ended.
    pub at: Timestamp,
    /// How long it took.
    pub window: SignedDuration,
}

impl Docker {
    /// What the running containers of these pods use, sandboxes left out. Measuring takes a second or two. A container that
    /// ends meanwhile is left out.
    pub async fn usage(&self, uids: &BTreeSet<String>) -> Result<Vec<Usage>, StreamError> {
        let listed = self.list_labelled(&[]).await.map_err(engine_error)?;
        let running = listed.into_iter().filter_map(|entry| {
            let owner = names::owner(&self.instance, entry.labels.as_ref()?)?;
            let is_running = entry.state == Some(ContainerSummaryStateEnum::RUNNING);
            let is_wanted = owner.role != Role::Sandbox && uids.contains(&owner.uid);
            (is_running && is_wanted).then_some((owner, entry.id?))
        });
        stream::iter(running)
            .map(|(owner, id)| async move {
                let _turn = self.measurements.acquire().await.ok();
                match self.engine.counters(&id).await {
                    Ok(counters) => Ok(counters.usage(owner)),
                    // It is gone, or on its way.
                    Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(None),
                    Err(error) => Err(engine_error(error)),
                }
            })
            .buffer_unordered(MEASURED_MAX)
            .try_filter_map(|usage| async { Ok(usage) })
            .try_collect()
            .await
    }
}

impl Engine {
    /// The counters of a container, twice with a second in between.
    async fn counters(&self, id: &str) -> Result<Counters, Error> {
        let body = async {
            let response = self.wire.get(&format!("/containers/{id}/stats?stream=0")).await?;
            let body = Limited::new(response.into_body(), COUNTERS_BYTES_MAX).collect().await;
            Ok::<_, Error>(body.map_err(std::io::Error::other)?.to_bytes())
        };
        let body = tokio::time::timeout(READ_TIMEOUT, body).await.map_err(|_| Error::RequestTimeoutError)??;
        serde_json::from_slice(&body).map_err(Error::from)
    }
}

/// `GET /containers/{id}/stats`, as far as it is read. Of a container that has just ended it holds nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counters {
    read: Option<Timestamp>,
    preread: Option<Timestamp>,
    cpu_stats: Cpu,
    precpu_stats: Cpu,
    memory_stats: Memory,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cpu {
    cpu_usage: CpuUsage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CpuUsage {
    /// Nanoseconds of a core since the container started.
    total_usage: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Memory {
    usage: Option<u64>,
    stats: BTreeMap<String, u64>,
}

impl Counters {
    /// `None` where the container did not run all the while.
    fn usage(&self, owner: Owner) -> Option<Usage> {
        let (at, before) = (self.read?, self.preread?);
        let window = at.duration_since(before);
        if window <= SignedDuration::ZERO || window > WINDOW_MAX {
            return None;
        }
        let spent = self.cpu_stats.cpu_usage.total_usage.checked_sub(self.precpu_stats.cpu_usage.total_usage)?;
        let in_use = self.memory_stats.usage?;
        // cgroup v1 counts a group's own pages apart from those of all below it; v2 has one figure.
        let stats = &self.memory_stats.stats;
        let unused =
            stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied().unwrap_or_default();
        Some(Usage {
            pod_uid: owner.uid,
            container: owner.container,
            cpu_nanos: u64::try_from(i128::from(spent) * 1_000_000_000 / window.as_nanos()).ok()?,
            memory_bytes: in_use.saturating_sub(unused),
            at,
            window,
        })
    }
}

#[cfg(test)]
mod tests {
    use plan::facts::PodKey;
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> Owner {
        Owner {
            pod: PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() },
            uid: "u".to_owned(),
            container: "app".to_owned(),
            role: Role::App,
            attempt: 0,
        }
    }

    fn used(counters: Value) -> Option<(u64, u64)> {
        let counters: Counters = serde_json::from_value(counters).unwrap();
        counters.usage(owner()).map(|usage| (usage.cpu_nanos, usage.memory_bytes))
    }

    fn counters(memory: &Value) -> Value {
        json!({
            "read": "2026-01-01T12:00:02.5Z", "preread": "2026-01-01T12:00:01.5Z", "num_procs": 0,
            "cpu_stats": {"cpu_usage": {"total_usage": 1_250_000_000, "percpu_usage": [1, 2]}, "online_cpus": 2},
            "precpu_stats": {"cpu_usage": {"total_usage": 1_000_000_000}},
            "memory_stats": memory,
        })
    }

    #[test]
    fn memory_that_nobody_misses_is_not_in_use() {
        for (stats, expected) in [
            (json!({"total_inactive_file": 600, "inactive_file": 500, "cache": 900}), 400),
            (json!({"inactive_file": 500, "file": 900}), 500),
            (json!({"inactive_file": 5000}), 0),
            (json!({}), 1000),
        ] {
            assert_eq!(used(counters(&json!({"usage": 1000, "stats": stats}))), Some((250_000_000, expected)));
        }
    }

    #[test]
    fn a_container_that_did_not_run_all_the_while_is_left_out() {
        assert_eq!(used(counters(&json!({}))), None, "the engine has no figure any more");
        let mut ended = counters(&json!({"usage": 1000}));
        ended["read"] = json!("0001-01-01T00:00:00Z");
        assert_eq!(used(ended), None, "it had ended before");
        let mut once = counters(&json!({"usage": 1000}));
        once["precpu_stats"]["cpu_usage"]["total_usage"] = json!(2_000_000_000);
        assert_eq!(used(once), None, "another one was counted before");
        let mut first = counters(&json!({"usage": 1000}));
        first["preread"] = json!("0001-01-01T00:00:00Z");
        assert_eq!(used(first).map(|(cpu, _)| cpu), None, "it was counted only once");
    }
}
