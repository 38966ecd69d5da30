//! The laws about what is: the objects in the store, what runs in the engine, and what DNS answers from.
//!
//! Whoever has all three at hand, as the simulator has, asks these after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use api::{petset::PetSet, selector::Labels};
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, StatefulSet},
    core::v1::{Endpoints, Namespace, PersistentVolume, PersistentVolumeClaim, Pod, Service},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Law, Verdict, holds, is_leaving, name, namespace, pod, set, storage, zone};
use crate::{
    Action,
    facts::{Engine, PodKey, Volume},
    pod::Host,
    read,
    set::{Reserved, Set},
    zone::{Endpoint, Frontends, Plan, Records, Zone},
};

/// The objects at one moment, as the laws read them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// All PetSets.
    pub pet_sets: Vec<PetSet>,
    /// All StatefulSets.
    pub stateful_sets: Vec<StatefulSet>,
    /// All controller revisions.
    pub revisions: Vec<ControllerRevision>,
    /// All pods.
    pub pods: Vec<Pod>,
    /// All claims.
    pub claims: Vec<PersistentVolumeClaim>,
    /// All volumes.
    pub volumes: Vec<PersistentVolume>,
    /// All services.
    pub services: Vec<Service>,
    /// All endpoints.
    pub endpoints: Vec<Endpoints>,
    /// All namespaces.
    pub namespaces: Vec<Namespace>,
    /// What sets have reserved: the daemon's own records.
    pub reserved: Vec<Reserved>,
}

impl Objects {
    /// Takes in an object as the store holds it; `resource` is its qualified plural (`petsets.apps`). What no law is about
    /// is left out. The error says what is wrong with the object's shape.
    pub fn add(&mut self, resource: &str, object: &Value) -> Result<(), serde_json::Error> {
        fn push<T: DeserializeOwned>(list: &mut Vec<T>, object: &Value) -> Result<(), serde_json::Error> {
            list.push(T::deserialize(object)?);
            Ok(())
        }
        match resource {
            "petsets.apps" => push(&mut self.pet_sets, object),
            "statefulsets.apps" => push(&mut self.stateful_sets, object),
            "controllerrevisions.apps" => push(&mut self.revisions, object),
            "pods" => push(&mut self.pods, object),
            "persistentvolumeclaims" => push(&mut self.claims, object),
            "persistentvolumes" => push(&mut self.volumes, object),
            "services" => push(&mut self.services, object),
            "endpoints" => push(&mut self.endpoints, object),
            "namespaces" => push(&mut self.namespaces, object),
            "_reserved" => push(&mut self.reserved, object),
            _ => Ok(()),
        }
    }

    /// All sets of both kinds.
    pub fn sets(&self) -> impl Iterator<Item = Set<'_>> {
        self.pet_sets.iter().map(Set::from).chain(self.stateful_sets.iter().map(Set::from))
    }

    fn pod(&self, uid: &str) -> Option<&Pod> {
        self.pods.iter().find(|pod| uid_of(pod) == uid)
    }

    fn pods_of<'a>(&'a self, space: &str) -> Vec<&'a Pod> {
        self.pods.iter().filter(|pod| namespace(&pod.metadata) == space).collect()
    }
}

/// [`Law::OneOfEach`]: of everything that runs, no two containers are the same part of the same identity.
pub fn one_of_each(engine: &Engine) -> Verdict {
    for (key, containers) in &engine.containers {
        let mut live = BTreeMap::new();
        for container in containers.iter().filter(|container| pod::is_live(container)) {
            let part = (container.owner.role, container.owner.container.as_str());
            if let Some(twin) = live.insert(part, container) {
                return holds(false, Law::OneOfEach, || {
                    let (a, b) = (pod::show(&twin.owner), pod::show(&container.owner));
                    format!("two containers run for one part of {key}: {a} and {b}")
                });
            }
        }
    }
    Ok(())
}

/// What is known of whose data was where: the memory that [`Law::Sticky`] needs.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The volume of each claim that ever had one, by the claim's uid.
    bound: BTreeMap<String, String>,
    /// What the data behind each name in the engine was for when it was last seen.
    data: BTreeMap<String, Data>,
}

