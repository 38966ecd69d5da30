//! Disruption budgets: who keeps each of their pods, and how many may go.

use k8s_openapi::api::core::v1::Pod;
use plan::budget::{self, Covered, Keeper};
use store::Key;

use super::Controller;
use crate::{
    runtime::{Clock, Runtime},
    world::{Name, Unit, resources},
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
        if let Some(owner) = owners.find(|owner| owner.controller == Some(true)) {
            let is_set = owner.kind == "StatefulSet" && owner.api_version.starts_with("apps/");
            let set = is_set.then(|| self.store.get(&Key::new(resources::STATEFUL_SETS, namespace, &owner.name)));
            let set = set.flatten().filter(|set| set["metadata"]["uid"] == *owner.uid);
            return set.map_or(Keeper::Unknown, |set| {
                let replicas = set["spec"]["replicas"].as_i64().and_then(|replicas| i32::try_from(replicas).ok());
                Keeper::Set { uid: owner.uid.clone(), replicas: replicas.unwrap_or(1) }
            });
        }
        match self.world.sets_of_pod(namespace, &pod.metadata).first() {
            Some((_, set)) => Keeper::Set {
                uid: set.metadata.uid.clone().unwrap_or_default(),
                replicas: set.spec.replicas.unwrap_or(1),
            },
            None => Keeper::Nobody,
        }
    }
}
