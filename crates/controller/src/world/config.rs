//! What pods read of ConfigMaps and Secrets: kept only for those that some pod names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::kinds::pod::ephemeral;
use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret, Volume};
use plan::{
    config::{Config, Values},
    facts::PodKey,
};
use serde::Deserialize as _;
use store::{Key, Store};

use super::{Name, Unit, World, allocatable, index::Groups, resources};

/// A ConfigMap or Secret: the store's name of its resource, its namespace and its name.
type Object = (&'static str, String, String);

/// Who reads what, and the values of what is read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// The names of the pods that read an object.
    readers: Groups<Object, String>,
    /// The values of objects, as far as a pod was planned that reads them; `None` for one that is not there.
    values: BTreeMap<Object, Option<Arc<Values>>>,
}

impl Readings {
    /// Takes in a pod in the place of what it was before.
    pub(super) fn pod(&mut self, (namespace, name): &Name, before: Option<&Pod>, after: Option<&Pod>) {
        let objects = |pod: Option<&Pod>| pod.map(|pod| read_by(namespace, pod)).unwrap_or_default();
        let (before, after) = (objects(before), objects(after));
        for object in before.difference(&after) {
            self.readers.remove(object, name);
            if self.readers.get(object).next().is_none() {
                self.values.remove(object);
            }
        }
        for object in after {
            self.readers.insert(object, name.clone());
        }
    }

    /// Takes in that an object has come, changed or gone.
    pub(super) fn changed(&mut self, key: &Key, dirty: &mut BTreeSet<Unit>) {
        let kinds = [resources::CONFIG_MAPS, resources::SECRETS];
        let Some(kind) = kinds.into_iter().find(|kind| *kind == &*key.resource) else { return };
        let object = (kind, key.namespace.to_string(), key.name.to_string());
        self.values.remove(&object);
        let pods = self.readers.get(&object);
        dirty.extend(pods.map(|name| Unit::Pod(PodKey { namespace: object.1.clone(), name: name.clone() })));
    }

    /// The values of an object, from the store where they are not known.
    fn values(&mut self, store: &Store, object: &Object) -> Option<Arc<Values>> {
        if let Some(values) = self.values.get(object) {
            return values.clone();
        }
        let values = load(store, object).map(Arc::new);
        self.values.insert(object.clone(), values.clone());
        values
    }
}

impl World {
    /// What there is of the configuration that a pod reads.
    pub fn config_of(&mut self, store: &Store, key: &PodKey, node: &str) -> Config {
        let mut config = Config::default();
        let Some(pod) = self.pods.get(&key.namespace, &key.name) else { return config };
        for object in read_by(&key.namespace, pod) {
            let Some(values) = self.readings.values(store, &object) else { continue };
            let (kind, _, name) = object;
            let objects = if kind == resources::SECRETS { &mut config.secrets } else { &mut config.config_maps };
            objects.insert(name, values);
        }
        config.allocatable = self.nodes.get("", node).and_then(allocatable).unwrap_or_default();
        config
    }
}

fn load(store: &Store, (kind, namespace, name): &Object) -> Option<Values> {
    let object = store.get(&Key::new(kind, namespace, name))?;
    if *kind == resources::SECRETS {
        return Some(Values::from(&Secret::deserialize(&*object).ok()?));
    }
    Some(Values::from(&ConfigMap::deserialize(&*object).ok()?))
}

/// The objects that a pod names, in its own namespace.
fn read_by(namespace: &str, pod: &Pod) -> BTreeSet<Object> {
    let mut names = BTreeSet::new();
    let Some(spec) = &pod.spec else { return BTreeSet::new() };
    for volume in spec.volumes.iter().flatten() {
        of_volume(volume, &mut names);
    }
    let registries = spec.image_pull_secrets.iter().flatten();
    names.extend(registries.map(|secret| (resources::SECRETS, secret.name.clone())));
    let ephemeral = ephemeral::containers(spec);
    for container in spec.init_containers.iter().flatten().chain(&spec.containers).chain(&ephemeral) {
        of_container(container, &mut names);
    }
    names.into_iter().map(|(kind, name)| (kind, namespace.to_owned(), name)).collect()
}

fn of_volume(volume: &Volume, names: &mut BTreeSet<(&'static str, String)>) {
    if let Some(map) = &volume.config_map {
        names.insert((resources::CONFIG_MAPS, map.name.clone()));
    }
    if let Some(name) = volume.secret.as_ref().and_then(|secret| secret.secret_name.clone()) {
        names.insert((resources::SECRETS, name));
    }
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    for source in sources {
        names.extend(source.config_map.iter().map(|map| (resources::CONFIG_MAPS, map.name.clone())));
        names.extend(source.secret.iter().map(|secret| (resources::SECRETS, secret.name.clone())));
    }
}

fn of_container(container: &Container, names: &mut BTreeSet<(&'static str, String)>) {
    for source in container.env_from.iter().flatten() {
        names.extend(source.config_map_ref.iter().map(|map| (resources::CONFIG_MAPS, map.name.clone())));
        names.extend(source.secret_ref.iter().map(|secret| (resources::SECRETS, secret.name.clone())));
    }
    for source in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
        names.extend(source.config_map_key_ref.iter().map(|map| (resources::CONFIG_MAPS, map.name.clone())));
        names.extend(source.secret_key_ref.iter().map(|secret| (resources::SECRETS, secret.name.clone())));
    }
}
