//! The laws of one decision about a pod: what is done to its containers, and what is said about it.

use std::collections::BTreeSet;

use api::{kinds::pod::ephemeral, petset::init_containers};
use k8s_openapi::api::core::v1::{Container as ContainerSpec, Pod, PodStatus, Volume};

use super::{Law, Verdict, holds, is_leaving};
use crate::{
    Action, Write,
    action::{Sandbox, Source, Start, Stop},
    config::FileVolume,
    facts::{Container, Owner, PodKey, Role, State},
    pod::{ClaimState, Input, Plan},
    read,
};

/// Probes of one container: startup, liveness, readiness.
const PROBES_PER_CONTAINER_MAX: usize = 3;
/// Waits and notes of a pod that are about no single container or volume.
const SENTENCES_MAX: usize = 8;
/// Waits and notes about one container or volume.
const SENTENCES_EACH_MAX: usize = 4;

/// All laws that one decision can break.
pub fn all(input: &Input<'_>, plan: &Plan) -> Verdict {
    one_of_each(input, plan)?;
    sticky(input, plan)?;
    ours_only(input, plan)?;
    whole(input, plan)?;
    says_why(input, plan)?;
    quiet(input, plan)?;
    alone(input, plan)?;
    bounded(input, plan)
}

/// [`Law::OneOfEach`]: nothing starts beside a live container of the same part, or of another pod of the same name.
pub fn one_of_each(input: &Input<'_>, plan: &Plan) -> Verdict {
    for action in &plan.actions {
        let (Action::StartContainer(_) | Action::StartSandbox(_)) = action else { continue };
        let Some(owner) = owner(action) else { continue };
        let twin = input.containers.iter().find(|container| {
            let is_same = container.owner.role == owner.role && container.owner.container == owner.container;
            is_live(container) && container.owner != *owner && (is_same || container.owner.uid != owner.uid)
        });
        if let Some(twin) = twin {
            return holds(false, Law::OneOfEach, || {
                format!("{} is started while {} runs", show(owner), show(&twin.owner))
            });
        }
    }
    Ok(())
}

/// [`Law::Sticky`]: a container finds behind each path the volume that the pod's claim is bound to, or the pod's own scratch
/// volume; a pod that is to run keeps its scratch volumes.
pub fn sticky(input: &Input<'_>, plan: &Plan) -> Verdict {
    for action in &plan.actions {
        match action {
            Action::StartContainer(start) => mounts(input, start)?,
            Action::RemoveVolume { name } => {
                let keeps = input.pod.filter(|pod| !is_leaving(&pod.metadata) && !read::is_finished(pod));
                let is_kept = keeps.is_some_and(|pod| name.starts_with(&scratch_prefix(input, uid_of(pod))));
                holds(!is_kept, Law::Sticky, || format!("{name} is removed while its pod {} is there", input.key))?;
                let claim = input
                    .claims
                    .iter()
                    .find(|(_, state)| matches!(state, ClaimState::Ready(Source::Volume(volume)) if volume == name));
                if let Some((claim, _)) = claim {
                    return holds(false, Law::Sticky, || format!("{name} is removed, the volume of claim {claim}"));
                }
            }
            Action::PullImage { .. }
            | Action::CreateVolume { .. }
            | Action::WriteFiles(_)
            | Action::SetVolumeOwnership(_)
            | Action::GrowVolume { .. }
            | Action::StartSandbox(_)
            | Action::Stop(_)
            | Action::Remove { .. }
            | Action::Probe(_) => {}
        }
    }
    Ok(())
}

fn mounts(input: &Input<'_>, start: &Start) -> Verdict {
    let who = show(&start.owner);
    let Some((spec, volumes)) = input.pod.and_then(|pod| spec_of(pod, &start.owner)) else {
        return holds(false, Law::OursOnly, || format!("{who} is started, which the pod's spec does not name"));
    };
    for mount in spec.volume_mounts.iter().flatten() {
        let Some(volume) = volumes.iter().find(|volume| volume.name == mount.name) else { continue };
        let wanted = match &volume.persistent_volume_claim {
            Some(claim) => match input.claims.get(&claim.claim_name) {
                Some(ClaimState::Ready(source)) => Some(source.clone()),
                Some(ClaimState::Waiting(_)) | None => {
                    return holds(false, Law::Sticky, || {
                        format!("{who} is started although its claim {} cannot be mounted", claim.claim_name)
                    });
                }
            },
            None if volume.empty_dir.as_ref().is_some_and(|dir| dir.medium.as_deref() != Some("Memory")) => {
                Some(Source::Volume(format!("{}{}", scratch_prefix(input, &start.owner.uid), volume.name)))
            }
            None if holds_files(volume) => {
                Some(Source::Files(format!("{}{}", scratch_prefix(input, &start.owner.uid), volume.name)))
            }
            None => None,
        };
        let Some(wanted) = wanted else { continue };
        let found = start.mounts.iter().find(|found| found.path == mount.mount_path).map(|found| &found.source);
        holds(found == Some(&wanted), Law::Sticky, || {
            format!("{who} finds {found:?} at {}, and not {wanted:?}", mount.mount_path)
        })?;
    }
    Ok(())
}

