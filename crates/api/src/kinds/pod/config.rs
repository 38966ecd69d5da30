//! What must hold for what a pod reads of its configuration: volumes of files, and the environment.
//!
//! Source: `pkg/apis/core/validation` of Kubernetes 1.36.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, DownwardAPIVolumeFile, EnvFromSource, EnvVarSource, KeyToPath, ObjectFieldSelector,
    ProjectedVolumeSource, ResourceFieldSelector, SecretVolumeSource, ServiceAccountTokenProjection, Volume,
    VolumeProjection,
};

use crate::kinds::names::invalid;
use crate::kinds::pod::volumes::no_backsteps;
use crate::kinds::{names, quantity};
use crate::status::Cause;

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const ONE_SOURCE: &str = "may not specify more than 1 volume type";

/// The fields of a pod that files may be made of.
const FILE_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// The fields of a pod that the environment may name.
const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What a container tells of its resources; those of huge pages besides.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const HUGE_PAGES: [&str; 2] = ["limits.hugepages-", "requests.hugepages-"];
const CPU_DIVISORS: [&str; 2] = ["1m", "1"];
const OCTET_DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// The shortest and the longest that a token may be asked for, in seconds.
const TOKEN_SECONDS_MIN: i64 = 600;
const TOKEN_SECONDS_MAX: i64 = 1 << 32;

/// All that is wrong with a volume's files, at the path `field` of the volume.
pub(super) fn volume(volume: &Volume, field: &str, wrong: &mut Vec<Cause>) {
    if let Some(source) = &volume.config_map {
        config_map(source, &format!("{field}.configMap"), wrong);
    }
    if let Some(source) = &volume.secret {
        secret(source, &format!("{field}.secret"), wrong);
    }
    if let Some(source) = &volume.downward_api {
        let field = format!("{field}.downwardAPI");
        mode(source.default_mode, &format!("{field}.defaultMode"), wrong);
        for (index, file) in source.items.iter().flatten().enumerate() {
            downward_file(file, &format!("{field}.items[{index}]"), wrong);
        }
    }
    if let Some(source) = &volume.projected {
        projected(source, &format!("{field}.projected"), wrong);
    }
}

fn config_map(source: &ConfigMapVolumeSource, field: &str, wrong: &mut Vec<Cause>) {
    required(&source.name, format!("{field}.name"), wrong);
    mode(source.default_mode, &format!("{field}.defaultMode"), wrong);
    items(source.items.as_deref(), field, wrong);
}

fn secret(source: &SecretVolumeSource, field: &str, wrong: &mut Vec<Cause>) {
    required(source.secret_name.as_deref().unwrap_or_default(), format!("{field}.secretName"), wrong);
    mode(source.default_mode, &format!("{field}.defaultMode"), wrong);
    items(source.items.as_deref(), field, wrong);
}

fn items(items: Option<&[KeyToPath]>, field: &str, wrong: &mut Vec<Cause>) {
    for (index, item) in items.into_iter().flatten().enumerate() {
        let field = format!("{field}.items[{index}]");
        required(&item.key, format!("{field}.key"), wrong);
        file_path(&item.path, &format!("{field}.path"), wrong);
        mode(item.mode, &format!("{field}.mode"), wrong);
    }
}

fn downward_file(file: &DownwardAPIVolumeFile, field: &str, wrong: &mut Vec<Cause>) {
    file_path(&file.path, &format!("{field}.path"), wrong);
    match (&file.field_ref, &file.resource_field_ref) {
        (Some(source), other) => {
            object_field(source, &FILE_FIELDS, &format!("{field}.fieldRef"), wrong);
            if other.is_some() {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                wrong.push(Cause::invalid(field, "resource", why));
            }
        }
        (None, Some(source)) => {
            let field = format!("{field}.resourceFieldRef");
            if source.container_name.as_deref().unwrap_or_default().is_empty() {
                wrong.push(Cause::required(format!("{field}.containerName"), ""));
            } else {
                resource_field(source, &field, wrong);
            }
        }
        (None, None) => wrong.push(Cause::required(field, "one of fieldRef and resourceFieldRef is required")),
    }
    mode(file.mode, &format!("{field}.mode"), wrong);
}

fn projected(source: &ProjectedVolumeSource, field: &str, wrong: &mut Vec<Cause>) {
    mode(source.default_mode, &format!("{field}.defaultMode"), wrong);
    let mut paths = HashSet::new();
    for (index, source) in source.sources.iter().flatten().enumerate() {
        projection(source, field, &format!("{field}.sources[{index}]"), &mut paths, wrong);
    }
}

