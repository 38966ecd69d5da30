//! A disk that fails as disks do, under the real store.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use store::{Batch, Kv, KvError, Memory, Tree, Visit};

use crate::{
    chance::Chance,
    judge::Judge,
    lifeline::{Fate, Lifeline},
};

/// A disk in memory that refuses a commit where a test says so, and with what.
pub struct RefusingDisk<F> {
    memory: Memory,
    refuses: F,
}

impl<F: FnMut() -> Option<io::Error> + Send + 'static> RefusingDisk<F> {
    /// An empty disk.
    pub fn new(refuses: F) -> RefusingDisk<F> {
        RefusingDisk { memory: Memory::default(), refuses }
    }
}

impl<F: FnMut() -> Option<io::Error> + Send + 'static> Kv for RefusingDisk<F> {
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.memory.get(tree, key)
    }

    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        self.memory.scan(tree, from, visit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        match (self.refuses)() {
            Some(error) => Err(error.into()),
            None => self.memory.commit(batch),
        }
    }
}

/// How often each thing goes wrong, in a thousand commits.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFaults {
    /// A commit fails and nothing of it is on the disk.
    pub fails_before: u32,
    /// A commit fails and all of it is on the disk.
    pub fails_after: u32,
}

/// What a commit says about what is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    /// What is acknowledged survives everything.
    Honest,
    /// Some of what is acknowledged is only in memory, as with a flush that is not a sync. For mutations.
    AcknowledgesBeforeSync,
}

/// A disk. Clones are the same disk: a daemon that starts again finds what its predecessor wrote.
#[derive(Clone)]
pub struct FakeDisk {
    state: Arc<Mutex<State>>,
    chance: Arc<Chance>,
    judge: Arc<Judge>,
}

struct State {
    /// What survives a power cut.
    kept: Memory,
    /// What was acknowledged and is not kept yet; empty on an honest disk.
    cached: Vec<Batch>,
    honesty: Honesty,
    faults: DiskFaults,
    is_full: bool,
    /// The daemon that writes.
    lifeline: Arc<Lifeline>,
}

impl FakeDisk {
    /// An empty disk.
    pub fn new(honesty: Honesty, chance: Chance, judge: Arc<Judge>) -> FakeDisk {
        let state = State {
            kept: Memory::default(),
            cached: Vec::new(),
            honesty,
            faults: DiskFaults::default(),
            is_full: false,
            lifeline: Arc::default(),
        };
        FakeDisk { state: Arc::new(Mutex::new(state)), chance: Arc::new(chance), judge }
    }

    /// From now on this goes wrong.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.state().faults = faults;
    }

    /// Leaves no room, or makes room again.
    pub fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Takes the power away and gives it back to another daemon: what is not synced is gone.
    pub fn power_cycle(&self, lifeline: Arc<Lifeline>) {
        let mut state = self.state();
        state.cached.clear();
        state.lifeline = lifeline;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, batch: &Batch, chance: &Chance) -> Result<(), KvError> {
        match self.honesty {
            Honesty::Honest => self.kept.commit(batch),
            Honesty::AcknowledgesBeforeSync => {
                self.cached.push(batch.clone());
                if chance.happens(200) {
                    for batch in std::mem::take(&mut self.cached) {
                        self.kept.commit(&batch)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// All that a running system sees.
    fn seen(&mut self) -> Result<Memory, KvError> {
        if self.cached.is_empty() {
            return Ok(self.kept.clone());
        }
        let mut seen = Memory::default();
        let mut copy = Batch::default();
        for tree in Tree::ALL {
            self.kept.scan(tree, &[], &mut |key, value| {
                copy.put(tree, key, value);
                std::ops::ControlFlow::Continue(())
            })?;
        }
        seen.commit(&copy)?;
        for batch in &self.cached {
            seen.commit(batch)?;
        }
        Ok(seen)
    }
}

impl Kv for FakeDisk {
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.state().seen()?.get(tree, key)
    }

    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        let mut seen = self.state().seen()?;
        seen.scan(tree, from, visit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        let mut state = self.state();
        let gone = || KvError::Io(io::Error::other("the daemon is dead"));
        match state.lifeline.step() {
            Fate::Dead => return Err(gone()),
            Fate::DiesBefore => {
                self.judge.step("fault", || "the daemon dies; the commit under way is lost".to_owned());
                return Err(gone());
            }
            Fate::DiesAfter => {
                self.judge.step("fault", || "the daemon dies; the commit under way is kept".to_owned());
                state.write(batch, &self.chance)?;
                return Err(gone());
            }
            Fate::Lives => {}
        }
        if state.is_full {
            self.judge.step("disk", || "full".to_owned());
            return Err(KvError::Io(io::ErrorKind::StorageFull.into()));
        }
        if self.chance.happens(state.faults.fails_before) {
            self.judge.step("disk", || "a commit fails before its effect".to_owned());
            return Err(KvError::Io(io::Error::other("input/output error")));
        }
        let faults = state.faults;
        state.write(batch, &self.chance)?;
        if self.chance.happens(faults.fails_after) {
            self.judge.step("disk", || "a commit fails after its effect".to_owned());
            return Err(KvError::Io(io::Error::other("input/output error")));
        }
        Ok(())
    }
}
