//! Actions under way, and what comes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plan::{
    Action, Note,
    action::{Done, Failure},
    facts::{Container, PodKey, Room},
    pod::{self, Image},
};

use super::Controller;
use crate::{
    engine::Asked,
    runtime::{Clock, Observed, Runtime, Unserved},
    world::{Unit, claims_of},
};

/// What comes back from the engine.
pub(super) enum Answer {
    /// What there is.
    Everything { asked: Asked, result: Result<Observed, Failure> },
    /// What there is of one pod.
    Pod { asked: Asked, pod: PodKey, result: Result<Vec<Container>, Failure> },
    /// Which images there are.
    Images { references: BTreeSet<String>, result: Result<BTreeMap<String, Image>, Failure> },
    /// How an action on a pod ended, and what there is of the pod since.
    Acted {
        pod: PodKey,
        action: Action,
        result: Result<Done, Failure>,
        ended: Asked,
        facts: Option<Result<Vec<Container>, Failure>>,
    },
    /// What of the frontends that were told is not served.
    Served { result: Result<Unserved, Failure> },
    /// How an action on a claim's volume ended.
    Volume { action: Action, result: Result<Done, Failure> },
}

impl<R: Runtime, C: Clock> Controller<R, C> {
    /// Begins an action on a pod.
    pub(super) fn act_on_pod(&mut self, key: &PodKey, action: Action) {
        let memory = self.memories.entry(key.clone()).or_default();
        pod::begin(memory, &action, self.clock.now());
        let (runtime, order, pod) = (Arc::clone(&self.runtime), self.engine.order(), key.clone());
        self.answers.push(Box::pin(async move {
            let result = runtime.act(&action).await;
            let ended = order.ask();
            // The pod is not planned before the facts show what the action did.
            let facts = match &action {
                Action::Probe(_) => None,
                _ => Some(runtime.observe_pod(&pod).await),
            };
            Answer::Acted { pod, action, result, ended, facts }
        }));
    }

    /// Begins to make, grow or remove a claim's volume, unless that is under way.
    pub(super) fn act_on_volume(&mut self, action: Action) {
        let name = match &action {
            Action::CreateVolume { name, .. } | Action::GrowVolume { name, .. } | Action::RemoveVolume { name } => {
                name.clone()
            }
            _ => return,
        };
        if !self.asking.volumes.insert(name) {
            return;
        }
        let runtime = Arc::clone(&self.runtime);
        self.answers.push(Box::pin(async move {
            let result = runtime.act(&action).await;
            Answer::Volume { action, result }
        }));
    }