#[derive(Clone, Debug, Default)]
struct Data {
    /// The uid of the claim whose it is; of scratch space there is none.
    claim: Option<String>,
    /// The uid of the pod whose scratch space it is.
    pod: Option<String>,
    /// What becomes of it when its claim is gone; `None` where no object has ever stood for it, so that nothing mounted it.
    policy: Option<String>,
}

impl History {
    /// [`Law::Sticky`]: no claim ever has another volume than its first, and no data goes while its claim, or the pod whose
    /// scratch space it is, is there, or while its policy keeps it. `taken` are volumes that somebody else has removed.
    pub fn sticky(
        &mut self,
        objects: &Objects,
        volumes: &BTreeMap<String, Volume>,
        taken: &BTreeSet<String>,
    ) -> Verdict {
        for claim in &objects.claims {
            let (Some(uid), Some(volume)) = (&claim.metadata.uid, storage::volume_of(claim)) else { continue };
            let first = self.bound.entry(uid.clone()).or_insert_with(|| volume.to_owned());
            holds(first == volume, Law::Sticky, || {
                format!("claim {} had volume {first} and has {volume}", name(&claim.metadata))
            })?;
        }
        let gone: Vec<String> = self.data.keys().filter(|handle| !volumes.contains_key(*handle)).cloned().collect();
        for handle in gone {
            let Some(data) = self.data.remove(&handle).filter(|_| !taken.contains(&handle)) else { continue };
            data.may_go(&handle, objects)?;
        }
        for (handle, volume) in volumes {
            let data = self.data.entry(handle.clone()).or_default();
            data.pod = volume.labels.get("uid").cloned();
            let object = objects.volumes.iter().find(|object| storage::handle_of(object) == Some(handle));
            if let Some(object) = object {
                data.claim = storage::holder(object).map(str::to_owned);
                let spec = object.spec.as_ref();
                data.policy = Some(spec.and_then(|s| s.persistent_volume_reclaim_policy.clone()).unwrap_or_default());
            }
        }
        Ok(())
    }
}

impl Data {
    fn may_go(&self, handle: &str, objects: &Objects) -> Verdict {
        if let Some(uid) = &self.pod {
            let keeps = objects.pod(uid).filter(|pod| !is_leaving(&pod.metadata));
            return holds(keeps.is_none(), Law::Sticky, || format!("{handle} is gone and its pod is there"));
        }
        let claim = objects.claims.iter().find(|claim| self.claim.is_some() && claim.metadata.uid == self.claim);
        if let Some(claim) = claim {
            return holds(false, Law::Sticky, || {
                format!("{handle} is gone and its claim {} is there", name(&claim.metadata))
            });
        }
        holds(self.policy.as_deref().is_none_or(|policy| policy == "Delete"), Law::Sticky, || {
            format!("{handle} is gone although its policy is {:?}", self.policy.as_deref().unwrap_or_default())
        })
    }
}

/// [`Law::Blind`]: between two moments at which the loop knew that the engine is silent nothing was begun, no pod was
/// declared failed or unready, and no record of a pod that is still wanted was withdrawn; one whose identity was changed may have another
/// name for its address.
pub fn blind(before: (&Objects, &Zone), after: (&Objects, &Zone), begun: &[Action]) -> Verdict {
    if let Some(action) = begun.first() {
        return holds(false, Law::Blind, || format!("{action:?} was begun while the engine was silent"));
    }
    for old in &before.0.pods {
        let new = after.0.pod(uid_of(old)).filter(|new| !is_leaving(&new.metadata));
        let Some(new) = new else { continue };
        let is_declared = read::phase(new) == "Failed" && read::phase(old) != "Failed";
        holds(!is_declared, Law::Blind, || {
            format!("pod {} was declared failed while the engine was silent", name(&new.metadata))
        })?;
        holds(!read::is_ready(old) || read::is_ready(new), Law::Blind, || {
            format!("pod {} was declared unready while the engine was silent", name(&new.metadata))
        })?;
        for (service, endpoint) in published(before.1).filter(|(_, endpoint)| is_at(endpoint, old)) {
            let key = |object: &&Service| (namespace(&object.metadata), name(&object.metadata)) == service;
            let find = |objects: &'_ Objects| objects.services.iter().find(key).map(|service| service.spec.clone());
            let is_same = find(before.0) == find(after.0);
            // A pod whose identity somebody has changed is published under its new name.
            let is_renamed = identity(old) != identity(new);
            let is_there = published(after.1).any(|(its, found)| {
                its == service && (found == endpoint || is_renamed && found.addresses == endpoint.addresses)
            });
            holds(!is_same || is_there, Law::Blind, || {
                format!("{} of service {} was withdrawn while the engine was silent", endpoint.hostname, service.1)
            })?;
        }
    }
    Ok(())
}

