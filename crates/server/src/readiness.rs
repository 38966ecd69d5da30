//! Whether the daemon is ready, check by check.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

/// How to find out the present result of a check; the error says why it fails.
type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Named checks with their present results, as `/readyz` shows them. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
}

/// What the checks come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) is_ready: bool,
    /// A line per check, and a last one for all, as Kubernetes prints them.
    pub(crate) text: String,
}

impl Readiness {
    /// Adds a check that is asked whenever somebody wants to know. It must not block.
    pub fn ask(&self, check: &'static str, result: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(check, Arc::new(result));
    }

    /// Notes the result of a check, which stays until the next one is noted.
    pub fn set(&self, check: &'static str, result: Result<(), String>) {
        self.ask(check, move || result.clone());
    }

    /// Whether all checks pass.
    pub fn is_ready(&self) -> bool {
        self.report("readyz").is_ready
    }

    pub(crate) fn report(&self, endpoint: &str) -> Report {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = "[+]ping ok\n".to_owned();
        let mut is_ready = true;
        for (check, ask) in checks.iter() {
            let result = ask();
            // Writing to a string does not fail.
            let _ = match &result {
                Ok(()) => writeln!(text, "[+]{check} ok"),
                Err(reason) => writeln!(text, "[-]{check} failed: {reason}"),
            };
            is_ready &= result.is_ok();
        }
        let _ = writeln!(text, "{endpoint} check {}", if is_ready { "passed" } else { "failed" });
        Report { is_ready, text }
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Readiness").field(&self.report("readyz").text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failing_check_makes_it_unready_and_says_why() {
        let readiness = Readiness::default();
        assert!(readiness.is_ready());
        readiness.set("docker", Err("cannot connect to /var/run/docker.sock".to_owned()));
        readiness.set("store", Ok(()));
        assert_eq!(
            readiness.report("readyz"),
            Report {
                is_ready: false,
                text:
                    "[+]ping ok\n[-]docker failed: cannot connect to /var/run/docker.sock\n[+]store ok\nreadyz check \
                       failed\n"
                        .to_owned(),
            }
        );
        readiness.set("docker", Ok(()));
        assert!(readiness.is_ready());
    }
}
