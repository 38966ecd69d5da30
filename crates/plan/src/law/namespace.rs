//! The laws of what each namespace has without anybody making it: [`Law::Settles`], [`Law::Quiet`], [`Law::Alone`].

use k8s_openapi::api::core::v1::Namespace;

use super::{Law, Verdict, holds, is_leaving, name, once, target};
use crate::{
    Write,
    namespace::{ACCOUNT, CERTIFICATE_KEY, Defaults, ROOT_CA},
};

/// All laws that one decision can break.
pub fn all(object: &Namespace, found: &Defaults<'_>, writes: &[Write]) -> Verdict {
    settles(object, found, writes)?;
    quiet(object, found, writes)?;
    alone(object, writes)?;
    once(writes)
}

/// [`Law::Settles`]: after the plan a namespace that stays has the account of its pods, and tells the certificate that the
/// API is known by. What is on its way out comes again when it is gone.
pub fn settles(object: &Namespace, found: &Defaults<'_>, writes: &[Write]) -> Verdict {
    if is_leaving(&object.metadata) {
        return Ok(());
    }
    let makes_account = writes.iter().any(|write| matches!(write, Write::CreateAccount(_)));
    holds(found.has_account || makes_account, Law::Settles, || {
        format!("namespace {} has no service account {ACCOUNT}", name(&object.metadata))
    })?;
    let written = writes.iter().find_map(|write| match write {
        Write::ConfigMap { config_map, .. } => Some(&**config_map),
        _ => None,
    });
    let told = written.or(found.root_ca);
    let is_going = told.is_some_and(|map| is_leaving(&map.metadata));
    let certificate = told.and_then(|map| map.data.as_ref()?.get(CERTIFICATE_KEY));
    holds(is_going || certificate.is_some_and(|told| told == found.certificate), Law::Settles, || {
        format!("config map {ROOT_CA} of namespace {} does not tell the certificate", name(&object.metadata))
    })
}

/// [`Law::Quiet`]: nothing is written that is so already, and nothing at all into a namespace that goes.
pub fn quiet(object: &Namespace, found: &Defaults<'_>, writes: &[Write]) -> Verdict {
    for write in writes {
        let is_so = match write {
            Write::CreateAccount(_) => found.has_account,
            Write::ConfigMap { config_map, rv } => {
                found.root_ca == Some(&**config_map) || rv.is_some() != found.root_ca.is_some()
            }
            _ => false,
        };
        let (kind, _, of) = target(write);
        holds(!is_so && !is_leaving(&object.metadata), Law::Quiet, || {
            format!("{kind} {of} of namespace {} is written for nothing", name(&object.metadata))
        })?;
    }
    Ok(())
}

/// [`Law::Alone`]: a namespace is given these two objects, and no other namespace is.
pub fn alone(object: &Namespace, writes: &[Write]) -> Verdict {
    for write in writes {
        let (kind, space, of) = target(write);
        let is_own = space == name(&object.metadata)
            && [("service account", ACCOUNT), ("config map", ROOT_CA)].contains(&(kind, of));
        holds(is_own, Law::Alone, || {
            format!("{kind} {space}/{of} is written for namespace {}", name(&object.metadata))
        })?;
    }
    Ok(())
}
