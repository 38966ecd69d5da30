//! Volumes that hold files made of configuration: what belongs into them, and when it is written.
//!
//! Source: the kubelet's `MakePayload` of ConfigMaps and Secrets, `CollectData` of the downward API, `collectData` of
//! projected volumes, and `SetVolumeOwnership`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeProjection};

use super::{
    backoff::{ENGINE_DELAY_MAX, Pace, after},
    build::{scratch_labels, scratch_name},
    downward,
    draft::{Draft, Put},
    teardown::Settled,
    tell,
    view::View,
};
use crate::{
    Action, NoteKind,
    config::{File, FileVolume, Octets, Values, WriteFiles, ask, version},
};

/// What Kubernetes gives files where nothing is said.
const MODE: i32 = 0o644;
/// What files that are given to a group get besides: its members read them.
const GROUP_READS: u32 = 0o440;

/// A token's file is for the one user of the pod, or for the members of its group.
const TOKEN_MODE: u32 = 0o600;

/// Files by path: a later one takes the place of an earlier one.
type Payload = BTreeMap<String, Entry>;

/// A file of a payload.
struct Entry {
    mode: u32,
    content: Octets,
    owner: u32,
}

impl Entry {
    /// A file of root's.
    fn of_root(mode: u32, content: Octets) -> Entry {
        Entry { mode, content, owner: 0 }
    }
}

/// Whether a volume holds files that are made of configuration.
pub(super) fn is_config(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.downward_api.is_some()
        || volume.projected.is_some()
}

/// Sees to it that the volumes hold what they should, as far as containers mount them. `No` where one does not hold one
/// whole version yet: no container may start.
pub(super) fn bring_in(view: &View<'_>, draft: &mut Draft<'_>) -> Settled {
    let mut settled = Settled::Yes;
    let mut behind = Vec::new();
    look_again_for_tokens(view, draft);
    for volume in mounted(view) {
        let name = scratch_name(view, &volume.name);
        let written = view.memory().files.get(&name).filter(|_| view.input.scratch.contains(&name));
        match file_volume(view, volume) {
            Ok(wanted) => {
                if written != Some(&Some(wanted.version.clone())) {
                    behind.push(wanted);
                    // One that was written stays whole while it is written again. Of one from before this daemon began it is
                    // not known: writing it finds out.
                    if written.is_none() {
                        settled = Settled::No;
                    }
                }
            }
            Err(why) => {
                let is_whole = written.is_some() || is_left(view, &name);
                if !is_whole {
                    settled = Settled::No;
                }
                missing(view, draft, is_whole, &unmounted(&volume.name, &why));
            }
        }
    }
    if !behind.is_empty() {
        let write = WriteFiles { pod: view.input.key.clone(), uid: view.uid.to_owned(), volumes: behind };
        let put = draft.put(Action::WriteFiles(Box::new(write)), Pace::Engine, Vec::new());
        if put == Put::Resting && settled == Settled::No {
            draft.wait("FailedMount", "waiting for the files of its volumes to be written");
        }
    }
    settled
}

/// Looks again when a token is to be renewed, and soon where there is none: nobody tells when its account is there.
fn look_again_for_tokens(view: &View<'_>, draft: &mut Draft<'_>) {
    for token in view.input.config.tokens.values() {
        match token {
            Ok(token) if token.renewed_at > view.now() => draft.look_again(token.renewed_at),
            Ok(_) | Err(_) => draft.look_again(after(view.now(), ENGINE_DELAY_MAX)),
        }
    }
}

/// The kubelet's words for a volume that cannot be set up.
pub(super) fn unmounted(volume: &str, why: &str) -> String {
    format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}")
}

/// Whether a volume holds what it held when a container was made that mounts it, before this daemon began.
fn is_left(view: &View<'_>, name: &str) -> bool {
    let was_made = view.units.iter().any(|unit| {
        let is_stored = unit.stored.is_some_and(|stored| stored.container_id.is_some());
        let mounts = super::build::volumes_of(view, unit.spec).any(|volume| scratch_name(view, &volume.name) == name);
        mounts && (is_stored || !unit.attempts.is_empty())
    });
    was_made && view.input.scratch.iter().any(|scratch| scratch == name)
}

