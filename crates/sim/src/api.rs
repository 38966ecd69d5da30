//! What the server does to the store, without HTTP: the same admission, the same optimistic writes.

use std::sync::Arc;

use api::{
    admission::{self, DeleteOptions, Deletion, Stamp, Update},
    resource::{RESOURCES, Resource, SERVICES, Scope},
    services::{self, ServiceRange, Taken},
};
use serde_json::Value;
use store::{Expect, Key, Revision, Store, Write};

/// Creates an object. The error says why it is refused.
pub async fn create(store: &Store, namespace: &str, object: Value, stamp: &Stamp) -> Result<Arc<Value>, String> {
    let resource = resource_of(&object);
    let (object, unknown) = resource.rules.normalise(object).map_err(|status| status.message)?;
    if !unknown.is_empty() {
        return Err(format!("unknown fields {unknown:?}"));
    }
    let mut writes = Vec::new();
    let namespace = match resource.scope {
        Scope::Namespaced => {
            let key = Key::new("namespaces", "", namespace);
            let found = store.get(&key).ok_or("there is no such namespace")?;
            if !found["metadata"]["deletionTimestamp"].is_null() {
                return Err("the namespace is being deleted".to_owned());
            }
            writes.push(Write::Check { key, expect: expected(&found) });
            namespace
        }
        Scope::Cluster => "",
    };
    let mut object = admission::create(resource, namespace, object, stamp).map_err(|status| status.message)?;
    if resource.kind == SERVICES.kind {
        let all = store.list(&SERVICES.qualified(), None).items;
        let taken = Taken::by(all.iter().map(AsRef::as_ref));
        services::allocate(&mut object, None, &taken, &ServiceRange::of([10, 88, 0, 0].into(), 24))
            .map_err(|status| status.message)?;
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let key = Key::new(&resource.qualified(), namespace, name);
    writes.push(Write::Create { key, object });
    let committed = store.commit(writes).await.map_err(|error| error.to_string())?;
    committed.into_iter().next_back().ok_or_else(|| "nothing was written".to_owned())
}

/// Changes an object.
pub async fn edit(store: &Store, key: &Key, edit: impl FnOnce(&mut Value)) -> Result<(), String> {
    let old = store.get(key).ok_or("there is no such object")?;
    let mut new = (*old).clone();
    edit(&mut new);
    let expect = expected(&old);
    let write = match admission::update(resource(key), new, &old).map_err(|status| status.message)? {
        Update::Write(object) => Write::Update { key: key.clone(), object, expect },
        Update::Remove(_) => Write::Delete { key: key.clone(), expect },
    };
    store.commit(vec![write]).await.map(drop).map_err(|error| error.to_string())
}

/// Deletes an object.
pub async fn delete(store: &Store, key: &Key, options: &DeleteOptions, now: jiff::Timestamp) -> Result<(), String> {
    let old = store.get(key).ok_or("there is no such object")?;
    let expect = expected(&old);
    let write = match admission::delete(resource(key), &old, options, now).map_err(|status| status.message)? {
        Deletion::Remove => Write::Delete { key: key.clone(), expect },
        Deletion::Mark(object) => Write::Update { key: key.clone(), object, expect },
    };
    store.commit(vec![write]).await.map(drop).map_err(|error| error.to_string())
}

fn expected(object: &Value) -> Expect {
    let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
    version.map_or(Expect::Exists, |version| Expect::At(Revision(version)))
}

fn resource(key: &Key) -> &'static Resource {
    RESOURCES.iter().find(|resource| resource.qualified() == *key.resource).expect("users name only what is served")
}

fn resource_of(object: &Value) -> &'static Resource {
    let kind = object["kind"].as_str().unwrap_or_default();
    RESOURCES.iter().find(|resource| resource.kind == kind).expect("users make only what is served")
}
