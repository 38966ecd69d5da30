//! What a container may use of the machine and how it is confined, in Docker's words.

use bollard::{errors::Error, models::HostConfig};
use plan::action::{CPU_PERIOD_MICROS, Confinement, Resources};

use crate::failure::status;

/// Adds to what is asked of the engine for a container.
pub(crate) fn confined(resources: &Resources, confinement: &Confinement, config: HostConfig) -> HostConfig {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let memory = resources.memory.map(signed);
    let quota = resources.cpu_quota_micros.map(signed);
    let mut options = Vec::new();
    if confinement.no_new_privileges {
        options.push("no-new-privileges".to_owned());
    }
    if confinement.without_seccomp {
        options.push("seccomp=unconfined".to_owned());
    }
    let groups: Vec<String> = confinement.groups.iter().map(ToString::to_string).collect();
    HostConfig {
        memory,
        // Of memory and swap together, so nothing is left to be swapped out.
        memory_swap: memory,
        cpu_shares: resources.cpu_shares.map(signed),
        cpu_period: quota.map(|_| signed(CPU_PERIOD_MICROS)),
        // Not in whole processors: Docker refuses more of them than the machine has.
        cpu_quota: quota,
        oom_score_adj: Some(resources.oom_score_adj.into()),
        group_add: (!groups.is_empty()).then_some(groups),
        security_opt: (!options.is_empty()).then_some(options),
        masked_paths: confinement.unmasked.then(Vec::new),
        readonly_paths: confinement.unmasked.then(Vec::new),
        ..config
    }
}

/// Whether a start may have been refused because the engine must not protect a process from the kernel: it is not the
/// machine's root, or in a container itself. runc says so, or ends without a word.
pub(crate) fn may_not_protect(error: &Error) -> bool {
    let text = error.to_string();
    status(error).is_some()
        && ["oom_score_adj", "final child's PID from pipe: EOF"].iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_the_engine_takes_them() {
        let resources = Resources {
            memory: Some(64 << 20),
            cpu_shares: Some(256),
            cpu_quota_micros: Some(400_000),
            oom_score_adj: 968,
        };
        let config = confined(&resources, &Confinement::default(), HostConfig::default());
        let expected = HostConfig {
            memory: Some(64 << 20),
            memory_swap: Some(64 << 20),
            cpu_shares: Some(256),
            cpu_period: Some(100_000),
            cpu_quota: Some(400_000),
            oom_score_adj: Some(968),
            ..HostConfig::default()
        };
        assert_eq!(config, expected);
        let config = confined(&Resources::default(), &Confinement::default(), HostConfig::default());
        assert_eq!(config, HostConfig { oom_score_adj: Some(0), ..HostConfig::default() });
    }

    #[test]
    fn confinement_is_told_as_the_engine_takes_it() {
        let confinement = Confinement {
            groups: vec![2000, 7],
            no_new_privileges: true,
            without_seccomp: true,
            unmasked: true,
            ..Confinement::default()
        };
        let config = confined(&Resources::default(), &confinement, HostConfig::default());
        assert_eq!(config.group_add, Some(vec!["2000".to_owned(), "7".to_owned()]));
        assert_eq!(config.security_opt, Some(vec!["no-new-privileges".to_owned(), "seccomp=unconfined".to_owned()]));
        assert_eq!((config.masked_paths, config.readonly_paths), (Some(Vec::new()), Some(Vec::new())));
    }
}
