//! Patches: whatever comes of one is refused, or as good as an object that was sent whole.

use std::sync::LazyLock;

use api::{
    admission::{self, Update},
    body::{self, Media},
    limits::NESTING_MAX,
    patch::{self, Kind},
    resource::{RESOURCES, Resource},
};
use serde_json::{Value, json};

use super::bodies::{depth, is_sound, namespace, stamp, stays_itself};

/// An object of each kind that has something to patch, as stored.
pub(crate) static OBJECTS: LazyLock<Vec<(&Resource, Value)>> = LazyLock::new(|| {
    let manifests = include_str!("objects.yaml");
    let manifests = body::read_manifest(manifests.as_bytes()).expect("the manifests are well formed");
    let mut objects = Vec::new();
    for manifest in manifests {
        let kind = manifest["kind"].as_str().expect("a kind").to_owned();
        let resource = RESOURCES.iter().find(|resource| resource.kind == kind).expect("a kind that is served");
        let (object, unknown) = resource.rules.normalise(manifest).expect("an object of its kind");
        assert_eq!(unknown, Vec::<String>::new(), "{kind}");
        let mut object = admission::create(resource, namespace(resource), object, &stamp()).expect("a valid object");
        object["metadata"]["resourceVersion"] = "7".into();
        objects.push((*resource, object));
    }
    objects
});

/// The first byte chooses the object, the second the kind of patch, the rest is the patch.
pub fn patch(input: &[u8]) {
    let [object, kind, bytes @ ..] = input else { return };
    let (resource, old) = &OBJECTS[usize::from(*object) % OBJECTS.len()];
    let kind = [Kind::Json, Kind::Merge, Kind::Strategic][usize::from(*kind) % 3];
    let patched = match patch::apply(kind, resource.kind, old, bytes) {
        Ok((patched, _)) => patched,
        Err(status) => return is_sound(&status),
    };
    assert!(depth(&patched) <= NESTING_MAX, "a patched object nests no deeper than a body may");
    let (new, _) = match resource.rules.normalise(patched) {
        Ok(normal) => normal,
        Err(status) => return is_sound(&status),
    };
    match admission::update(resource, new, old) {
        Err(status) => is_sound(&status),
        Ok(Update::Remove(_)) => panic!("no object that is there is being deleted"),
        Ok(Update::Write(stored)) => {
            for field in ["name", "namespace", "uid", "creationTimestamp", "resourceVersion"] {
                assert_eq!(stored["metadata"][field], old["metadata"][field], "{field} is the server's");
            }
            stays_itself(resource, &stored);
            let nothing = json!({}).to_string();
            let again =
                patch::apply(Kind::Strategic, resource.kind, &stored, nothing.as_bytes()).map(|(object, _)| object);
            assert_eq!(again.as_ref(), Ok(&stored), "an empty patch changes nothing");
            let _ = body::read(stored.to_string().as_bytes(), Media::Json, resource.kind);
        }
    }
}