/// `whole` is the path of the volume's source, which Kubernetes blames for paths that several files have.
fn projection(
    source: &VolumeProjection,
    whole: &str,
    field: &str,
    paths: &mut HashSet<String>,
    wrong: &mut Vec<Cause>,
) {
    let conflict = |value: &str| Cause::invalid(whole, value, "conflicting duplicate paths");
    let mut count = 0;
    let objects = [
        ("secret", source.secret.as_ref().map(|of| (&of.name, of.items.as_deref()))),
        ("configMap", source.config_map.as_ref().map(|of| (&of.name, of.items.as_deref()))),
    ];
    for (kind, object) in objects {
        let Some((name, keys)) = object else { continue };
        let field = format!("{field}.{kind}");
        count += 1;
        required(name, format!("{field}.name"), wrong);
        items(keys, &field, wrong);
        for item in keys.into_iter().flatten().filter(|item| !item.path.is_empty()) {
            if !paths.insert(item.path.clone()) {
                wrong.push(conflict(name));
            }
        }
    }
    if let Some(of) = &source.downward_api {
        count += 1;
        for (index, file) in of.items.iter().flatten().enumerate() {
            downward_file(file, &format!("{field}.downwardAPI.items[{index}]"), wrong);
            if !file.path.is_empty() && !paths.insert(file.path.clone()) {
                wrong.push(conflict(&file.path));
            }
        }
    }
    if let Some(of) = &source.service_account_token {
        count += 1;
        token(of, &format!("{field}.serviceAccountToken"), wrong);
        if !of.path.is_empty() && !paths.insert(of.path.clone()) {
            wrong.push(conflict(&of.path));
        }
    }
    let unknown = [
        ("clusterTrustBundle", source.cluster_trust_bundle.is_some(), "there are no bundles of certificates here"),
        ("podCertificate", source.pod_certificate.is_some(), "no certificates are made for pods here"),
    ];
    for (name, _, why) in unknown.into_iter().filter(|(_, is_set, _)| *is_set) {
        count += 1;
        wrong.push(Cause::forbidden(format!("{field}.{name}"), why));
    }
    if count > 1 {
        wrong.push(Cause::forbidden(field, ONE_SOURCE));
    }
}

