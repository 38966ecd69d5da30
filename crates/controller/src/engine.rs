//! The engine's facts, kept in order.
//!
//! Observations are asked for concurrently and may arrive late. A late one must never hide what an action has done
//! since: each observation remembers when it was asked for, and one that was asked for before an action on the same
//! pod ended, or before a newer observation that has arrived, is dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use plan::facts::{Container, PodKey, Room, Volume};

use crate::runtime::Observed;

/// A position in the order of questions and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked(u64);

/// Gives out positions. Clones share the order, so that a question can be numbered when it is put, wherever that is.
#[derive(Clone, Debug, Default)]
pub struct Order(Arc<AtomicU64>);

impl Order {
    /// Marks the moment at which a question is put to the engine.
    pub fn ask(&self) -> Asked {
        Asked(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Whether the engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Voice {
    /// Nothing was asked yet, or the first answer is on its way.
    #[default]
    Unheard,
    /// It has answered, and not fallen silent since.
    Answers,
    /// It does not, and why.
    Silent(String),
}

/// What is known of the engine.
#[derive(Debug, Default)]
pub struct View {
    containers: BTreeMap<PodKey, Vec<Container>>,
    volumes: BTreeMap<String, Volume>,
    /// Names of the volumes that are a pod's own scratch space, by pod.
    scratch: BTreeMap<PodKey, BTreeSet<String>>,
    mounted: BTreeSet<String>,
    /// Volumes that the engine has said it removed, since it was asked for all of them last.
    removed: BTreeSet<String>,
    /// Whether it answers.
    voice: Voice,
    order: Order,
    /// For each pod, facts asked for before this are too old.
    fresh_from: BTreeMap<PodKey, Asked>,
    /// The same for everything else.
    volumes_fresh_from: Asked,
}

impl View {
    /// The order of questions to the engine.
    pub fn order(&self) -> Order {
        self.order.clone()
    }

    /// Whether the engine answers; while it does not, nothing may be concluded from the facts.
    pub fn is_answering(&self) -> bool {
        self.voice == Voice::Answers
    }

    /// Why the engine does not answer; `None` where it does, or was not asked yet.
    pub fn silence(&self) -> Option<&str> {
        match &self.voice {
            Voice::Silent(why) => Some(why),
            Voice::Unheard | Voice::Answers => None,
        }
    }

    /// Notes that the engine has fallen silent; returns whether that is news. The first reason stays: those that
    /// follow while it goes on tell nothing new.
    pub fn fell_silent(&mut self, why: &str) -> bool {
        let is_news = self.silence().is_none();
        if is_news {
            self.voice = Voice::Silent(why.to_owned());
        }
        is_news
    }

    /// The containers of a pod, of whatever uid.
    pub fn containers(&self, pod: &PodKey) -> &[Container] {
        self.containers.get(pod).map_or(&[], Vec::as_slice)
    }

    /// Every identity that has a container.
    pub fn pods(&self) -> impl Iterator<Item = &PodKey> {
        self.containers.keys()
    }

    /// The volumes, or `None` while the engine is silent.
    pub fn volumes(&self) -> Option<&BTreeMap<String, Volume>> {
        self.is_answering().then_some(&self.volumes)
    }

    /// Names of volumes that some container mounts.
    pub fn mounted(&self) -> &BTreeSet<String> {
        &self.mounted
    }

    /// Names of volumes that the engine has said are gone, since it was asked for all of them last.
    pub fn removed(&self) -> &BTreeSet<String> {
        &self.removed
    }

    /// Names of the volumes that belong to a pod's own scratch space.
    pub fn scratch(&self, pod: &PodKey) -> Vec<String> {
        self.scratch.get(pod).into_iter().flatten().cloned().collect()
    }

    /// Every identity that has scratch space.
    pub fn scratch_pods(&self) -> impl Iterator<Item = &PodKey> {
        self.scratch.keys()
    }

    /// Takes in an answer about everything, and returns the pods whose facts differ; and the names of the volumes that came,
    /// went or changed, `None` where nothing is different about any, nor which are mounted.
    pub fn observed(&mut self, asked: Asked, observed: Observed) -> (BTreeSet<PodKey>, Option<BTreeSet<String>>) {
        self.voice = Voice::Answers;
        let mut changed = BTreeSet::new();
        let known: BTreeSet<PodKey> =
            self.containers.keys().chain(observed.engine.containers.keys()).cloned().collect();
        let mut containers = observed.engine.containers;
        for pod in known {
            let facts = containers.remove(&pod).unwrap_or_default();
            if self.observed_pod(asked, &pod, facts) {
                changed.insert(pod);
            }
        }
        let mut volumes_changed = None;
        if asked >= self.volumes_fresh_from {
            self.volumes_fresh_from = asked;
            if self.volumes != observed.engine.volumes || self.mounted != observed.mounted {
                let after = &observed.engine.volumes;
                let names = self.volumes.keys().chain(after.keys());
                let differing = names.filter(|name| self.volumes.get(*name) != after.get(*name));
                volumes_changed = Some(differing.cloned().collect());
            }
            self.volumes = observed.engine.volumes;
            self.scratch.clear();
            for volume in self.volumes.values() {
                if let Some(pod) = whose_scratch(volume) {
                    self.scratch.entry(pod).or_default().insert(volume.name.clone());
                }
            }
            self.mounted = observed.mounted;
            self.removed.clear();
        }
        (changed, volumes_changed)
    }

    /// Takes in an answer about one pod, and returns whether its facts differ.
    pub fn observed_pod(&mut self, asked: Asked, pod: &PodKey, facts: Vec<Container>) -> bool {
        let fresh_from = self.fresh_from.entry(pod.clone()).or_default();
        if asked < *fresh_from {
            return false;
        }
        *fresh_from = asked;
        let before = if facts.is_empty() {
            self.containers.remove(pod).unwrap_or_default()
        } else {
            self.containers.insert(pod.clone(), facts).unwrap_or_default()
        };
        before != self.containers(pod)
    }

    /// Notes that an action on a pod had ended at this moment: facts asked for before are too old.
    pub fn acted(&mut self, ended: Asked, pod: &PodKey) {
        let fresh_from = self.fresh_from.entry(pod.clone()).or_default();
        *fresh_from = ended.max(*fresh_from);
    }

    /// Takes in what a successful action on volumes did, ahead of the next observation.
    pub fn volume_created(&mut self, name: &str, labels: &BTreeMap<String, String>, room: Room) {
        self.volumes_fresh_from = self.order.ask();
        self.removed.remove(name);
        let volume = Volume { name: name.to_owned(), labels: labels.clone(), room };
        if let Some(pod) = whose_scratch(&volume) {
            self.scratch.entry(pod).or_default().insert(name.to_owned());
        }
        self.volumes.insert(name.to_owned(), volume);
    }

    /// Takes in how much a volume holds now.
    pub fn volume_grown(&mut self, name: &str, room: Room) {
        self.volumes_fresh_from = self.order.ask();
        if let Some(volume) = self.volumes.get_mut(name) {
            volume.room = room;
        }
    }

    /// Takes in the removal of a volume.
    pub fn volume_removed(&mut self, name: &str) {
        self.volumes_fresh_from = self.order.ask();
        let pod = self.volumes.remove(name).as_ref().and_then(whose_scratch);
        if let Some(pod) = pod
            && let Some(names) = self.scratch.get_mut(&pod)
        {
            names.remove(name);
            if names.is_empty() {
                self.scratch.remove(&pod);
            }
        }
        self.mounted.remove(name);
        self.removed.insert(name.to_owned());
    }

    /// Forgets the order of questions about pods that no longer exist anywhere, so that it does not grow for ever.
    pub fn forget(&mut self, exists: impl Fn(&PodKey) -> bool) {
        let containers = &self.containers;
        self.fresh_from.retain(|pod, _| containers.contains_key(pod) || exists(pod));
    }
}

/// The pod whose scratch space a volume is.
fn whose_scratch(volume: &Volume) -> Option<PodKey> {
    Some(PodKey { namespace: volume.labels.get("namespace")?.clone(), name: volume.labels.get("pod")?.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::facts::{Owner, Role, State};

    fn key() -> PodKey {
        PodKey { namespace: "default".into(), name: "web-0".into() }
    }

    fn sandbox(id: &str) -> Container {
        Container {
            id: id.into(),
            owner: Owner { pod: key(), uid: "u".into(), role: Role::Sandbox, container: "POD".into(), attempt: 0 },
            state: State::Created,
            image_id: String::new(),
            address: None,
            sandbox: None,
        }
    }

    #[test]
    fn an_answer_from_before_an_action_is_dropped() {
        let mut view = View::default();
        let before = view.order().ask();
        let ended = view.order().ask();
        view.acted(ended, &key());
        let after = view.order().ask();
        assert!(view.observed_pod(after, &key(), vec![sandbox("new")]));
        assert!(!view.observed_pod(before, &key(), vec![]));
        assert_eq!(view.containers(&key()), [sandbox("new")]);
    }

    #[test]
    fn of_two_answers_the_one_that_was_asked_for_later_stays() {
        let mut view = View::default();
        let (first, second) = (view.order().ask(), view.order().ask());
        let everything = |id: &str| Observed {
            engine: plan::facts::Engine { containers: [(key(), vec![sandbox(id)])].into(), volumes: BTreeMap::new() },
            mounted: BTreeSet::new(),
        };
        assert_eq!(view.observed(second, everything("b")), ([key()].into(), None));
        assert_eq!(view.observed(first, everything("a")), (BTreeSet::new(), None));
        assert_eq!(view.containers(&key()), [sandbox("b")]);
    }

    #[test]
    fn silence_hides_the_volumes_and_keeps_the_containers() {
        let mut view = View::default();
        let asked = view.order().ask();
        view.observed(asked, Observed::default());
        let asked = view.order().ask();
        view.observed_pod(asked, &key(), vec![sandbox("a")]);
        assert!(view.fell_silent("connection refused"));
        assert!(!view.fell_silent("no such socket"));
        assert_eq!(view.silence(), Some("connection refused"));
        assert_eq!(view.volumes(), None);
        assert_eq!(view.containers(&key()), [sandbox("a")]);
    }
}