    /// Takes in an answer.
    pub(super) async fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Everything { asked, result } => self.observed_everything(asked, result),
            Answer::Pod { asked, pod, result } => self.observed_pod(asked, pod, result),
            Answer::Images { references, result } => self.know_images(&references, result),
            Answer::Served { result } => self.served(result),
            Answer::Volume { action, result } => self.volume_done(&action, &result),
            Answer::Acted { pod, action, result, ended, facts } => {
                if let Some(facts) = facts {
                    self.engine.acted(ended, &pod);
                    self.volumes_touched(Some(&pod), &action, &result);
                    match facts {
                        Ok(facts) => drop(self.engine.observed_pod(ended, &pod, facts)),
                        Err(failure) => self.engine_failed(&failure),
                    }
                }
                let notes = self.record(&pod, &action, &result);
                self.tell(notes).await;
                self.dirty.insert(Unit::Pod(pod));
            }
        }
    }

    /// Folds a result into what is remembered of the pod.
    fn record(&mut self, key: &PodKey, action: &Action, result: &Result<Done, Failure>) -> Vec<Note> {
        let now = self.clock.now();
        match result {
            Ok(_) => tracing::debug!(pod = %key, action = name_of(action), "done"),
            Err(failure) => tracing::info!(pod = %key, action = name_of(action), ?failure, "failed"),
        }
        match (action, result) {
            (Action::PullImage { image, .. }, Ok(_)) => drop(self.images.remove(image)),
            (Action::StartContainer(start), Err(Failure::Image(_))) => drop(self.images.remove(&start.image)),
            // What a start needs may have been taken away since the last look: a volume, a network.
            (_, Err(Failure::Silent(_)))
            | (Action::StartContainer(_) | Action::WriteFiles(_), Err(Failure::Refused(_))) => {
                self.observe_everything();
            }
            _ => {}
        }
        let pod = self.world.pods.get(&key.namespace, &key.name);
        let memory = self.memories.entry(key.clone()).or_default();
        pod::record(memory, pod, action, result, now)
    }

    /// `pod` is whose container it was that the action was about.
    fn volumes_touched(&mut self, pod: Option<&PodKey>, action: &Action, result: &Result<Done, Failure>) {
        match (action, result) {
            (Action::CreateVolume { name, labels, .. }, Ok(Done::Made(room))) => {
                self.engine.volume_created(name, labels, room.clone());
            }
            (Action::GrowVolume { name, .. }, Ok(Done::Made(room))) => self.engine.volume_grown(name, room.clone()),
            (Action::WriteFiles(write), Ok(_)) => {
                for volume in &write.volumes {
                    self.engine.volume_created(&volume.name, &volume.labels, Room::Disk);
                }
            }
            (Action::RemoveVolume { name }, Ok(_)) => self.engine.volume_removed(name),
            // Which volumes are mounted has changed: a claim's volume may be free to go.
            (Action::Remove { .. }, Ok(_)) if pod.is_none_or(|pod| self.may_mount(pod)) => self.observe_everything(),
            _ => {}
        }
    }

    /// Whether containers of this identity may mount volumes of the engine: all but those of a pod that is known and has none.
    fn may_mount(&self, pod: &PodKey) -> bool {
        let object = self.world.pods.get(&pod.namespace, &pod.name);
        let uid = object.and_then(|object| object.metadata.uid.as_deref());
        let is_older = |container: &Container| Some(container.owner.uid.as_str()) != uid;
        object.is_none_or(|object| claims_of(object).next().is_some())
            || !self.engine.scratch(pod).is_empty()
            || self.engine.containers(pod).iter().any(is_older)
    }

    fn volume_done(&mut self, action: &Action, result: &Result<Done, Failure>) {
        if let Action::CreateVolume { name, .. } | Action::GrowVolume { name, .. } | Action::RemoveVolume { name } =
            action
        {
            self.asking.volumes.remove(name);
            match result {
                // Of silence the claims know.
                Err(Failure::Silent(_)) => {}
                Err(Failure::Refused(why) | Failure::Taken(why) | Failure::Image(why) | Failure::AddressTaken(why)) => {
                    drop(self.refusals.insert(name.clone(), why.clone()));
                }
                Ok(_) => drop(self.refusals.remove(name)),
            }
        }
        self.volumes_touched(None, action, result);
        match result {
            Ok(_) => drop(self.dirty.insert(Unit::Claims)),
            Err(failure) => {
                tracing::warn!(?action, ?failure, "volume action failed");
                let again = self.clock.now() + super::ASKED_AGAIN_AFTER;
                self.look_again(&Unit::Claims, Some(again));
                self.observe_everything();
            }
        }
    }

    fn know_images(&mut self, references: &BTreeSet<String>, result: Result<BTreeMap<String, Image>, Failure>) {
        for reference in references {
            self.asking.images.remove(reference);
        }
        match result {
            Ok(mut have) => {
                for reference in references {
                    self.images.insert(reference.clone(), have.remove(reference));
                }
                // A pod that is Ready runs all that it is made of, and needs no image, unless for what was added to it.
                let pods = self.world.unready_with(references);
                self.dirty.extend(
                    pods.map(|(namespace, name)| {
                        Unit::Pod(PodKey { namespace: namespace.clone(), name: name.clone() })
                    }),
                );
            }
            Err(failure) => self.engine_failed(&failure),
        }
    }
}

/// A word for the log.
pub(super) fn name_of(action: &Action) -> &'static str {
    match action {
        Action::PullImage { .. } => "pull image",
        Action::CreateVolume { .. } => "create volume",
        Action::GrowVolume { .. } => "grow volume",
        Action::RemoveVolume { .. } => "remove volume",
        Action::WriteFiles(_) => "write files",
        Action::SetVolumeOwnership(_) => "set volume ownership",
        Action::StartSandbox(_) => "start sandbox",
        Action::StartContainer(_) => "start container",
        Action::Stop(_) => "stop",
        Action::Remove { .. } => "remove",
        Action::Probe(_) => "probe",
    }
}
