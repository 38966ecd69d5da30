//! One unit at a time: gather what the planner may read, plan, commit, begin the actions.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use plan::{
    Action, Note, Subject, Wait, Write, address, claim,
    config::{Config, asks},
    facts::PodKey,
    garbage,
    namespace::{ACCOUNT, Content, Defaults, ROOT_CA},
    pod,
    schedule::Place,
    set, unwritten, zone,
};
use serde::Deserialize as _;
use store::{CommitError, Key};

use super::{Controller, WRITTEN_AGAIN_AFTER};
use crate::{
    board::Part,
    commit::{self, Refused},
    leases, owners,
    runtime::{Clock, Runtime},
    world::{self, Name, SetKey, Unit, claims_of, images_of, resources},
};

impl<R: Runtime, C: Clock> Controller<R, C> {
    /// Plans one unit and sets going what it says.
    pub(super) async fn plan(&mut self, unit: Unit) {
        match &unit {
            Unit::Zone(service) => self.plan_zone(&unit, service.clone()).await,
            Unit::Namespace(name) => self.plan_namespace(&unit, name).await,
            Unit::Node(name) => self.plan_node(&unit, name).await,
            Unit::Garbage(key) => self.plan_garbage(&unit, key).await,
            Unit::Claims => self.plan_claims(&unit).await,
            Unit::Set(name) => self.plan_set(&unit, name).await,
            Unit::Budget(name) => self.plan_budget(&unit, name).await,
            Unit::Pod(key) => self.plan_pod(&unit, key).await,
        }
    }

    async fn plan_zone(&mut self, unit: &Unit, name: Name) {
        let (namespace, service) = (&name.0, &name.1);
        let plan = self.world.services.get(namespace, service).map(|object| {
            let pods = self.world.pods_of_service(namespace, object);
            let slices = self.planner.slices(object, &pods, &self.world.slices_of_service(namespace, object));
            (self.planner.zone(object, &pods, self.world.endpoints.get(namespace, service)), slices)
        });
        match plan {
            Some((mut plan, slices)) => {
                plan.writes.extend(slices);
                self.serving.set(&name, plan.frontends);
                self.is_zone_behind |= self.draft.set_service(namespace, service, Some(Arc::new(plan.records)));
                self.publish_last();
                let waits = self.waits_of_service(&name);
                self.carry_out(unit, plan.writes, Vec::new(), waits).await;
            }
            None => {
                self.serving.set(&name, Vec::new());
                self.is_zone_behind |= self.draft.set_service(namespace, service, None);
                self.publish_last();
                let left: Vec<_> = self.world.endpoints.get(namespace, service).into_iter().collect();
                let writes = zone::orphans(&[], &left);
                self.carry_out(unit, writes, Vec::new(), Vec::new()).await;
            }
        }
    }

    /// Publishes what has changed once the last service in question is planned: a zone never has one half of a change,
    /// and a daemon that has just started answers for no service before it can answer for all.
    fn publish_last(&mut self) {
        let more = matches!(self.dirty.first(), Some(Unit::Zone(_)));
        if self.is_zone_behind && !more {
            self.publish();
        }
        self.serve();
    }

    /// Puts a new zone in the place of the old one, whole.
    fn publish(&mut self) {
        let namespaces = self.world.namespaces.all().filter_map(|(_, namespace)| namespace.metadata.name.clone());
        let namespaces = namespaces.collect();
        self.is_zone_behind |= self.draft.set_namespaces(namespaces);
        let is_first = self.draft.serial == 0;
        if !is_first && !self.is_zone_behind {
            return;
        }
        self.is_zone_behind = false;
        // 0 stands for a zone that nobody has filled yet.
        self.draft.serial = self.draft.serial.checked_add(1).unwrap_or(1);
        self.zone.store(Arc::new(self.draft.clone()));
        self.board.report(Part::Names, Ok(()));
    }

