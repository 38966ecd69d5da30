//! Disruption budgets: who keeps each of their pods, and how many may go.

use k8s_openapi::api::core::v1::Pod;
use plan::budget::{self, Covered, Keeper};

use super::Controller;
use crate::{
    runtime::{Clock, Runtime},
    world::{Name, Unit},
};

impl<R: Runtime, C: Clock> Controller<R, C> {
    pub(super) async fn plan_budget(&mut self, unit: &Unit, (namespace, name): &Name) {
        let Some(object) = self.world.budgets.get(namespace, name) else {
            self.board.post(unit, Vec::new());
            return;
        };
        let pods = self.world.pods_of_budget(namespace, object);
        let covered: Vec<_> =
            pods.into_iter().map(|pod| Covered { pod, keeper: self.keeper(namespace, pod) }).collect();
        let plan = self.planner.budget(&budget::Input { budget: object, pods: &covered, now: self.clock.now() });
        self.look_again(unit, plan.look_again);
        self.carry_out(unit, plan.writes, plan.notes, Vec::new()).await;
    }

    /// Who keeps a pod: its controller. A PetSet's pets have none; they are known by their labels.
    fn keeper(&self, namespace: &str, pod: &Pod) -> Keeper {
        let mut owners = pod.metadata.owner_references.iter().flatten();
        let owner = owners.find(|owner| owner.controller == Some(true));
        let mut sets = self.world.sets_of_pod(namespace, &pod.metadata);
        let set = sets.find(|set| match owner {
            Some(owner) => set.uid() == owner.uid,
            None => set.kind() == "PetSet",
        });
        match (set, owner) {
            (Some(set), _) => {
                let replicas = i32::try_from(set.target().len()).unwrap_or(i32::MAX);
                Keeper::Set { uid: set.uid().to_owned(), replicas }
            }
            (None, Some(_)) => Keeper::Unknown,
            (None, None) => Keeper::Nobody,
        }
    }
}
