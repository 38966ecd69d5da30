//! What people, and programs that are not ours, do to the engine behind our back.

use std::{net::IpAddr, sync::Arc};

use controller::Clock;
use plan::facts::{Container, PodKey, Role, Room, State};

use super::{
    FakeEngine, LiveRestore,
    world::{Stranger, end, is_live},
};

/// One thing that somebody does with the engine's own tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// The program crashes by itself.
    Exit,
    /// The kernel kills it for its memory.
    RunOutOfMemory,
    /// `docker kill`.
    Kill,
    /// `docker rm -f`.
    Remove,
    /// `docker pause`.
    Pause,
    /// `docker unpause`.
    Unpause,
    /// `docker start` of one that does not run.
    Start,
    /// `docker restart`: a sandbox gets a new network that its containers are not in.
    Restart,
    /// `docker rename`.
    Rename,
}

impl Hand {
    /// All of them.
    pub const ALL: [Hand; 9] = [
        Hand::Exit,
        Hand::RunOutOfMemory,
        Hand::Kill,
        Hand::Remove,
        Hand::Pause,
        Hand::Unpause,
        Hand::Start,
        Hand::Restart,
        Hand::Rename,
    ];
}

impl FakeEngine {
    /// The ids of all containers of ours.
    pub fn ids(&self) -> Vec<String> {
        self.world().containers.keys().cloned().collect()
    }

    /// All containers of ours, as they are at this moment.
    pub fn containers(&self) -> Vec<Container> {
        self.world().containers.values().map(|kept| kept.container.clone()).collect()
    }

    /// Does something to a container.
    pub fn touch(self: &Arc<Self>, id: &str, hand: Hand) {
        let now = self.clock.now();
        let mut world = self.world();
        let Some(kept) = world.containers.get_mut(id) else { return };
        self.judge.step("hand", || format!("{hand:?} {}", kept.name));
        let pod = kept.container.owner.pod.clone();
        match (hand, &mut kept.container.state) {
            (Hand::Exit, _) => end(&mut kept.container, 1, now),
            (Hand::RunOutOfMemory, _) => {
                end(&mut kept.container, 137, now);
                if let State::Exited { oom_killed, code: 137, .. } = &mut kept.container.state {
                    *oom_killed = true;
                }
            }
            (Hand::Kill, _) => end(&mut kept.container, 137, now),
            (Hand::Remove, _) => world.remove(id),
            (Hand::Pause, State::Running { paused, .. }) => *paused = true,
            (Hand::Unpause, State::Running { paused, .. }) => *paused = false,
            (Hand::Start, State::Exited { .. } | State::Created) => {
                kept.is_by_hand = true;
                // Where it cannot start, whoever tried has seen why.
                drop(world.start(id, now));
            }
            (Hand::Restart, State::Running { .. }) => {
                end(&mut kept.container, 137, now);
                kept.is_by_hand = true;
                drop(world.start(id, now));
            }
            (Hand::Rename, _) => {
                kept.name = format!("somebody_{id}");
                kept.is_by_hand = true;
            }
            (Hand::Pause | Hand::Unpause | Hand::Start | Hand::Restart, _) => {}
        }
        drop(world);
        self.hint(&pod);
        if matches!(hand, Hand::Start | Hand::Restart) {
            self.work(id);
        }
    }

    /// Disconnects everything from the instance's network and removes it, as `docker network disconnect` and `rm` do. Nobody
    /// tells of either.
    pub fn remove_network(&self) {
        self.judge.step("hand", || "removes the network".to_owned());
        let mut world = self.world();
        world.is_network_gone = true;
        world.containers.values_mut().for_each(|kept| kept.container.address = None);
        world.strangers.values_mut().for_each(|stranger| stranger.address = None);
    }

    /// Gives a running sandbox another address, as `docker network disconnect` and `connect` do.
    pub fn readdress(&self, pod: &PodKey, address: IpAddr) {
        let mut world = self.world();
        if world.is_network_gone || world.is_taken(address) {
            return;
        }
        for kept in world.containers.values_mut() {
            let container = &mut kept.container;
            if container.owner.pod == *pod && container.owner.role == Role::Sandbox && is_live(container) {
                self.judge.step("hand", || format!("{pod} has address {address}"));
                container.address = Some(address);
            }
        }
    }

    /// Runs somebody else's container under a name, with an address, mounting volumes.
    pub fn run_stranger(&self, name: &str, address: Option<IpAddr>, mounts: &[String]) {
        let mut world = self.world();
        let is_held = world.containers.values().any(|kept| kept.name == name);
        if is_held || address.is_some_and(|address| world.is_network_gone || world.is_taken(address)) {
            return;
        }
        self.judge.step("hand", || format!("runs a stranger {name} at {address:?} with {mounts:?}"));
        let mounts = mounts.iter().cloned().collect();
        world.strangers.insert(name.to_owned(), Stranger { address, mounts });
    }

    /// Takes all of somebody else's containers away.
    pub fn remove_strangers(&self) {
        let gone = std::mem::take(&mut self.world().strangers);
        for name in gone.keys() {
            self.judge.step("hand", || format!("removes the stranger {name}"));
        }
    }

    /// Removes a volume, where nothing mounts it.
    pub fn remove_volume(&self, name: &str) -> bool {
        let is_gone = self.world().remove_volume(name).is_ok();
        if is_gone {
            self.judge.step("hand", || format!("removes volume {name}"));
        }
        is_gone
    }

    /// Puts a volume back from a copy, with the labels that it had.
    pub fn restore_volume(&self, volume: &plan::facts::Volume) {
        self.judge.step("hand", || format!("restores volume {}", volume.name));
        let size = match volume.room {
            Room::Limit(size) => Some(size),
            Room::Disk | Room::Unlimited(_) => None,
        };
        drop(self.world().create_volume(&volume.name, &volume.labels, size));
    }

    /// A volume of ours.
    pub fn volume(&self, name: &str) -> Option<plan::facts::Volume> {
        self.world().volumes.get(name).cloned()
    }

    /// `docker rmi -f`.
    pub fn remove_image(&self, image: &str) {
        self.judge.step("hand", || format!("removes image {image}"));
        self.world().images.remove(image);
    }

    /// Makes everything well that only a person can: strangers go, what is paused runs on, probes succeed, images are
    /// there, and the engine serves.
    pub fn heal(&self, images: &[&str]) {
        self.set_faults(super::EngineFaults { takes_time: true, ..super::EngineFaults::default() });
        self.recover(LiveRestore::Yes);
        self.remove_strangers();
        let mut world = self.world();
        world.sick.clear();
        world.images.extend(images.iter().map(|image| (*image).to_owned()));
        for kept in world.containers.values_mut() {
            if let State::Running { paused, .. } = &mut kept.container.state {
                *paused = false;
            }
        }
    }

    /// Whether something of a container that is being removed is left over.
    pub(crate) fn is_stuck(&self) -> bool {
        let faults = *self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.chance.happens(faults.stuck)
    }

    /// Whether requests take the time that they take in truth.
    pub(crate) fn takes_time(&self) -> bool {
        self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).takes_time
    }
}