    async fn plan_namespace(&mut self, unit: &Unit, name: &str) {
        // Planned after all services, so nothing half-done is published.
        self.publish();
        let Some(object) = self.world.namespaces.get("", name) else {
            self.board.post(unit, Vec::new());
            return;
        };
        if object.metadata.deletion_timestamp.is_none() {
            let account = Key::new(resources::ACCOUNTS, name, ACCOUNT);
            let root_ca = self.store.get(&Key::new(resources::CONFIG_MAPS, name, ROOT_CA));
            let root_ca = root_ca.and_then(|map| ConfigMap::deserialize(&*map).ok());
            let writes = self.planner.defaults(
                object,
                &Defaults {
                    has_account: self.store.get(&account).is_some(),
                    root_ca: root_ca.as_ref(),
                    certificate: &self.settings.certificate,
                },
            );
            self.carry_out(unit, writes, Vec::new(), Vec::new()).await;
            return;
        }
        let mut content = Vec::new();
        for resource in api::resource::RESOURCES {
            if resource.scope == api::resource::Scope::Cluster {
                continue;
            }
            let resource = resource.qualified();
            for object in self.store.list(&resource, Some(name)).items {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
                let deleting = object["metadata"].get("deletionTimestamp").is_some();
                content.push(Content {
                    resource: resource.clone(),
                    name: text("name"),
                    rv: text("resourceVersion"),
                    deleting,
                    finalizers: api::metadata::finalizers(&object["metadata"]).into_iter().map(str::to_owned).collect(),
                });
            }
        }
        let plan = self.planner.namespace(object, &content, self.clock.now());
        self.carry_out(unit, plan.writes, Vec::new(), plan.waits).await;
    }

    async fn plan_node(&mut self, unit: &Unit, name: &str) {
        let silence = self.engine.silence();
        let is_heard = silence.is_some() || self.engine.is_answering();
        let Some(object) = self.world.nodes.get("", name).filter(|_| is_heard && *name == self.settings.host.node)
        else {
            self.board.post(unit, Vec::new());
            return;
        };
        let plan = self.planner.node(object, silence, self.clock.now());
        self.carry_out(unit, plan.writes, plan.notes, plan.waits).await;
    }

    async fn plan_garbage(&mut self, unit: &Unit, key: &Key) {
        let Some(metadata) = owners::metadata(&self.store, key) else {
            self.board.post(unit, Vec::new());
            return;
        };
        let namespaces = || self.world.namespaces.all().map(|((_, name), _)| name.as_str());
        let resolve = |reference| owners::resolve(&self.store, &key.namespace, reference, namespaces());
        let owners: Vec<_> = metadata.owner_references.iter().flatten().map(resolve).collect();
        let resource = commit::served(&key.resource);
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let plan = self.planner.garbage(&garbage::Input {
            resource: &key.resource,
            api_version: &resource.api_version(),
            kind: resource.kind,
            metadata: &metadata,
            owners: &owners,
            dependents: &self.world.owners.dependents_of(&self.store, uid),
        });
        self.carry_out(unit, plan.writes, plan.notes, plan.waits).await;
    }

    async fn plan_claims(&mut self, unit: &Unit) {
        let claims: Vec<_> = self.world.claims.all().map(|(_, claim)| claim).collect();
        let volumes: Vec<_> = self.world.volumes.all().map(|(_, volume)| volume).collect();
        let begun: Vec<_> = self.world.begun.all().map(|(_, begun)| begun).collect();
        let classes: Vec<_> = self.world.classes.all().map(|(_, class)| class).collect();
        let pods = self.world.pods_with_claims();
        let plan = self.planner.claims(&claim::Input {
            claims: &claims,
            volumes: &volumes,
            begun: &begun,
            classes: &classes,
            pods: &pods,
            engine: self.engine.volumes(),
            mounted: self.engine.mounted(),
            removed: self.engine.removed(),
            refusals: &self.refusals,
            instance: &self.settings.host.instance,
            node: &self.settings.host.node,
            node_object: self.world.nodes.get("", &self.settings.host.node),
            now: self.clock.now(),
        });
        self.refusals.retain(|refused, _| {
            plan.actions.iter().any(|action| match action {
                Action::CreateVolume { name, .. } | Action::RemoveVolume { name } => name == refused,
                _ => false,
            })
        });
        self.look_again(unit, plan.look_again);
        if self.carry_out(unit, plan.writes, plan.notes, plan.waits).await {
            for action in plan.actions {
                self.act_on_volume(action);
            }
        }
    }

    async fn plan_set(&mut self, unit: &Unit, key: &SetKey) {
        let reserved = self.world.reserved_of_set(key);
        let Some(object) = self.world.set(key) else {
            let writes = set::release_all(reserved);
            self.carry_out(unit, writes, Vec::new(), Vec::new()).await;
            return;
        };
        let namespace = key.namespace.as_str();
        let pods = self.world.pods_of_set(object);
        let troubles = pods.iter().filter_map(|pod| self.trouble_of(namespace, pod)).collect();
        let plan = self.planner.set(&set::Input {
            set: object,
            pods: &pods,
            namesakes: &self.world.namesakes(object),
            troubles: &troubles,
            claims: &self.world.claims_of_set(object),
            revisions: &self.world.revisions_of_set(object),
            service: self.world.services.get(namespace, object.service_name()),
            reserved: &reserved,
            host: &self.settings.host,
            pods_and_claims: self.world.pods.count() + self.world.claims.count(),
            now: self.clock.now(),
        });
        self.look_again(unit, plan.look_again);
        self.carry_out(unit, plan.writes, plan.notes, plan.waits).await;
    }

