//! A world of claims and volumes, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::StorageClass,
};
use plan::{
    Action, Write,
    claim::{self, Begun, Plan},
    facts::{Room, Volume},
    law::{self, Broken},
    pod::ClaimState,
};
use serde_json::{Value, json};

use crate::world::{now, object};

/// Plans for claims and volumes: [`claim::plan`], or one that breaks a law.
pub(crate) type Planner = fn(&claim::Input<'_>) -> Plan;

/// All that a decision about storage sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Storage {
    pub(crate) claims: Vec<PersistentVolumeClaim>,
    pub(crate) volumes: Vec<PersistentVolume>,
    pub(crate) begun: Vec<Begun>,
    pub(crate) classes: Vec<StorageClass>,
    pub(crate) pods: Vec<Pod>,
    /// `None` while the engine is silent.
    pub(crate) engine: Option<BTreeMap<String, Volume>>,
    pub(crate) mounted: BTreeSet<String>,
    pub(crate) removed: BTreeSet<String>,
    pub(crate) refusals: BTreeMap<String, String>,
    pub(crate) node: Option<Node>,
}

impl Storage {
    pub(crate) fn new() -> Storage {
        Storage { engine: Some(BTreeMap::new()), ..Storage::default() }
    }

    pub(crate) fn claim(mut self, claim: PersistentVolumeClaim) -> Storage {
        self.claims.push(claim);
        self
    }

    pub(crate) fn volume(mut self, volume: PersistentVolume) -> Storage {
        self.volumes.push(volume);
        self
    }

    pub(crate) fn class(mut self, class: StorageClass) -> Storage {
        self.classes.push(class);
        self
    }

    pub(crate) fn pod(mut self, pod: Pod) -> Storage {
        self.pods.push(pod);
        self
    }

    /// The engine has a volume of this name.
    pub(crate) fn engine(mut self, name: &str) -> Storage {
        let volume = Volume { name: name.to_owned(), labels: BTreeMap::new(), room: Room::Disk };
        self.engine.get_or_insert_default().insert(name.to_owned(), volume);
        self
    }

