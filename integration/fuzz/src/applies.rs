//! Applied configurations and `managedFields`: whatever is applied is applied again without a change, and whatever is said
//! of owners is refused or can be read.

use api::{
    body::{self, Media},
    ownership::{self, Conflicts, Part, Writer},
};

use super::{
    bodies::{is_sound, stamp},
    patches::OBJECTS,
};

/// The first byte chooses the object, the second who applies; the rest is the configuration, without its type, and if it is
/// JSON also taken for `managedFields`.
pub fn apply(input: &[u8]) {
    let [choice, manager, bytes @ ..] = input else { return };
    let (resource, live) = &OBJECTS[usize::from(*choice) % OBJECTS.len()];
    let manager = ["kubectl", "other"][usize::from(*manager) % 2];
    let writer = Writer { manager, part: Part::Main, now: stamp().now };
    if let Ok((sent, _)) = body::read(bytes, Media::Json, resource.kind) {
        let mut new = live.clone();
        let sent = sent.get("managedFields");
        match ownership::updated(resource, &mut new, live, sent, writer) {
            Err(status) => is_sound(&status),
            Ok(()) => {
                let mut again = new.clone();
                let sent = ownership::take(&mut again);
                assert_eq!(ownership::updated(resource, &mut again, &new, sent.as_ref(), writer), Ok(()));
                assert_eq!(again, new, "entries read back as they were written");
            }
        }
    }
    let mut config = match body::read_configuration(bytes) {
        Ok((config, _)) => config,
        Err(status) => return is_sound(&status),
    };
    config["apiVersion"] = live["apiVersion"].clone();
    config["kind"] = live["kind"].clone();
    let mut state = live.clone();
    for conflicts in [Conflicts::Refuse, Conflicts::Force] {
        match ownership::applied(resource, Some(&state), &config, writer, conflicts) {
            Err(status) => is_sound(&status),
            Ok(applied) => {
                let again = ownership::applied(resource, Some(&applied), &config, writer, conflicts);
                assert_eq!(again.as_ref(), Ok(&applied), "the second time changes nothing");
                state = applied;
            }
        }
    }
}