    async fn plan_pod(&mut self, unit: &Unit, key: &PodKey) {
        let scratch = self.engine.scratch(key);
        let object = self.world.pods.get(&key.namespace, &key.name);
        let is_reserved = self.world.reserved.get(&key.namespace, &key.name).is_some();
        if object.is_none() && !is_reserved && self.engine.containers(key).is_empty() && scratch.is_empty() {
            self.tokens.forget(key);
            if self.memories.remove(key).is_some() {
                self.keep_lease(key).await;
            }
            self.board.post(unit, Vec::new());
            return;
        }
        if !self.engine.is_answering() {
            // Silence is not absence: the pod is planned when the engine has answered.
            // Of a pod that is yet to be made nobody asks.
            let is_asked_for = object.is_some() || !is_reserved;
            let waits = if is_asked_for { pod::unseen(key, object, self.engine.silence()) } else { Vec::new() };
            self.post(unit, waits);
            return;
        }
        let address = self.address_of(key).await;
        let config = self.config_of(key);
        let plan = self.decide_pod(key, &scratch, &config, address);
        self.ask_for_images(plan.questions);
        self.look_again(unit, plan.look_again);
        if self.carry_out(unit, plan.writes, plan.notes, plan.waits).await {
            for action in plan.actions {
                self.act_on_pod(key, action);
            }
        }
    }

    /// What there is of the configuration that a pod reads, its tokens among it.
    fn config_of(&mut self, key: &PodKey) -> Config {
        let mut config = self.world.config_of(&self.store, key, &self.settings.host.node);
        if let Some(object) = self.world.pods.get(&key.namespace, &key.name)
            && object.metadata.deletion_timestamp.is_none()
        {
            let asks = object.spec.as_ref().map(asks).unwrap_or_default();
            let uid = object.metadata.uid.as_deref().unwrap_or_default();
            config.tokens = self.tokens.of_pod(key, uid, asks, self.clock.now());
        }
        config
    }

    fn decide_pod(
        &self,
        key: &PodKey,
        scratch: &[String],
        config: &Config,
        address: Result<IpAddr, String>,
    ) -> pod::Plan {
        static FRESH: std::sync::LazyLock<pod::Memory> = std::sync::LazyLock::new(pod::Memory::default);
        let object = self.world.pods.get(&key.namespace, &key.name);
        let claims: BTreeMap<String, pod::ClaimState> = object
            .iter()
            .flat_map(|object| claims_of(object))
            .map(|name| {
                let claim = self.world.claims.get(&key.namespace, name);
                let volume = self.world.volume_of_claim(&key.namespace, name);
                (name.to_owned(), claim::state(claim, name, volume.as_slice(), self.engine.volumes()))
            })
            .collect();
        let named = object.map(images_of).unwrap_or_default();
        let images = named.iter().filter_map(|name| Some((name.clone(), self.images.get(name)?.clone()?))).collect();
        let images_unknown = named.into_iter().filter(|name| !self.images.contains_key(name)).collect();
        let reserved = self.world.reserved.get(&key.namespace, &key.name);
        let place = self.place_of(key, object.or(reserved.map(|reserved| &reserved.pod)));
        self.planner.pod(&pod::Input {
            key,
            pod: object,
            reserved,
            containers: self.engine.containers(key),
            scratch,
            claims: &claims,
            config,
            address,
            images: &images,
            images_unknown: &images_unknown,
            place: &place,
            held_back: object.and_then(|object| self.held_back(key, object)),
            memory: self.memories.get(key).unwrap_or(&FRESH),
            host: &self.settings.host,
            now: self.clock.now(),
        })
    }