    /// What is planned; the laws hold for it.
    pub(crate) fn plan(&self) -> Plan {
        self.judged(claim::plan).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// What this planner plans, unless it breaks a law.
    pub(crate) fn judged(&self, planner: Planner) -> Result<Plan, Broken> {
        self.with_input(|input| {
            let plan = planner(input);
            law::storage::all(input, &plan).map(|()| plan)
        })
    }

    /// Does something with what a planner gets.
    pub(crate) fn with_input<T>(&self, f: impl FnOnce(&claim::Input<'_>) -> T) -> T {
        f(&claim::Input {
            claims: &self.claims.iter().collect::<Vec<_>>(),
            volumes: &self.volumes.iter().collect::<Vec<_>>(),
            begun: &self.begun.iter().collect::<Vec<_>>(),
            classes: &self.classes.iter().collect::<Vec<_>>(),
            pods: &self.pods.iter().collect::<Vec<_>>(),
            engine: self.engine.as_ref(),
            mounted: &self.mounted,
            removed: &self.removed,
            refusals: &self.refusals,
            instance: "test",
            node: "laptop",
            node_object: self.node.as_ref(),
            now: now(),
        })
    }

    pub(crate) fn state(&self, name: &str) -> ClaimState {
        let claim = self.claims.iter().find(|c| c.metadata.name.as_deref() == Some(name));
        claim::state(claim, name, &self.volumes.iter().collect::<Vec<_>>(), self.engine.as_ref())
    }

    /// Makes the plan's writes and actions come true.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        for write in &plan.writes {
            match write {
                Write::UpdateClaim(new) => {
                    let place = self.claims.iter().position(|c| c.metadata.name == new.metadata.name).unwrap();
                    if new.metadata.deletion_timestamp.is_some() && new.metadata.finalizers.is_none() {
                        self.claims.remove(place);
                    } else {
                        let status = self.claims[place].status.take();
                        self.claims[place] = PersistentVolumeClaim { status, ..(**new).clone() };
                    }
                }
                Write::ClaimStatus { name, status, .. } => {
                    let claim = self.claims.iter_mut().find(|c| c.metadata.name.as_ref() == Some(name)).unwrap();
                    claim.status = Some((**status).clone());
                }
                Write::BeginVolume(begun) => self.begun.push((**begun).clone()),
                Write::AbandonVolume(new) => {
                    let place = self.begun.iter().position(|b| b.metadata.name == new.metadata.name).unwrap();
                    self.begun[place] = (**new).clone();
                }
                Write::EndVolume { name } => self.begun.retain(|b| b.metadata.name.as_ref() != Some(name)),
                Write::CreateVolume(volume) => self.volumes.push((**volume).clone()),
                Write::UpdateVolume(new) => {
                    let place = self.volumes.iter().position(|v| v.metadata.name == new.metadata.name).unwrap();
                    if new.metadata.deletion_timestamp.is_some() && new.metadata.finalizers.is_none() {
                        self.volumes.remove(place);
                    } else {
                        let status = self.volumes[place].status.take();
                        self.volumes[place] = PersistentVolume { status, ..(**new).clone() };
                    }
                }
                Write::VolumeStatus { name, status, .. } => {
                    let volume = self.volumes.iter_mut().find(|v| v.metadata.name.as_ref() == Some(name)).unwrap();
                    volume.status = Some((**status).clone());
                }
                Write::RemoveVolume { name, .. } => self.volumes.retain(|v| v.metadata.name.as_ref() != Some(name)),
                other => panic!("storage does not write {other:?}"),
            }
        }
        let engine = self.engine.get_or_insert_default();
        for action in &plan.actions {
            match action {
                Action::CreateVolume { name, labels, size } => {
                    self.removed.remove(name);
                    engine.insert(
                        name.clone(),
                        Volume {
                            name: name.clone(),
                            labels: labels.clone(),
                            room: size.map_or(Room::Disk, Room::Limit),
                        },
                    );
                }
                Action::RemoveVolume { name } => {
                    engine.remove(name);
                    self.removed.insert(name.clone());
                }
                Action::GrowVolume { name, size } => engine.get_mut(name).unwrap().room = Room::Limit(*size),
                other => panic!("storage does not do {other:?}"),
            }
        }
    }

    /// Plans and applies until nothing is left to do.
    pub(crate) fn settle(mut self) -> Storage {
        for _ in 0..10 {
            let plan = self.plan();
            if plan.writes.is_empty() && plan.actions.is_empty() {
                return self;
            }
            self.apply(&plan);
        }
        panic!("storage does not settle: {self:#?}");
    }
}

/// `base` with `extra` laid over it, objects in objects.
pub(crate) fn merged(mut base: Value, extra: Value) -> Value {
    match (&mut base, extra) {
        (Value::Object(base), Value::Object(extra)) => {
            for (key, value) in extra {
                let merged = merged(base.remove(&key).unwrap_or_default(), value);
                base.insert(key, merged);
            }
        }
        (base, extra) => *base = extra,
    }
    base
}

/// A claim of that name, which asks for 1 GiB and is Pending, with changes.
pub(crate) fn named_claim(name: &str, changes: Value) -> PersistentVolumeClaim {
    object(merged(
        json!({
            "metadata": {
                "name": name, "namespace": "default", "uid": format!("{name}-uid"), "resourceVersion": "5",
                "finalizers": ["kubernetes.io/pvc-protection"],
            },
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"},
        }),
        changes,
    ))
}

/// A volume made by hand, of 1 GiB and Available, with changes.
pub(crate) fn by_hand(name: &str, changes: Value) -> PersistentVolume {
    object(merged(
        json!({
            "metadata": {"name": name, "resourceVersion": "6", "finalizers": ["kubernetes.io/pv-protection"]},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv"},
                "persistentVolumeReclaimPolicy": "Retain",
            },
            "status": {"phase": "Available"},
        }),
        changes,
    ))
}
