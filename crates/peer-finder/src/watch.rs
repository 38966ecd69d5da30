//! When a script is due.

use std::collections::BTreeSet;

use crate::{flags::Flags, lookup::LookupError};

/// What is to be done about what a look showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Run this script with these peers.
    Run {
        script: String,
        peers: BTreeSet<String>,
    },
    /// Say why nothing is run; each reason is said once.
    Say(String),
    Nothing,
}

/// What has been seen so far: first the start script is due, then with each change the other one.
pub(crate) struct Watch {
    flags: Flags,
    /// This pod's own full name.
    own: String,
    peers: BTreeSet<String>,
    is_started: bool,
    said: String,
}

impl Watch {
    pub(crate) fn new(flags: Flags, own: String) -> Watch {
        Watch { flags, own, peers: BTreeSet::new(), is_started: false, said: String::new() }
    }

    pub(crate) fn service(&self) -> &str {
        &self.flags.service
    }

    /// Whether no script will ever be due: the start script has run, and there is none for changes.
    pub(crate) fn is_over(&self) -> bool {
        self.script().is_empty()
    }

    fn script(&self) -> &str {
        let is_first = !self.is_started && !self.flags.on_start.is_empty();
        if is_first { &self.flags.on_start } else { &self.flags.on_change }
    }

    /// What the names that a look showed ask for. A list without this pod's own name is not complete: nobody acts on it.
    pub(crate) fn see(&mut self, look: Result<BTreeSet<String>, LookupError>) -> Due {
        match look {
            Err(error) => self.say(error.to_string()),
            Ok(peers) if !peers.contains(&self.own) => {
                let list: Vec<&str> = peers.iter().map(String::as_str).collect();
                self.say(format!("{} is not among the peers yet; there are: {}", self.own, list.join(", ")))
            }
            Ok(peers) if peers == self.peers => {
                self.said.clear();
                Due::Nothing
            }
            Ok(peers) => Due::Run { script: self.script().to_owned(), peers },
        }
    }

    /// A script has ended well.
    pub(crate) fn has_run(&mut self, peers: BTreeSet<String>) {
        self.peers = peers;
        self.is_started = true;
        self.said.clear();
    }

    fn say(&mut self, text: String) -> Due {
        if text == self.said {
            return Due::Nothing;
        }
        self.said.clone_from(&text);
        Due::Say(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(on_start: &str, on_change: &str) -> Watch {
        let flags =
            Flags { on_start: on_start.into(), on_change: on_change.into(), service: "ub".into(), ..Flags::default() };
        Watch::new(flags, "vm-0.ub".into())
    }

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Looks, and lets the script that is due run well.
    fn step(watch: &mut Watch, list: &[&str]) -> Option<String> {
        match watch.see(Ok(names(list))) {
            Due::Run { script, peers } => {
                assert_eq!(peers, names(list));
                watch.has_run(peers);
                Some(script)
            }
            Due::Say(_) | Due::Nothing => None,
        }
    }

    #[test]
    fn the_start_script_waits_for_the_own_name_and_runs_once() {
        let mut watch = watch("start", "");
        assert_eq!(
            watch.see(Err(LookupError::None("ub".into()))),
            Due::Say("no peer of ub has an SRV record yet".into())
        );
        assert_eq!(watch.see(Err(LookupError::None("ub".into()))), Due::Nothing);
        let told = watch.see(Ok(names(&["vm-1.ub", "vm-2.ub"])));
        assert_eq!(told, Due::Say("vm-0.ub is not among the peers yet; there are: vm-1.ub, vm-2.ub".into()));
        assert!(!watch.is_over());
        assert_eq!(step(&mut watch, &["vm-1.ub", "vm-0.ub"]), Some("start".into()));
        assert!(watch.is_over());
    }

    #[test]
    fn the_change_script_runs_with_each_other_set_and_only_then() {
        let mut watch = watch("start", "change");
        assert_eq!(step(&mut watch, &["vm-0.ub"]), Some("start".into()));
        assert_eq!(step(&mut watch, &["vm-0.ub"]), None);
        assert_eq!(step(&mut watch, &["vm-0.ub", "vm-1.ub"]), Some("change".into()));
        assert_eq!(step(&mut watch, &["vm-1.ub"]), None, "a list without the own name is not complete");
        assert_eq!(step(&mut watch, &["vm-0.ub", "vm-1.ub"]), None);
        assert_eq!(step(&mut watch, &["vm-0.ub"]), Some("change".into()));
        assert!(!watch.is_over());
    }

    #[test]
    fn the_change_script_alone_runs_at_the_start_as_well() {
        let mut watch = watch("", "change");
        assert_eq!(step(&mut watch, &["vm-0.ub"]), Some("change".into()));
        assert_eq!(step(&mut watch, &["vm-0.ub", "vm-1.ub"]), Some("change".into()));
        assert!(!watch.is_over());
    }
}