fn token(source: &ServiceAccountTokenProjection, field: &str, wrong: &mut Vec<Cause>) {
    let at = format!("{field}.expirationSeconds");
    match source.expiration_seconds {
        Some(seconds) if seconds < TOKEN_SECONDS_MIN => {
            wrong.push(Cause::invalid(at, seconds, "may not specify a duration less than 10 minutes"));
        }
        Some(seconds) if seconds > TOKEN_SECONDS_MAX => {
            wrong.push(Cause::invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"));
        }
        Some(_) | None => {}
    }
    file_path(&source.path, &format!("{field}.path"), wrong);
}

/// All that is wrong with what a container takes whole into its environment.
pub(super) fn env_from(sources: &[EnvFromSource], field: &str, wrong: &mut Vec<Cause>) {
    for (index, source) in sources.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if let Some(prefix) = source.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            invalid(wrong, &format!("{field}.prefix"), prefix, names::variable(prefix));
        }
        let objects = [
            ("configMapRef", source.config_map_ref.as_ref().map(|of| &of.name)),
            ("secretRef", source.secret_ref.as_ref().map(|of| &of.name)),
        ];
        for (kind, name) in objects {
            if let Some(name) = name {
                required(name, format!("{field}.{kind}.name"), wrong);
            }
        }
        match objects.iter().filter(|(_, name)| name.is_some()).count() {
            0 => wrong.push(Cause::invalid(&field, "", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => wrong.push(Cause::invalid(&field, "", "may not have more than one field specified at a time")),
        }
    }
}

/// All that is wrong with where a variable has its value from.
pub(super) fn value_from(source: &EnvVarSource, field: &str, wrong: &mut Vec<Cause>) {
    let mut count = 0;
    if let Some(of) = &source.field_ref {
        count += 1;
        object_field(of, &ENV_FIELDS, &format!("{field}.fieldRef"), wrong);
    }
    if let Some(of) = &source.resource_field_ref {
        count += 1;
        resource_field(of, &format!("{field}.resourceFieldRef"), wrong);
    }
    let keys = [
        ("configMapKeyRef", source.config_map_key_ref.as_ref().map(|of| (&of.name, &of.key))),
        ("secretKeyRef", source.secret_key_ref.as_ref().map(|of| (&of.name, &of.key))),
    ];
    for (kind, selector) in keys {
        let Some((name, key)) = selector else { continue };
        count += 1;
        required(name, format!("{field}.{kind}.name"), wrong);
        if key.is_empty() {
            wrong.push(Cause::required(format!("{field}.{kind}.key"), ""));
        } else {
            invalid(wrong, &format!("{field}.{kind}.key"), key, names::config_key(key));
        }
    }
    if source.file_key_ref.is_some() {
        count += 1;
        wrong.push(Cause::forbidden(format!("{field}.fileKeyRef"), "this version reads no environment from files"));
    }
    match count {
        0 => {
            let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            wrong.push(Cause::invalid(field, "", why));
        }
        1 => {}
        _ => wrong.push(Cause::invalid(field, "", "may not have more than one field specified at a time")),
    }
}

fn object_field(source: &ObjectFieldSelector, fields: &[&str], field: &str, wrong: &mut Vec<Cause>) {
    let (path, field) = (source.field_path.as_str(), format!("{field}.fieldPath"));
    if path.is_empty() {
        wrong.push(Cause::required(field, ""));
        return;
    }
    let key = |map: &str| path.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']");
    if let Some(key) = key("metadata.labels").or_else(|| key("metadata.annotations")) {
        invalid(wrong, &field, path, names::qualified(&key.to_lowercase()));
    } else if fields.contains(&path) {
    } else if ENV_FIELDS.contains(&path) || FILE_FIELDS.contains(&path) {
        wrong.push(Cause::not_supported(field, path, fields));
    } else {
        let why = format!("error converting fieldPath: field label not supported: {path}");
        wrong.push(Cause::invalid(field, path, &why));
    }
}

fn resource_field(source: &ResourceFieldSelector, field: &str, wrong: &mut Vec<Cause>) {
    let resource = source.resource.as_str();
    if resource.is_empty() {
        wrong.push(Cause::required(format!("{field}.resource"), ""));
    } else if !RESOURCES.contains(&resource) && !HUGE_PAGES.iter().any(|prefix| resource.starts_with(prefix)) {
        wrong.push(Cause::not_supported(format!("{field}.resource"), resource, &RESOURCES));
    }
    let Some(divisor) = source.divisor.as_ref().and_then(|divisor| quantity::parse(&divisor.0)) else { return };
    let (_, kind) = resource.split_once('.').unwrap_or_default();
    let (divisors, name): (&[&str], &str) = match kind {
        "cpu" => (&CPU_DIVISORS, "cpu"),
        "memory" => (&OCTET_DIVISORS, "memory"),
        "ephemeral-storage" => (&OCTET_DIVISORS, "local ephemeral storage"),
        kind if kind.starts_with("hugepages-") => (&OCTET_DIVISORS, "hugepages"),
        _ => return,
    };
    let is_one = |known: &&str| quantity::parse(known).is_some_and(|known| known.nanos() == divisor.nanos());
    if divisor.nanos() != 0 && !divisors.iter().any(is_one) {
        let known = if name == "cpu" { "1m and 1".to_owned() } else { divisors.join(", ") };
        let why = format!("only divisor's values {known} are supported with the {name} resource");
        wrong.push(Cause::invalid(format!("{field}.divisor"), resource, &why));
    }
}

fn required(value: &str, field: String, wrong: &mut Vec<Cause>) {
    if value.is_empty() {
        wrong.push(Cause::required(field, ""));
    }
}

fn mode(mode: Option<i32>, field: &str, wrong: &mut Vec<Cause>) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        wrong.push(Cause::invalid(field, mode, MODE));
    }
}

/// The path of a file: relative, without `..`, and not one of those that the links to versions have.
fn file_path(path: &str, field: &str, wrong: &mut Vec<Cause>) {
    if path.is_empty() {
        wrong.push(Cause::required(field, ""));
        return;
    }
    descending(path, field, wrong);
    if path.starts_with("..") && !path.starts_with("../") && path != ".." {
        wrong.push(Cause::invalid(field, path, "must not start with '..'"));
    }
}

/// A relative path that does not climb.
pub(super) fn descending(path: &str, field: &str, wrong: &mut Vec<Cause>) {
    if path.starts_with('/') {
        wrong.push(Cause::invalid(field, path, "must be a relative path"));
    }
    no_backsteps(path, field, wrong);
}