    /// Where the pod is to run, while that is in question: whoever has its place needs no look at all other pods.
    fn place_of(&self, key: &PodKey, pod: Option<&Pod>) -> Place<'_> {
        let node = &self.settings.host.node;
        let between_pods = self.settings.between_pods;
        if pod.is_none_or(|pod| pod::is_placed(pod, node)) {
            return Place { node: self.world.nodes.get("", node), between_pods, ..Place::default() };
        }
        Place {
            node: self.world.nodes.get("", node),
            pods: pod.map_or_else(Vec::new, |pod| self.world.neighbours(key, pod)),
            namespaces: self.world.namespaces.all().map(|(_, namespace)| namespace).collect(),
            volumes: pod
                .into_iter()
                .flat_map(claims_of)
                .filter_map(|name| self.world.volume_of_claim(&key.namespace, name))
                .collect(),
            between_pods,
        }
    }

    /// The pod's name and what it waits for itself, without its name before it.
    fn trouble_of(&self, namespace: &str, pod: &Pod) -> Option<(String, String)> {
        let name = pod.metadata.name.clone()?;
        let key = PodKey { namespace: namespace.to_owned(), name: name.clone() };
        let message = self.board.first(&Unit::Pod(key))?.message;
        let why = message.strip_prefix(&format!("{name}: ")).map_or_else(|| message.clone(), str::to_owned);
        Some((name, why))
    }

    /// Whether some set has the pod wait for its lower siblings.
    fn held_back(&self, key: &PodKey, pod: &Pod) -> Option<set::HeldBack> {
        let now = self.clock.now();
        let mut sets = self.world.sets_of_pod(&key.namespace, &pod.metadata);
        sets.find_map(|set| set::held_back(set, &self.world.pods_of_set(set), pod, now))
    }

    /// The address that an identity holds; one that has none, or has lost it, gets one, on disk before it is used.
    async fn address_of(&mut self, key: &PodKey) -> Result<IpAddr, String> {
        let network = self.settings.network;
        let exists = |pod: &PodKey| {
            self.world.pods.get(&pod.namespace, &pod.name).is_some()
                || self.world.reserved.get(&pod.namespace, &pod.name).is_some()
                || !self.engine.containers(pod).is_empty()
        };
        let lost = |address| self.memories.get(key).is_some_and(|memory| pod::has_lost(memory, address));
        let address = self.planner.address(&self.leases, &exists, &lost, key, network.subnet, network.gateway)?;
        let before = self.leases.get(key).map(|lease| lease.address);
        if before == Some(address) {
            return Ok(IpAddr::V4(address));
        }
        let given_up = before.filter(|before| lost(*before));
        let now = self.clock.now();
        let former = self.leases.holder(address).cloned();
        let mut writes: Vec<store::Write> = former.iter().map(leases::give_up).collect();
        let outsider = given_up.map(|address| (address::outsider(address), address));
        let holders: Vec<_> = [(key.clone(), address)].into_iter().chain(outsider).collect();
        for (pod, address) in &holders {
            let lease = address::Lease { address: *address, last_used: now.as_second() };
            writes.push(leases::keep(&self.store, pod, &lease, self.stamps.uid(), &now.to_string()));
        }
        self.store.commit(writes).await.map_err(|error| format!("cannot keep the pod's address: {error}"))?;
        if let Some(former) = former {
            self.leases.remove(&former);
        }
        for (pod, address) in holders {
            self.leases.insert(pod, address::Lease { address, last_used: now.as_second() });
        }
        if let Some(before) = given_up {
            tracing::warn!(pod = %key, %before, %address, "somebody else has the pod's address; it gets another one");
            let object = self.world.pods.get(&key.namespace, &key.name);
            let note = pod::readdressed(key, object, before, address);
            self.tell(note.into_iter().collect()).await;
        }
        Ok(IpAddr::V4(address))
    }

    /// Notes when an identity was last seen, so that its address is the last to be given to another.
    async fn keep_lease(&mut self, key: &PodKey) {
        let now = self.clock.now();
        let Some(address) = self.leases.get(key).map(|lease| lease.address) else { return };
        let lease = address::Lease { address, last_used: now.as_second() };
        let write = leases::keep(&self.store, key, &lease, self.stamps.uid(), &now.to_string());
        self.leases.insert(key.clone(), lease);
        self.commit_quietly(vec![write]).await;
    }

    /// Commits a unit's writes together and tells its notes and waits. False where the writes did not happen: the
    /// unit is then planned again, and none of its actions may begin.
    pub(super) async fn carry_out(
        &mut self,
        unit: &Unit,
        writes: Vec<Write>,
        mut notes: Vec<Note>,
        mut waits: Vec<Wait>,
    ) -> bool {
        let now = self.clock.now();
        let mut transaction = Vec::new();
        for write in writes {
            match commit::translate(&self.store, write, self.stamps.uid(), now) {
                Ok(write) => transaction.extend(write),
                Err(refused) => self.refused(unit, &refused, &mut notes, &mut waits),
            }
        }
        let touched: BTreeSet<Key> = transaction.iter().filter_map(commit::shown).collect();
        let committed = if transaction.is_empty() { Ok(()) } else { self.commit(transaction).await };
        match committed {
            Ok(()) => {
                self.post(unit, waits);
                self.tell(notes).await;
                true
            }
            Err(CommitError::Exists(key)) => {
                // Who holds the name may have nothing to do with the unit, so that no change of theirs makes it dirty.
                self.look_again(unit, Some(now + WRITTEN_AGAIN_AFTER));
                let objects = self.subjects_of(unit, &touched);
                waits.extend(objects.into_iter().map(|object| unwritten::taken(object, &key.resource, &key.name)));
                self.post(unit, waits);
                false
            }
            Err(CommitError::Missing(_) | CommitError::Conflict(_)) => {
                // Somebody was faster. Their change is on its way here and makes the unit dirty, but it may have
                // arrived already: look again by ourselves.
                self.look_again(unit, Some(now));
                false
            }
            Err(CommitError::Closed) => false,
            Err(CommitError::Storage(refusal)) => {
                // `commit` has told the log.
                self.look_again(unit, Some(now + WRITTEN_AGAIN_AFTER));
                let objects = self.subjects_of(unit, &touched);
                waits.extend(objects.into_iter().map(|object| unwritten::undurable(object, &refusal.to_string())));
                self.post(unit, waits);
                false
            }
        }
    }

    fn refused(&self, unit: &Unit, refused: &Refused, notes: &mut Vec<Note>, waits: &mut Vec<Wait>) {
        tracing::warn!(?unit, ?refused, "the contract refuses what was planned");
        for subject in self.subjects_of(unit, &BTreeSet::new()) {
            let Refused { deed, kind, name, message } = refused;
            let (note, wait) = unwritten::refused(&subject, *deed, kind, name, message);
            // What was refused did not happen.
            notes.retain(|note| !unwritten::is_untrue(note, name));
            notes.push(note);
            waits.push(wait);
        }
    }

    /// What users know a unit by: its object; of claims and volumes, which are one unit, those that were `touched`.
    fn subjects_of(&self, unit: &Unit, touched: &BTreeSet<Key>) -> Vec<Subject> {
        let key = match unit {
            Unit::Zone((namespace, name)) => Key::new(resources::SERVICES, namespace, name),
            Unit::Namespace(name) => Key::new(resources::NAMESPACES, "", name),
            Unit::Node(name) => Key::new(resources::NODES, "", name),
            Unit::Garbage(key) => key.clone(),
            Unit::Set(SetKey { kind: "StatefulSet", namespace, name }) => {
                Key::new(resources::STATEFULSETS, namespace, name)
            }
            Unit::Set(SetKey { namespace, name, .. }) => Key::new(resources::PETSETS, namespace, name),
            Unit::Budget((namespace, name)) => Key::new(resources::BUDGETS, namespace, name),
            Unit::Pod(PodKey { namespace, name }) => Key::new(resources::PODS, namespace, name),
            Unit::Claims => return touched.iter().map(|key| commit::subject(&self.store, key)).collect(),
        };
        vec![commit::subject(&self.store, &key)]
    }

    fn post(&mut self, unit: &Unit, waits: Vec<Wait>) {
        let texts: Vec<String> = waits.iter().map(|wait| wait.message.clone()).collect();
        if !self.board.post(unit, waits) {
            return;
        }
        for text in texts {
            tracing::info!(?unit, "waiting: {text}");
        }
        // Sets quote what their pods wait for.
        if let Unit::Pod(PodKey { namespace, name }) = unit
            && let Some(pod) = self.world.pods.get(namespace, name)
        {
            let sets = self.world.sets_of_pod(namespace, &pod.metadata);
            self.dirty.extend(sets.map(world::unit));
        }
    }

    /// Tells users what happened.
    pub(super) async fn tell(&mut self, notes: Vec<Note>) {
        let now = self.clock.now();
        for note in notes {
            let namespace = &note.subject.namespace;
            if !namespace.is_empty()
                && (self.world.namespaces.get("", namespace).is_none() || self.world.is_terminating(namespace))
            {
                // An event would keep the namespace from becoming empty.
                continue;
            }
            let node = &self.settings.host.node;
            if let Some(write) = self.recorder.write(&self.store, &note, node, self.stamps.uid(), now) {
                self.commit_quietly(vec![write]).await;
            }
        }
    }
}