/// The volumes of files that some container mounts.
fn mounted<'a>(view: &View<'a>) -> Vec<&'a Volume> {
    let is_mounted = |volume: &&Volume| {
        let mounts = view.units.iter().flat_map(|unit| unit.spec.volume_mounts.iter().flatten());
        mounts.into_iter().any(|mount| mount.name == volume.name)
    };
    view.spec.volumes.iter().flatten().filter(|volume| is_config(volume)).filter(is_mounted).collect()
}

/// Says what a volume lacks. Where its files are there from before, the containers go on with them.
fn missing(view: &View<'_>, draft: &mut Draft<'_>, is_whole: bool, why: &str) {
    draft.wait("FailedMount", why);
    if is_whole {
        return;
    }
    let is_told = view.units.iter().any(|unit| unit.waits_with(why));
    if !is_told {
        draft.note(tell::of_pod(draft.subject(), NoteKind::Warning, "FailedMount", why.to_owned()));
    }
    let reason = if view.inits().next().is_some() { "PodInitializing" } else { "ContainerCreating" };
    for unit in &view.units {
        if unit.attempts.is_empty() {
            draft.show(unit.name(), reason, why.to_owned());
        }
    }
}

/// A volume with the files that belong into it; `Err` is why it cannot have them, in the kubelet's words.
fn file_volume(view: &View<'_>, volume: &Volume) -> Result<FileVolume, String> {
    let payload = payload(view, volume)?;
    let group = view.spec.security_context.as_ref().and_then(|context| context.fs_group);
    let group = group.and_then(|group| u32::try_from(group).ok());
    let for_group = if group.is_some() { GROUP_READS } else { 0 };
    let file = |(path, Entry { mode, content, owner })| File { path, mode: mode | for_group, owner, content };
    let files: Vec<File> = payload.into_iter().map(file).collect();
    let directories = directories(view, volume, &files);
    let version = version(&files, &directories, group);
    let (name, labels) = (scratch_name(view, &volume.name), scratch_labels(view));
    Ok(FileVolume { name, labels, version, files, directories, group })
}

/// What containers mount of a volume by a `subPath` that no file has: the kubelet makes a directory there.
fn directories(view: &View<'_>, volume: &Volume, files: &[File]) -> Vec<String> {
    let mounts = view.units.iter().flat_map(|unit| unit.spec.volume_mounts.iter().flatten());
    let paths = mounts.filter(|mount| mount.name == volume.name).filter_map(|mount| mount.sub_path.as_deref());
    let is_file = |path: &str| {
        let below = format!("{path}/");
        files.iter().any(|file| file.path == path || file.path.starts_with(&below))
    };
    let mut paths: Vec<String> = paths.map(clean).filter(|path| !path.is_empty() && !is_file(path)).collect();
    paths.sort();
    paths.dedup();
    // What is below a file, or below a directory of the files, has no place.
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    paths.retain(|path| !files.iter().any(|file| top(&file.path) == top(path)));
    paths
}

fn payload(view: &View<'_>, volume: &Volume) -> Result<Payload, String> {
    let config = view.input.config;
    if let Some(source) = &volume.config_map {
        let values = found(config.config_maps.get(&source.name), "configmap", &source.name, source.optional)?;
        let keys = Keys { items: source.items.as_deref(), mode: source.default_mode, optional: source.optional };
        return keys.of(values, "configmap references non-existent config key");
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let values = found(config.secrets.get(name), "secret", name, source.optional)?;
        let keys = Keys { items: source.items.as_deref(), mode: source.default_mode, optional: source.optional };
        return keys.of(values, "references non-existent secret key");
    }
    if let Some(source) = &volume.downward_api {
        return downward_files(view, source.items.as_deref().unwrap_or_default(), source.default_mode);
    }
    match &volume.projected {
        Some(source) => projected(view, source),
        None => Ok(Payload::new()),
    }
}

