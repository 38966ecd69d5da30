//! A client that writes all the while, and remembers what was acknowledged.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::story::{Application, Reach, Session};

/// A client takes a rest of so long after each write: enough for thousands of writes, and little work for two cores.
const REST: Duration = Duration::from_millis(10);

/// A write that was acknowledged: `key(number)` has the value `value(number)`.
struct Acknowledged {
    number: usize,
    at: Instant,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    acknowledged: Mutex<Vec<Acknowledged>>,
    last_refusal: Mutex<String>,
}

/// One client in a thread of its own. It goes from pet to pet until one acknowledges; no number is tried twice, so that
/// whoever finds one knows which try it was.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// So many acknowledged writes were found in every pet already.
    found: usize,
}

impl Writer {
    pub(crate) fn start(app: impl Application, reach: Reach) -> Writer {
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || write_until_over(&app, &reach, &shared)
        });
        Writer { shared, thread: Some(thread), found: 0 }
    }

    /// How many writes were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged().len()
    }

    /// The longest time without an acknowledgement since then, until now.
    pub(crate) fn longest_pause(&self, since: Instant) -> Duration {
        let acknowledged = self.acknowledged();
        let mut last = since;
        let mut longest = Duration::ZERO;
        for at in acknowledged.iter().map(|write| write.at).filter(|at| *at > since).chain([Instant::now()]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }

    /// Whether something was acknowledged after this moment; else an error with the last refusal.
    pub(crate) fn goes_on_after(&self, moment: Instant) -> Result<()> {
        let refusal = self.shared.last_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let is_going_on = self.acknowledged().last().is_some_and(|write| write.at > moment);
        ensure!(is_going_on, "no write is acknowledged; the last one: {refusal}");
        Ok(())
    }

    /// Whether each write that was acknowledged is in each of these pets; `again` asks for those that were found before as well.
    pub(crate) fn all_is_there(&mut self, app: &impl Application, reach: &Reach, again: bool) -> Result<()> {
        let from = if again { 0 } else { self.found };
        let numbers: Vec<usize> = self.acknowledged().iter().skip(from).map(|write| write.number).collect();
        for pet in &reach.pets {
            let mut session = app.connect(reach, pet).with_context(|| format!("connect to {}", pet.name))?;
            for number in &numbers {
                let read =
                    session.read(&key(*number)).with_context(|| format!("read {} from {}", key(*number), pet.name))?;
                let wanted = value(*number);
                ensure!(
                    read.as_deref() == Some(wanted.as_str()),
                    "{} has {read:?} for {}, which was acknowledged as {wanted:?}",
                    pet.name,
                    key(*number)
                );
            }
        }
        self.found = from + numbers.len();
        Ok(())
    }

    fn acknowledged(&self) -> std::sync::MutexGuard<'_, Vec<Acknowledged>> {
        self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn key(number: usize) -> String {
    format!("story-{number}")
}

fn value(number: usize) -> String {
    format!("the {number}th write")
}

fn write_until_over(app: &impl Application, reach: &Reach, shared: &Shared) {
    let mut session: Option<Box<dyn Session>> = None;
    let mut pet = 0;
    for number in 0.. {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let result = match session.as_mut() {
            Some(session) => session.write(&key(number), &value(number)),
            None => app
                .connect(reach, &reach.pets[pet])
                .and_then(|new| session.insert(new).write(&key(number), &value(number))),
        };
        match result {
            Ok(()) => {
                let write = Acknowledged { number, at: Instant::now() };
                shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(write);
            }
            Err(error) => {
                let refusal = format!("{}: {error:#}", reach.pets[pet].name);
                *shared.last_refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
                session = None;
                pet = (pet + 1) % reach.pets.len();
            }
        }
        thread::sleep(REST);
    }
}