/// [`Law::OursOnly`]: every action is about this pod: containers that the facts name, a sandbox of its own, volumes that
/// carry its mark. Of a pod that is yet to be made nothing but the sandbox is made.
pub fn ours_only(input: &Input<'_>, plan: &Plan) -> Verdict {
    let reserved = || input.reserved.and_then(|reserved| reserved.uid()).map(String::as_str);
    let uid = input.pod.map(uid_of);
    let is_known = |id: &str, owner: &Owner| {
        input.containers.iter().any(|container| container.id == id && container.owner == *owner)
    };
    for action in &plan.actions {
        let foreign = match action {
            Action::Stop(stops) => {
                let unknown = |stop: &&Stop| !is_known(&stop.id, &stop.owner) || stop.owner.pod != *input.key;
                stops.iter().find(unknown).map(|stop| format!("{} ({})", show(&stop.owner), stop.id))
            }
            Action::Remove { id, owner } => {
                (!is_known(id, owner) || owner.pod != *input.key).then(|| format!("{} ({id})", show(owner)))
            }
            Action::Probe(probe) => (!is_known(&probe.id, &probe.owner)).then(|| show(&probe.owner)),
            Action::StartContainer(start) => {
                let is_own_sandbox = |container: &Container| {
                    let its = &container.owner;
                    its.role == Role::Sandbox && its.pod == start.owner.pod && its.uid == start.owner.uid
                };
                let joins = input.containers.iter().find(|container| container.id == start.sandbox_id);
                let is_own = start.owner.pod == *input.key && Some(start.owner.uid.as_str()) == uid;
                (!is_own || !joins.is_some_and(is_own_sandbox))
                    .then(|| format!("{} in sandbox {}", show(&start.owner), start.sandbox_id))
            }
            Action::StartSandbox(sandbox) => {
                let Sandbox { owner, .. } = &**sandbox;
                (owner.pod != *input.key || Some(owner.uid.as_str()) != uid.or_else(reserved)).then(|| show(owner))
            }
            Action::CreateVolume { name, labels, .. } => {
                let label = |key: &str| labels.get(key).map(String::as_str);
                let is_own = label("namespace") == Some(&input.key.namespace)
                    && label("pod") == Some(&input.key.name)
                    && label("uid") == uid
                    && uid.is_some_and(|uid| name.starts_with(&scratch_prefix(input, uid)));
                (!is_own).then(|| name.clone())
            }
            Action::WriteFiles(write) => {
                let label = |volume: &FileVolume, key: &str| volume.labels.get(key).cloned();
                let is_own = |volume: &FileVolume| {
                    label(volume, "namespace").as_ref() == Some(&input.key.namespace)
                        && label(volume, "pod").as_ref() == Some(&input.key.name)
                        && label(volume, "uid").as_deref() == uid
                        && uid.is_some_and(|uid| volume.name.starts_with(&scratch_prefix(input, uid)))
                };
                let is_pods = write.pod == *input.key && Some(write.uid.as_str()) == uid;
                let foreign = write.volumes.iter().find(|volume| !is_pods || !is_own(volume));
                foreign.map(|volume| volume.name.clone())
            }
            Action::RemoveVolume { name } => (!input.scratch.contains(name)).then(|| name.clone()),
            Action::SetVolumeOwnership(ownership) => {
                let is_own = ownership.pod == *input.key && Some(ownership.uid.as_str()) == uid;
                let is_claimed = |name: &String| {
                    let is_it = |state: &ClaimState| matches!(state, ClaimState::Ready(Source::Volume(v)) if v == name);
                    input.claims.values().any(is_it)
                };
                let is_its =
                    |name: &String| name.starts_with(&scratch_prefix(input, &ownership.uid)) || is_claimed(name);
                let foreign = ownership.volumes.iter().find(|volume| !is_own || !is_its(&volume.name));
                foreign.map(|volume| volume.name.clone())
            }
            // What pods have of their own has no size to grow from.
            Action::GrowVolume { name, .. } => Some(name.clone()),
            Action::PullImage { .. } => None,
        };
        if let Some(what) = foreign {
            let key = input.key;
            return holds(false, Law::OursOnly, || format!("the plan of pod {key} does something to {what}"));
        }
    }
    Ok(())
}

