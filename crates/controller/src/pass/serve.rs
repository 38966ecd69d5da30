//! The frontends of services: what the runtime is told of them, and what comes of it.

use std::{collections::BTreeSet, sync::Arc};

use plan::{
    Wait,
    action::Failure,
    pod,
    zone::{Frontend, Frontends, frontends},
};

use super::{Alarm, Answer, Controller, WRITTEN_AGAIN_AFTER};
use crate::{
    runtime::{Clock, Runtime, Unserved},
    world::{Name, Unit},
};

/// The frontends of all services, and how serving them goes.
#[derive(Debug)]
pub(super) struct Serving {
    frontends: Arc<Frontends>,
    /// Whether the runtime has not been told of all that is in `frontends`.
    is_behind: bool,
    /// Whether it is being told.
    is_under_way: bool,
    /// What it could not do when it was told last.
    unserved: Unserved,
}

impl Default for Serving {
    /// What the runtime serves from before is not known: it is told that there is nothing, too.
    fn default() -> Self {
        Serving { frontends: Arc::default(), is_behind: true, is_under_way: false, unserved: Unserved::new() }
    }
}

impl Serving {
    /// Puts a service's frontends in the place of those that it had.
    pub(super) fn set(&mut self, service: &Name, frontends: Vec<Frontend>) {
        if self.frontends.get(service).map_or(&[][..], Vec::as_slice) == frontends.as_slice() {
            return;
        }
        // Copied only while the runtime is being told of what was.
        let all = Arc::make_mut(&mut self.frontends);
        if frontends.is_empty() {
            all.remove(service);
        } else {
            all.insert(service.clone(), frontends);
        }
        self.is_behind = true;
    }
}

impl<R: Runtime, C: Clock> Controller<R, C> {
    /// Tells the runtime what stands behind virtual addresses, where that has changed, and all services are planned.
    pub(super) fn serve(&mut self) {
        let more = matches!(self.dirty.first(), Some(Unit::Zone(_)));
        if more || self.serving.is_under_way || !self.serving.is_behind {
            return;
        }
        self.serving.is_behind = false;
        self.serving.is_under_way = true;
        let (runtime, frontends) = (Arc::clone(&self.runtime), Arc::clone(&self.serving.frontends));
        self.answers.push(Box::pin(async move { Answer::Served { result: runtime.serve(&frontends).await } }));
    }

    /// Tells it once more, also that there is nothing: what it has made may be gone, and what it was told before may come late.
    pub(super) fn serve_again(&mut self) {
        self.serving.is_behind = true;
        self.serve();
    }

    /// Takes in what came of it.
    pub(super) fn served(&mut self, result: Result<Unserved, Failure>) {
        self.serving.is_under_way = false;
        let unserved = match result {
            Ok(unserved) => unserved,
            // The services wait for the engine, as all else does; they are told again when it answers.
            Err(failure @ Failure::Silent(_)) => {
                self.engine_failed(&failure);
                self.serving.is_behind = true;
                return;
            }
            Err(failure) => {
                let why = pod::words(&failure);
                self.alarms.set(Alarm::Serve, self.clock.now() + WRITTEN_AGAIN_AFTER);
                self.serving.frontends.keys().map(|service| (service.clone(), why.to_owned())).collect()
            }
        };
        if !unserved.is_empty() {
            self.alarms.set(Alarm::Serve, self.clock.now() + WRITTEN_AGAIN_AFTER);
        }
        let before = std::mem::replace(&mut self.serving.unserved, unserved);
        let after = &self.serving.unserved;
        let changed: BTreeSet<&Name> =
            before.keys().chain(after.keys()).filter(|service| before.get(*service) != after.get(*service)).collect();
        self.dirty.extend(changed.into_iter().cloned().map(Unit::Zone));
        self.serve();
    }

    /// What a service waits for.
    pub(super) fn waits_of_service(&self, name: &Name) -> Vec<Wait> {
        let why = self.serving.unserved.get(name);
        let service = self.world.services.get(&name.0, &name.1);
        service.zip(why).map(|(service, why)| frontends::unserved(service, why)).into_iter().collect()
    }
}
