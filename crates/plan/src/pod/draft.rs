//! A plan in the making, which keeps the rule of one action at a time.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Input, Plan,
    backoff::{Pace, after, retry_at},
    memory::{about, names_of, text},
    tell,
};
use crate::{
    Action, Note, Subject, Wait, Write,
    action::{Start, Stop},
    facts::Owner,
};

/// A plan in the making.
pub(super) struct Draft<'a> {
    input: &'a Input<'a>,
    plan: Plan,
    subject: Subject,
    /// Why each container does not run, by name: reason and message, for the status.
    pub(super) blocked: std::collections::BTreeMap<String, Blocked>,
}

/// Why a container does not run, as its status shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// `ImagePullBackOff`, `CrashLoopBackOff`, `CreateContainerConfigError`.
    pub(super) reason: &'static str,
    /// The sentence; may be empty.
    pub(super) message: String,
}

/// What became of an action that was put forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is in the plan, or waits for another one that is in flight.
    Taken,
    /// It failed before, and rests until its back-off has passed.
    Resting,
}

impl<'a> Draft<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        let uid = input.pod.map(tell::uid_of).unwrap_or_default();
        Self {
            input,
            plan: Plan::default(),
            subject: tell::subject(input.key, uid),
            blocked: std::collections::BTreeMap::new(),
        }
    }

    pub(super) fn input(&self) -> &'a Input<'a> {
        self.input
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether the plan has its one action, or one is in flight.
    pub(super) fn is_taken(&self) -> bool {
        self.input.memory.in_flight.is_some() || self.plan.actions.iter().any(is_exclusive)
    }

    /// Puts an action forward. It joins the plan unless another one is in flight or chosen already, or it failed and
    /// rests. Its notes are told only when it begins.
    pub(super) fn put(&mut self, action: Action, pace: Pace, notes: Vec<Note>) -> Put {
        if let Some(tries) = self.input.memory.failures.get(&about(&action)) {
            let at = retry_at(tries, pace);
            if at > self.input.now {
                let why = format!("{}: {}", describe(&action), text(&tries.failure));
                self.wait("EngineRefused", &format!("{why}; trying again {}", when(at)));
                self.look_again(at);
                return Put::Resting;
            }
        }
        if self.plan.actions.contains(&action) {
            return Put::Taken;
        }
        if is_exclusive(&action) {
            if let Some(in_flight) = self.input.memory.in_flight.as_ref().filter(|_| !self.cuts_short(&action)) {
                self.wait("InProgress", &describe(in_flight));
                return Put::Taken;
            }
            if self.plan.actions.iter().any(is_exclusive) {
                return Put::Taken;
            }
        }
        self.plan.actions.push(action);
        self.plan.notes.extend(notes);
        Put::Taken
    }

    /// Whether an action brings to its end what is in flight, and so need not wait for it: a pod that is removed by force,
    /// or whose grace period is cut, does not sit out the old one, and a `postStart` hook that hangs does not keep its
    /// container alive. The engine is told of one container by its id, so neither action can do harm to the other.
    fn cuts_short(&self, action: &Action) -> bool {
        let memory = self.input.memory;
        let has_hook = |start: &Start| start.post_start.is_some();
        match (&memory.in_flight, action) {
            (Some(Action::Stop(stops)), Action::Remove { id, .. }) => stops.iter().any(|stop| stop.id == *id),
            (Some(Action::StartContainer(start)), Action::Remove { owner, .. }) => {
                has_hook(start) && start.owner == *owner
            }
            (Some(Action::StartContainer(start)), Action::Stop(stops)) => {
                has_hook(start) && stops.iter().any(|stop| stop.owner == start.owner)
            }
            (Some(Action::Stop(old)), Action::Stop(new)) => {
                let grace = |stops: &[Stop]| stops.iter().map(|stop| stop.grace).max().unwrap_or_default();
                let begun = memory.in_flight_since.unwrap_or(self.input.now);
                // Deadlines are in whole seconds: a second more or less is no new one.
                let sooner = after(self.input.now, grace(new).saturating_add(Duration::from_secs(1)));
                // By force sidecars end with the others, for which they would have waited.
                new.iter().any(|stop| old.iter().any(|old| old.id == stop.id)) && sooner < after(begun, grace(old))
            }
            _ => false,
        }
    }

    /// Says why the pod is not as specified. The pod's name is put before the sentence.
    pub(super) fn wait(&mut self, reason: &'static str, sentence: &str) {
        let message = format!("{}: {sentence}", self.input.key.name);
        let wait = Wait { subject: self.subject.clone(), reason, message };
        if !self.plan.waits.contains(&wait) {
            self.plan.waits.push(wait);
        }
    }

    /// Says why a container does not run, to its status and to the user.
    pub(super) fn block(&mut self, container: &str, reason: &'static str, message: String) {
        let sentence = if message.is_empty() {
            format!("container {container}: {reason}")
        } else {
            format!("container {container}: {message}")
        };
        self.wait(reason, &sentence);
        self.show(container, reason, message);
    }

    /// Says why a container does not run to its status alone.
    pub(super) fn show(&mut self, container: &str, reason: &'static str, message: String) {
        self.blocked.insert(container.to_owned(), Blocked { reason, message });
    }

    /// Takes back all that was to be told.
    pub(super) fn say_nothing(&mut self) {
        self.plan.notes.clear();
        self.plan.waits.clear();
    }

    pub(super) fn write(&mut self, write: Write) {
        self.plan.writes.push(write);
    }

    pub(super) fn writes(&self) -> &[Write] {
        &self.plan.writes
    }

    pub(super) fn note(&mut self, note: Note) {
        self.plan.notes.push(note);
    }

    /// Asks whether the engine has an image, where that is not known.
    pub(super) fn inquire(&mut self, image: &str) {
        if self.input.images_unknown.contains(image) {
            self.plan.questions.insert(image.to_owned());
        }
    }

    /// Asks for another look at a moment, or at an earlier one that is asked for already.
    pub(super) fn look_again(&mut self, at: Timestamp) {
        self.plan.look_again = Some(self.plan.look_again.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn finish(self) -> Plan {
        self.plan
    }
}

/// Whether an action must not overlap others of its pod.
fn is_exclusive(action: &Action) -> bool {
    match action {
        Action::PullImage { .. } | Action::Probe(_) => false,
        Action::CreateVolume { .. }
        | Action::GrowVolume { .. }
        | Action::RemoveVolume { .. }
        | Action::WriteFiles(_)
        | Action::SetVolumeOwnership(_)
        | Action::StartSandbox(_)
        | Action::StartContainer(_)
        | Action::Stop(_)
        | Action::Remove { .. } => true,
    }
}

/// An action in words: `starting container nginx`.
pub(super) fn describe(action: &Action) -> String {
    let container = |owner: &Owner| match owner.role {
        crate::facts::Role::Sandbox => "the sandbox".to_owned(),
        crate::facts::Role::Init | crate::facts::Role::App | crate::facts::Role::Ephemeral => {
            format!("container {}", owner.container)
        }
    };
    match action {
        Action::PullImage { image, .. } => format!("pulling image \"{image}\""),
        Action::CreateVolume { name, .. } => format!("making volume {name}"),
        Action::GrowVolume { name, .. } => format!("growing volume {name}"),
        Action::RemoveVolume { name } => format!("removing volume {name}"),
        Action::WriteFiles(_) => "writing the files of its volumes".to_owned(),
        Action::SetVolumeOwnership(ownership) => format!("giving the volumes to group {}", ownership.group),
        Action::StartSandbox(_) => "starting the sandbox".to_owned(),
        Action::StartContainer(start) => format!("starting {}", container(&start.owner)),
        Action::Stop(stops) => {
            let owners: Vec<_> = stops.iter().map(|stop| &stop.owner).collect();
            let grace = stops.iter().map(|stop| stop.grace.as_secs()).max().unwrap_or(0);
            format!("stopping {} within {grace} s", names_of(&owners))
        }
        Action::Remove { owner, .. } => format!("removing {}", container(owner)),
        Action::Probe(probe) => format!("probing {}", container(&probe.owner)),
    }
}

/// A moment to come as users read it. Not `in 12 s`, which would be another sentence at every look.
pub(super) fn when(at: Timestamp) -> String {
    format!("at {}", super::backoff::whole(at))
}