/// Every source's files together. What is wrong with several is told together.
fn projected(view: &View<'_>, source: &ProjectedVolumeSource) -> Result<Payload, String> {
    let mut all = Payload::new();
    let mut wrong = Vec::new();
    for projection in source.sources.iter().flatten() {
        match projection_files(view, projection, source.default_mode) {
            Ok(files) => all.extend(files),
            Err(why) if wrong.contains(&why) => {}
            Err(why) => wrong.push(why),
        }
    }
    match &wrong[..] {
        [] => Ok(all),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

fn projection_files(view: &View<'_>, projection: &VolumeProjection, mode: Option<i32>) -> Result<Payload, String> {
    let config = view.input.config;
    if let Some(source) = &projection.config_map {
        let values = found(config.config_maps.get(&source.name), "configmap", &source.name, source.optional)?;
        let keys = Keys { items: source.items.as_deref(), mode, optional: source.optional };
        return keys.of(values, "configmap references non-existent config key");
    }
    if let Some(source) = &projection.secret {
        let values = found(config.secrets.get(&source.name), "secret", &source.name, source.optional)?;
        let keys = Keys { items: source.items.as_deref(), mode, optional: source.optional };
        return keys.of(values, "references non-existent secret key");
    }
    if let Some(source) = &projection.downward_api {
        return downward_files(view, source.items.as_deref().unwrap_or_default(), mode);
    }
    if let Some(source) = &projection.service_account_token {
        let token = match config.tokens.get(&ask(source)) {
            Some(Ok(token)) => token,
            Some(Err(why)) => return Err(format!("failed to fetch token: {why}")),
            None => return Err("failed to fetch token: none was made".to_owned()),
        };
        let user = only_user(view);
        let is_given = user.is_some() || view.spec.security_context.as_ref().is_some_and(|all| all.fs_group.is_some());
        let mode = if is_given { TOKEN_MODE } else { bits(mode) };
        let entry = Entry { mode, content: token.text.clone(), owner: user.unwrap_or(0) };
        return Ok([(clean(&source.path), entry)].into());
    }
    Err("a source of it is of a type that is not supported".to_owned())
}

/// The user of all the pod's containers, where it is one. Source: `FsUserFrom` in Kubernetes' `pkg/volume/util`.
fn only_user(view: &View<'_>) -> Option<u32> {
    let of_pod = view.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    let own =
        |unit: &super::view::Unit<'_>| unit.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    let mut users = view.units.iter().map(|unit| own(unit).or(of_pod));
    let first = users.next()??;
    users.all(|user| user == Some(first)).then(|| u32::try_from(first).ok())?
}

/// The values of an object; none where it is absent and need not be there.
pub(super) fn found<'a>(
    object: Option<&'a std::sync::Arc<Values>>,
    kind: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<&'a Values, String> {
    static NONE: Values = Values { data: BTreeMap::new(), binary: BTreeMap::new() };
    match object {
        Some(values) => Ok(values),
        None if optional == Some(true) => Ok(&NONE),
        None => Err(format!("{kind} \"{name}\" not found")),
    }
}

/// Which keys of an object become files.
struct Keys<'a> {
    items: Option<&'a [KeyToPath]>,
    mode: Option<i32>,
    optional: Option<bool>,
}

impl Keys<'_> {
    fn of(&self, values: &Values, missing: &str) -> Result<Payload, String> {
        let items = self.items.unwrap_or_default();
        if items.is_empty() {
            let file =
                |(key, content): (&String, &Octets)| (key.clone(), Entry::of_root(bits(self.mode), content.clone()));
            return Ok(values.all().map(file).collect());
        }
        let mut payload = Payload::new();
        for item in items {
            match values.get(&item.key) {
                Some(content) => {
                    let entry = Entry::of_root(bits(item.mode.or(self.mode)), content.clone());
                    payload.insert(clean(&item.path), entry);
                }
                None if self.optional == Some(true) => {}
                None => return Err(format!("{missing}: {}", item.key)),
            }
        }
        Ok(payload)
    }
}

fn downward_files(view: &View<'_>, items: &[DownwardAPIVolumeFile], mode: Option<i32>) -> Result<Payload, String> {
    let mut payload = Payload::new();
    for item in items {
        let text = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => downward::field(view, &field.field_path)?,
            (None, Some(resource)) => downward::resource(view, resource, None)?,
            (None, None) => continue,
        };
        payload.insert(clean(&item.path), Entry::of_root(bits(item.mode.or(mode)), Octets::new(text.as_bytes())));
    }
    Ok(payload)
}

fn bits(mode: Option<i32>) -> u32 {
    u32::try_from(mode.unwrap_or(MODE)).unwrap_or_default() & 0o777
}

/// A relative path without empty steps and `.`.
fn clean(path: &str) -> String {
    path.split('/').filter(|step| !step.is_empty() && *step != ".").collect::<Vec<_>>().join("/")
}
