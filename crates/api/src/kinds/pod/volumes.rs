//! What must hold for the volumes of a pod, and for where containers mount them.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume, VolumeMount};
use serde_json::Value;

use crate::kinds::names::invalid;
use crate::kinds::pod::config;
use crate::kinds::{names, quantity};
use crate::status::Cause;

/// The sources that are mounted here. Another is refused: a pod that starts without its files would be a lie.
const SUPPORTED: [&str; 7] =
    ["configMap", "downwardAPI", "emptyDir", "hostPath", "persistentVolumeClaim", "projected", "secret"];

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// All that is wrong with the volumes at the path `field`; returns their names.
pub(super) fn validate<'a>(volumes: &'a [Volume], field: &str, wrong: &mut Vec<Cause>) -> HashSet<&'a str> {
    let mut seen = HashSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let field = format!("{field}[{index}]");
        match volume.name.as_str() {
            "" => wrong.push(Cause::required(format!("{field}.name"), "")),
            name => {
                invalid(wrong, &format!("{field}.name"), name, names::label(name));
                if !seen.insert(name) {
                    wrong.push(Cause::duplicate(format!("{field}.name"), name));
                }
            }
        }
        source(volume, &field, wrong);
    }
    seen
}

fn source(volume: &Volume, field: &str, wrong: &mut Vec<Cause>) {
    let value = serde_json::to_value(volume).unwrap_or_default();
    let sources: Vec<&str> =
        value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| *name != "name").collect();
    if sources.is_empty() {
        wrong.push(Cause::required(field, "must specify a volume type"));
    }
    for name in sources.iter().skip(1) {
        wrong.push(Cause::forbidden(format!("{field}.{name}"), "may not specify more than 1 volume type"));
    }
    for name in sources.iter().filter(|name| !SUPPORTED.contains(name)) {
        let why = format!("this version mounts only volumes of the types {}", SUPPORTED.join(", "));
        wrong.push(Cause::forbidden(format!("{field}.{name}"), &why));
    }
    config::volume(volume, field, wrong);
    if let Some(directory) = &volume.empty_dir {
        let medium = directory.medium.as_deref().unwrap_or_default();
        if !["", "Memory"].contains(&medium) {
            let why = "this version has only the media \"\" and \"Memory\"";
            wrong.push(Cause::invalid(format!("{field}.emptyDir.medium"), medium, why));
        }
        let size = directory.size_limit.as_ref().and_then(|size| quantity::parse(&size.0));
        if size.is_some_and(quantity::Quantity::is_negative) {
            let why = "SizeLimit field must be a valid resource quantity";
            wrong.push(Cause::forbidden(format!("{field}.emptyDir.sizeLimit"), why));
        }
    }
    if let Some(path) = &volume.host_path {
        host_path(path, &format!("{field}.hostPath"), wrong);
    }
    if let Some(claim) = &volume.persistent_volume_claim
        && claim.claim_name.is_empty()
    {
        wrong.push(Cause::required(format!("{field}.persistentVolumeClaim.claimName"), ""));
    }
}

/// All that is wrong with a path of the host.
pub(crate) fn host_path(source: &HostPathVolumeSource, field: &str, wrong: &mut Vec<Cause>) {
    if source.path.is_empty() {
        wrong.push(Cause::required(format!("{field}.path"), ""));
    } else {
        no_backsteps(&source.path, &format!("{field}.path"), wrong);
        if !source.path.starts_with('/') {
            wrong.push(Cause::invalid(format!("{field}.path"), source.path.as_str(), "must be an absolute path"));
        }
    }
    let kind = source.type_.as_deref().unwrap_or_default();
    if !HOST_PATH_TYPES.contains(&kind) {
        wrong.push(Cause::not_supported(format!("{field}.type"), kind, &HOST_PATH_TYPES));
    }
}

/// All that is wrong with the mounts of a container at the path `field`. `volumes` are the names of the pod's volumes.
pub(super) fn validate_mounts(mounts: &[VolumeMount], volumes: &HashSet<&str>, field: &str, wrong: &mut Vec<Cause>) {
    let mut seen = HashSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let field = format!("{field}.volumeMounts[{index}]");
        if mount.name.is_empty() {
            wrong.push(Cause::required(format!("{field}.name"), ""));
        } else if !volumes.contains(mount.name.as_str()) {
            wrong.push(Cause::not_found(format!("{field}.name"), mount.name.as_str()));
        }
        let path = mount.mount_path.as_str();
        if path.is_empty() {
            wrong.push(Cause::required(format!("{field}.mountPath"), ""));
        } else if path.contains(':') {
            wrong.push(Cause::invalid(format!("{field}.mountPath"), path, "must not contain ':'"));
        }
        if !seen.insert(path) {
            wrong.push(Cause::invalid(format!("{field}.mountPath"), path, "must be unique"));
        }
        if let Some(path) = mount.sub_path.as_deref().filter(|path| !path.is_empty()) {
            config::descending(path, &format!("{field}.subPath"), wrong);
        }
        if let Some(path) = mount.sub_path_expr.as_deref().filter(|path| !path.is_empty()) {
            let field = format!("{field}.subPathExpr");
            if mount.sub_path.as_deref().is_some_and(|path| !path.is_empty()) {
                wrong.push(Cause::invalid(&field, path, "subPathExpr and subPath are mutually exclusive"));
            }
            config::descending(path, &field, wrong);
        }
    }
}

/// A path that does not climb.
pub(crate) fn no_backsteps(path: &str, field: &str, wrong: &mut Vec<Cause>) {
    if path.split('/').any(|step| step == "..") {
        wrong.push(Cause::invalid(field, Value::from(path), "must not contain '..'"));
    }
}