/// What of a pod says which name it has in DNS.
fn identity(pod: &Pod) -> (Option<&BTreeMap<String, String>>, Option<&str>, Option<&str>) {
    let spec = pod.spec.as_ref();
    let hostname = spec.and_then(|spec| spec.hostname.as_deref());
    (pod.metadata.annotations.as_ref(), hostname, spec.and_then(|spec| spec.subdomain.as_deref()))
}

/// [`Law::ZoneTrue`]: DNS answers from what the objects say: every service, with exactly the pods that may be asked for,
/// every one with a name for its address. It holds whenever no service waits to be planned.
pub fn zone_true(objects: &Objects, zone: &Zone) -> Verdict {
    for service in &objects.services {
        let key = (namespace(&service.metadata), name(&service.metadata));
        let Some(records) = zone.service(key.0, key.1) else {
            return holds(false, Law::ZoneTrue, || format!("service {}/{} is not in the zone", key.0, key.1));
        };
        zone::records(service, &objects.pods_of(key.0), endpoints_of(objects, service), records)?;
    }
    for ((space, service), _) in zone.services() {
        let is_there =
            objects.services.iter().any(|its| namespace(&its.metadata) == space && name(&its.metadata) == service);
        holds(is_there, Law::ZoneTrue, || format!("service {space}/{service} is in the zone and does not exist"))?;
    }
    for ((space, service), endpoint) in published(zone) {
        let full = format!("{}.{service}.{space}.svc.{}", endpoint.hostname, zone.domain);
        for address in &endpoint.addresses {
            let is_named = zone.names_of(*address).any(|name| name == full);
            holds(is_named, Law::ZoneTrue, || format!("{address} does not have the name {full}"))?;
        }
    }
    let wanted: BTreeSet<&str> = objects.namespaces.iter().map(|space| name(&space.metadata)).collect();
    let found: BTreeSet<&str> = zone.namespaces.iter().map(String::as_str).collect();
    holds(found == wanted, Law::ZoneTrue, || format!("the zone has namespaces {found:?}, there are {wanted:?}"))
}

