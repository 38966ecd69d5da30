//! Asking the engine, and taking in what it says.

use std::{collections::BTreeSet, sync::Arc};

use plan::{action::Failure, facts::PodKey, pod};

use super::{ASKED_AGAIN_AFTER, Alarm, Answer, Controller, OBSERVED_EVERY};
use crate::{
    board::Part,
    engine::Asked,
    runtime::{Clock, Hint, Observed, Runtime},
    world::Unit,
};

impl<R: Runtime, C: Clock> Controller<R, C> {
    /// Puts the question about everything, unless it is being put.
    pub(super) fn observe_everything(&mut self) {
        if std::mem::replace(&mut self.asking.everything, true) {
            return;
        }
        let (runtime, order) = (Arc::clone(&self.runtime), self.engine.order());
        self.answers.push(Box::pin(async move {
            let asked = order.ask();
            Answer::Everything { asked, result: runtime.observe().await }
        }));
    }

    /// Puts the question about one pod; where it is being put already, once more afterwards.
    pub(super) fn observe_pod(&mut self, pod: PodKey) {
        if !self.asking.pods.insert(pod.clone()) {
            self.asking.pods_again.insert(pod);
            return;
        }
        let (runtime, order) = (Arc::clone(&self.runtime), self.engine.order());
        self.answers.push(Box::pin(async move {
            let asked = order.ask();
            let result = runtime.observe_pod(&pod).await;
            Answer::Pod { asked, pod, result }
        }));
    }

    /// Asks which of these images the engine has, as far as that is not known or being asked.
    pub(super) fn ask_for_images(&mut self, references: BTreeSet<String>) {
        let new: BTreeSet<String> =
            references.into_iter().filter(|reference| self.asking.images.insert(reference.clone())).collect();
        if new.is_empty() {
            return;
        }
        let runtime = Arc::clone(&self.runtime);
        self.answers.push(Box::pin(async move {
            let result = runtime.images(&new).await;
            Answer::Images { references: new, result }
        }));
    }

    /// Follows a hint.
    pub(super) fn follow(&mut self, hint: Hint) {
        match hint {
            Hint::Pod(pod) => self.observe_pod(pod),
            // The answer that is on its way may be from before the hint.
            Hint::Everything if self.asking.everything => self.asking.everything_again = true,
            Hint::Everything => self.observe_everything(),
        }
    }

    /// Takes in what the engine says of everything.
    pub(super) fn observed_everything(&mut self, asked: Asked, result: Result<Observed, Failure>) {
        self.asking.everything = false;
        let now = self.clock.now();
        match result {
            Ok(observed) => {
                let news = !self.engine.is_answering();
                let (pods, volumes) = self.engine.observed(asked, observed);
                self.alarms.set(Alarm::Observe, now + OBSERVED_EVERY);
                // What is in the engine may have changed unseen: images are asked for again when next needed.
                self.images.clear();
                // So may the balancer.
                self.serve_again();
                if news {
                    self.board.report(Part::Engine, Ok(()));
                    tracing::info!("the engine answers");
                    self.mark_all();
                } else {
                    self.dirty.extend(pods.into_iter().map(Unit::Pod));
                    if let Some(changed) = volumes {
                        self.dirty.insert(Unit::Claims);
                        // A pod may wait for a volume, or mount one that is gone.
                        self.world.mark_users_of_volumes(&changed, &mut self.dirty);
                        self.dirty.extend(
                            self.engine
                                .scratch_pods()
                                .filter(|pod| self.engine.scratch(pod).iter().any(|name| changed.contains(name)))
                                .cloned()
                                .map(Unit::Pod),
                        );
                    }
                }
            }
            Err(failure) => self.engine_failed(&failure),
        }
        if std::mem::take(&mut self.asking.everything_again) {
            self.observe_everything();
        }
    }

    /// Takes in what the engine says of one pod.
    pub(super) fn observed_pod(
        &mut self,
        asked: Asked,
        pod: PodKey,
        result: Result<Vec<plan::facts::Container>, Failure>,
    ) {
        self.asking.pods.remove(&pod);
        match result {
            Ok(facts) => {
                if self.engine.observed_pod(asked, &pod, facts) {
                    self.dirty.insert(Unit::Pod(pod.clone()));
                }
                if self.asking.pods_again.remove(&pod) {
                    self.observe_pod(pod);
                }
            }
            Err(failure) => {
                self.asking.pods_again.remove(&pod);
                self.engine_failed(&failure);
            }
        }
    }

    /// The engine did not answer a question: nothing is concluded, and it is asked again soon.
    pub(super) fn engine_failed(&mut self, failure: &Failure) {
        if self.engine.fell_silent(pod::words(failure)) {
            tracing::warn!(?failure, "the engine does not answer; nothing is decided until it does");
            self.board.report(Part::Engine, Err(pod::words(failure).to_owned()));
            // Nothing is done, and everything that is not as specified says so.
            self.mark_all();
        }
        self.alarms.set(Alarm::Observe, self.clock.now() + ASKED_AGAIN_AFTER);
    }

    /// Marks all that depends on the engine: claims, the node, every identity that has an object, a container or
    /// scratch space, or is reserved.
    pub(super) fn mark_all(&mut self) {
        self.dirty.insert(Unit::Claims);
        self.dirty.insert(Unit::Node(self.settings.host.node.clone()));
        let names = self.world.pods.all().map(|(name, _)| name);
        let names = names.chain(self.world.reserved.all().map(|(name, _)| name));
        let objects = names.map(|(namespace, name)| PodKey { namespace: namespace.clone(), name: name.clone() });
        let all = objects.chain(self.engine.pods().cloned()).chain(self.engine.scratch_pods().cloned());
        self.dirty.extend(all.map(Unit::Pod).collect::<Vec<_>>());
    }
}