/// [`Law::Whole`]: a container starts only when each volume of files that it mounts was written for this pod: by what is
/// remembered, or because a container that mounts it was made before. No version is written twice.
pub fn whole(input: &Input<'_>, plan: &Plan) -> Verdict {
    let memory = Some(input.memory).filter(|memory| Some(memory.uid.as_str()) == input.pod.map(uid_of));
    let files = |name: &str| memory.and_then(|memory| memory.files.get(name));
    for action in &plan.actions {
        match action {
            Action::StartContainer(start) => {
                let uid = &start.owner.uid;
                let had_container =
                    input.containers.iter().any(|c| c.owner.uid == *uid && c.owner.role != Role::Sandbox);
                let statuses = input.pod.and_then(|pod| pod.status.as_ref()).map(container_ids).unwrap_or_default();
                let was_made = had_container || statuses > 0;
                for mount in &start.mounts {
                    let Source::Files(name) = &mount.source else { continue };
                    let is_whole = input.scratch.contains(name) && (files(name).is_some() || was_made);
                    holds(is_whole, Law::Whole, || {
                        format!("{} is started before the files of {name} are whole", show(&start.owner))
                    })?;
                }
            }
            Action::WriteFiles(write) => {
                let is_so = |volume: &&FileVolume| {
                    input.scratch.contains(&volume.name) && files(&volume.name) == Some(&Some(volume.version.clone()))
                };
                if let Some(volume) = write.volumes.iter().find(is_so) {
                    return holds(false, Law::Quiet, || format!("the files of {} are written again", volume.name));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// How many containers of a pod are said to have been made.
fn container_ids(status: &PodStatus) -> usize {
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().filter(|status| status.container_id.is_some()).count()
}

/// Whether a volume is one of files that are made of configuration.
fn holds_files(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.downward_api.is_some()
        || volume.projected.is_some()
}

/// [`Law::SaysWhy`]: a pod that is not as specified has an action, a write, something in flight, or a wait.
pub fn says_why(input: &Input<'_>, plan: &Plan) -> Verdict {
    let memory = input.memory;
    let in_flight = memory.in_flight.is_some()
        || !memory.pulling.is_empty()
        || memory.probes.values().any(|probe| probe.in_flight)
        || !plan.actions.is_empty();
    if in_flight || !plan.writes.is_empty() || !plan.waits.is_empty() {
        return Ok(());
    }
    // Of a pod that is yet to be made nobody asks: it is enough that it is tried again.
    if input.pod.is_none() && input.reserved.is_some() && plan.look_again.is_some() {
        return Ok(());
    }
    match settled(input) {
        Ok(()) => Ok(()),
        Err(broken) => holds(false, Law::SaysWhy, || format!("{}, and nobody says why", broken.why)),
    }
}

/// [`Law::Quiet`]: no write says what is so already, no action is put twice, nothing is removed or stopped that is
/// gone, and nobody is asked to look again at once.
pub fn quiet(input: &Input<'_>, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let is_so = match write {
            Write::PodStatus { status, .. } => input.pod.is_some_and(|pod| pod.status.as_ref() == Some(&**status)),
            Write::UpdatePod(new) => input.pod == Some(&**new),
            _ => false,
        };
        holds(!is_so, Law::Quiet, || format!("pod {} is written although it is so already", input.key))?;
    }
    for action in &plan.actions {
        let Action::Stop(stops) = action else { continue };
        let ended = stops.iter().find(|stop| input.containers.iter().any(|c| c.id == stop.id && !is_live(c)));
        if let Some(stop) = ended {
            return holds(false, Law::Quiet, || format!("{} is stopped although it does not run", show(&stop.owner)));
        }
    }
    holds(plan.look_again.is_none_or(|at| at > input.now), Law::Quiet, || {
        format!("pod {} is to be looked at again at once", input.key)
    })
}

/// [`Law::Quiet`] for a plan of which it is known that nothing is left to do: it may ask how its containers are.
pub fn rests(plan: &Plan) -> Verdict {
    let action = plan.actions.iter().find(|action| !matches!(action, Action::Probe(_)));
    let acts = action.map(|action| format!("{action:?} is done"));
    let writes = plan.writes.first().map(|write| format!("{write:?} is written"));
    let tells = plan.notes.first().map(|note| format!("it is told that {}", note.message));
    match acts.or(writes).or(tells) {
        Some(what) => holds(false, Law::Quiet, || format!("{what} although nothing has changed")),
        None => Ok(()),
    }
}

/// [`Law::Settles`]: what is left of the pod is what should be: all of its containers run and are well, or it has ended and
/// nothing of it runs, or it is gone and nothing of it is left.
pub fn settled(input: &Input<'_>) -> Verdict {
    if let (None, Some(reserved)) = (input.pod, input.reserved) {
        // Its sandbox is nobody's business before the pod is there, but nothing else may be in its place.
        let is_its = |c: &&Container| c.owner.role == Role::Sandbox && Some(&c.owner.uid) == reserved.uid();
        return match input.containers.iter().find(|container| !is_its(container)) {
            Some(left) => holds(false, Law::Settles, || format!("{} is left", show(&left.owner))),
            None => Ok(()),
        };
    }
    settled_as(input.key, input.pod, input.containers, input.scratch)
}

/// The same from its parts: the identity, its object, the containers and the scratch volumes that the engine has for it.
pub fn settled_as(key: &PodKey, pod: Option<&Pod>, containers: &[Container], scratch: &[String]) -> Verdict {
    let broken = |why: String| holds(false, Law::Settles, || why);
    let Some(pod) = pod else {
        if let Some(left) = containers.first() {
            return broken(format!("pod {key} is gone and {} is left", show(&left.owner)));
        }
        return match scratch.first() {
            Some(volume) => broken(format!("pod {key} is gone and volume {volume} is left")),
            None => Ok(()),
        };
    };
    if is_leaving(&pod.metadata) {
        return broken(format!("pod {key} is still there although it is being deleted"));
    }
    match read::phase(pod) {
        "Succeeded" | "Failed" => match containers.iter().find(|container| is_live(container)) {
            Some(container) => broken(format!("pod {key} has ended and {} runs", show(&container.owner))),
            None => Ok(()),
        },
        "Running" => runs(key, pod, containers),
        phase => broken(format!("pod {key} is {phase:?} and not Running")),
    }
}

/// Whether all containers of a pod are well, or have ended well, and those that are said to run do.
fn runs(key: &PodKey, pod: &Pod, containers: &[Container]) -> Verdict {
    // A request that is served when nobody waits for it any more may leave another.
    if let Some(left) = containers.iter().filter(|c| c.owner.role == Role::Sandbox).nth(1) {
        return holds(false, Law::Settles, || format!("{} of pod {key} is left over", show(&left.owner)));
    }
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    for status in statuses {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        let name = &status.name;
        let own = pod.spec.iter().flat_map(|spec| &spec.containers).find(|container| container.name == *name);
        let is_once = own.is_some_and(|own| own.restart_policy.as_deref() == Some("Never"));
        if ended.is_some_and(|ended| ended.exit_code == 0 || is_once) {
            continue;
        }
        holds(status.ready, Law::Settles, || format!("container {name} of pod {key} is not ready"))?;
        let is_it = |c: &&Container| {
            c.owner.uid == uid_of(pod) && c.owner.role == Role::App && c.owner.container == *name && is_live(c)
        };
        holds(containers.iter().any(|c| is_it(&c)), Law::Settles, || {
            format!("container {name} of pod {key} is said to run and does not")
        })?;
    }
    Ok(())
}

/// [`Law::Alone`]: what is written and said is about this pod.
pub fn alone(input: &Input<'_>, plan: &Plan) -> Verdict {
    let key = input.key;
    for write in &plan.writes {
        let (kind, namespace, name) = super::target(write);
        holds(kind == "pod" && namespace == key.namespace && name == key.name, Law::Alone, || {
            format!("{kind} {namespace}/{name} is written in the plan of pod {key}")
        })?;
    }
    let subjects = plan.waits.iter().map(|wait| &wait.subject).chain(plan.notes.iter().map(|note| &note.subject));
    for subject in subjects {
        let is_own = subject.kind == "Pod" && subject.namespace == key.namespace && subject.name == key.name;
        holds(is_own, Law::Alone, || {
            format!("{} {} is spoken of in the plan of pod {key}", subject.kind, subject.name)
        })?;
    }
    Ok(())
}

/// [`Law::Bounded`]: one action at a time besides probes and pulls, nothing twice, and a few sentences for each container.
pub fn bounded(input: &Input<'_>, plan: &Plan) -> Verdict {
    let key = input.key;
    let is_exclusive = |action: &&Action| !matches!(action, Action::Probe(_) | Action::PullImage { .. });
    let exclusive: Vec<&Action> = plan.actions.iter().filter(is_exclusive).collect();
    holds(exclusive.len() <= 1, Law::Bounded, || format!("pod {key} gets several actions at once: {exclusive:?}"))?;
    if let (Some(action), Some(in_flight)) = (exclusive.first(), &input.memory.in_flight) {
        holds(ends(action, in_flight), Law::Bounded, || {
            format!("pod {key} gets {action:?} while {in_flight:?} is in flight")
        })?;
    }
    for (at, action) in plan.actions.iter().enumerate() {
        holds(!plan.actions[..at].contains(action), Law::Bounded, || format!("pod {key} gets {action:?} twice"))?;
        let is_under_way = match action {
            Action::PullImage { image, .. } => input.memory.pulling.contains(image),
            Action::Probe(probe) => {
                let history = input.memory.probes.get(&(probe.owner.container.clone(), probe.kind));
                history.is_some_and(|history| history.in_flight && history.id == probe.id)
            }
            _ => false,
        };
        holds(!is_under_way, Law::Bounded, || format!("pod {key} gets {action:?}, which is under way already"))?;
    }
    let spec = input.pod.and_then(|pod| pod.spec.as_ref());
    let named = spec.map_or(0, |spec| {
        let ephemeral = spec.ephemeral_containers.iter().flatten().count();
        spec.containers.len() + spec.init_containers.iter().flatten().count() + ephemeral
    });
    let probes = plan.actions.iter().filter(|action| matches!(action, Action::Probe(_))).count();
    holds(probes <= PROBES_PER_CONTAINER_MAX * named, Law::Bounded, || format!("pod {key} gets {probes} probes"))?;
    let sentences_max = SENTENCES_MAX + SENTENCES_EACH_MAX * (named + input.containers.len() + input.scratch.len());
    let sentences = plan.waits.len().max(plan.notes.len());
    holds(sentences <= sentences_max, Law::Bounded, || {
        format!("pod {key} says {sentences} things, more than {sentences_max}")
    })?;
    let distinct: BTreeSet<_> = plan.waits.iter().collect();
    holds(distinct.len() == plan.waits.len(), Law::Bounded, || format!("pod {key} says a thing twice"))?;
    super::once(&plan.writes)
}

/// Whether an action brings another one, which is in flight, to its end: a stop that is cut short, a start whose hook
/// hangs.
fn ends(action: &Action, in_flight: &Action) -> bool {
    let ended: Vec<&Owner> = match action {
        Action::Stop(stops) => stops.iter().map(|stop| &stop.owner).collect(),
        Action::Remove { owner, .. } => vec![owner],
        _ => return false,
    };
    match in_flight {
        Action::Stop(stops) => stops.iter().any(|stop| ended.contains(&&stop.owner)),
        Action::StartContainer(start) => start.post_start.is_some() && ended.contains(&&start.owner),
        _ => false,
    }
}

pub(super) fn is_live(container: &Container) -> bool {
    matches!(container.state, State::Running { .. })
}

fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

fn scratch_prefix(input: &Input<'_>, uid: &str) -> String {
    format!("petset_{}_{uid}_", input.host.instance)
}

/// What an action starts.
fn owner(action: &Action) -> Option<&Owner> {
    match action {
        Action::StartContainer(start) => Some(&start.owner),
        Action::StartSandbox(sandbox) => Some(&sandbox.owner),
        _ => None,
    }
}

/// The container of a pod's spec that an owner names, and the pod's volumes. Init containers may stand in 1.3's annotation.
fn spec_of<'a>(pod: &'a Pod, owner: &Owner) -> Option<(ContainerSpec, &'a [Volume])> {
    let spec = pod.spec.as_ref()?;
    let noted = pod.metadata.annotations.as_ref().and_then(|all| init_containers(all).ok()).unwrap_or_default();
    let ephemeral = ephemeral::containers(spec);
    let mut list = match owner.role {
        Role::Init if !noted.is_empty() => noted.iter(),
        Role::Init => spec.init_containers.as_deref().unwrap_or_default().iter(),
        Role::App => spec.containers.iter(),
        Role::Ephemeral => ephemeral.iter(),
        Role::Sandbox => [].iter(),
    };
    let container = list.find(|container| container.name == owner.container)?;
    Some((container.clone(), spec.volumes.as_deref().unwrap_or_default()))
}

/// A container in words: `container nginx#1 of pod default/web-0 (uid-1)`.
pub(super) fn show(owner: &Owner) -> String {
    format!("container {}#{} of pod {} ({})", owner.container, owner.attempt, owner.pod, owner.uid)
}