/// [`Law::Settles`]: every set has its pets and claims, every claim its data, every pod its containers and nothing more
/// runs, and what is published is true. Ask it when faults have stopped for long enough and users have let be.
pub fn settles(objects: &Objects, engine: &Engine, zone: &Zone, now: Timestamp) -> Verdict {
    // No law about a set that has settled asks for the host.
    let nobody = Host {
        instance: String::new(),
        node: String::new(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        domain: zone.domain.clone(),
        dns: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        search: Vec::new(),
        resolvers: Vec::new(),
    };
    for its in objects.sets() {
        let space = its.namespace();
        let claims: Vec<_> = objects.claims.iter().filter(|claim| namespace(&claim.metadata) == space).collect();
        let revisions: Vec<_> = objects.revisions.iter().filter(|its| namespace(&its.metadata) == space).collect();
        let selector = its.selector().map(Labels::from_selector);
        let no_labels = BTreeMap::new();
        let selects = |pod: &&Pod| {
            let labels = pod.metadata.labels.as_ref().unwrap_or(&no_labels);
            selector.as_ref().is_some_and(|selector| selector.matches(labels))
        };
        let pods: Vec<&Pod> = objects.pods_of(space).into_iter().filter(selects).collect();
        let reserved = objects.reserved.iter().filter(|of| namespace(&of.metadata) == space && of.is_of(its));
        set::settled(&crate::set::Input {
            set: its,
            pods: &pods,
            namesakes: &[],
            troubles: &BTreeMap::new(),
            claims: &claims,
            revisions: &revisions,
            service: None,
            reserved: &reserved.collect::<Vec<_>>(),
            host: &nobody,
            pods_and_claims: 0,
            now,
        })?;
    }
    for claim in &objects.claims {
        data(claim, objects, engine)?;
    }
    let keys = objects.pods.iter().map(key_of).chain(engine.containers.keys().cloned());
    for key in keys.collect::<BTreeSet<_>>() {
        let object = objects.pods.iter().find(|pod| key_of(pod) == key);
        let containers = engine.containers.get(&key).map_or(&[][..], Vec::as_slice);
        pod::settled_as(&key, object, containers, &scratch(&key, engine))?;
    }
    zone_true(objects, zone)?;
    for service in &objects.services {
        let key = (namespace(&service.metadata), name(&service.metadata));
        let Some(records) = zone.service(key.0, key.1) else { continue };
        let plan = Plan { records: (**records).clone(), frontends: Vec::new(), writes: Vec::new() };
        zone::zone_true(service, &objects.pods_of(key.0), endpoints_of(objects, service), &plan)?;
    }
    Ok(())
}

/// Whether virtual addresses lead where they should, once all is settled: to what services publish, and for no other service.
pub fn served(objects: &Objects, frontends: &Frontends) -> Verdict {
    let mut wanted = Frontends::new();
    for service in &objects.services {
        let key = (namespace(&service.metadata).to_owned(), name(&service.metadata).to_owned());
        let its = crate::zone::plan(service, &objects.pods_of(&key.0), endpoints_of(objects, service)).frontends;
        if !its.is_empty() {
            wanted.insert(key, its);
        }
    }
    holds(*frontends == wanted, Law::Settles, || format!("{frontends:?} are served, and not {wanted:?}"))
}

/// Whether a claim has its data.
fn data(claim: &PersistentVolumeClaim, objects: &Objects, engine: &Engine) -> Verdict {
    let its_name = name(&claim.metadata);
    holds(!is_leaving(&claim.metadata), Law::Settles, || format!("claim {its_name} is still there"))?;
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    holds(phase == "Bound", Law::Settles, || format!("claim {its_name} is {phase:?} and not Bound"))?;
    let volume = objects.volumes.iter().find(|volume| Some(name(&volume.metadata)) == storage::volume_of(claim));
    let Some(volume) = volume else {
        return holds(false, Law::Settles, || format!("claim {its_name} is bound to a volume that does not exist"));
    };
    let handle = storage::handle_of(volume);
    holds(handle.is_none_or(|handle| engine.volumes.contains_key(handle)), Law::Settles, || {
        format!("the data of claim {its_name} is not in the engine")
    })
}

/// The scratch volumes of an identity.
fn scratch(key: &PodKey, engine: &Engine) -> Vec<String> {
    let is_its = |volume: &&Volume| {
        volume.labels.get("namespace") == Some(&key.namespace) && volume.labels.get("pod") == Some(&key.name)
    };
    engine.volumes.values().filter(is_its).map(|volume| volume.name.clone()).collect()
}

fn endpoints_of<'a>(objects: &'a Objects, service: &Service) -> Option<&'a Endpoints> {
    let (space, its_name) = (namespace(&service.metadata), name(&service.metadata));
    objects.endpoints.iter().find(|its| namespace(&its.metadata) == space && name(&its.metadata) == its_name)
}

/// Every endpoint of a zone, with its service's namespace and name.
fn published(zone: &Zone) -> impl Iterator<Item = ((&str, &str), &Endpoint)> {
    zone.services().flat_map(|(key, records)| {
        let endpoints: &[Endpoint] = match records {
            Records::Endpoints(endpoints) | Records::Virtual { endpoints, .. } => endpoints,
            Records::External(_) => &[],
        };
        endpoints.iter().map(move |endpoint| (key, endpoint))
    })
}

fn is_at(endpoint: &Endpoint, pod: &Pod) -> bool {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()?.parse().ok());
    address.is_some_and(|address| endpoint.addresses.contains(&address))
}

fn key_of(pod: &Pod) -> PodKey {
    PodKey { namespace: namespace(&pod.metadata).to_owned(), name: name(&pod.metadata).to_owned() }
}

fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}
