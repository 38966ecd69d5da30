//! Where the volumes of a pod's claims can be reached from: their node affinity.

use k8s_openapi::api::core::v1::{Node, PersistentVolume};

use super::{Help, Misfit, Place, node, the_node};

/// The scheduler's words for a volume of another node.
const REACH: &str = "node(s) didn't match PersistentVolume's node affinity";

/// Whether a volume can be reached from a node, by the required terms of its node affinity. Where there is no node's
/// object, nothing is asked of it.
pub(crate) fn is_reached(volume: &PersistentVolume, node: Option<&Node>) -> bool {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required.as_ref());
    required.zip(node).is_none_or(|(required, node)| node::matches(required, node))
}

/// Source: plugin `VolumeBinding`, of claims that are bound.
pub(super) fn reach(place: &Place<'_>) -> Option<Misfit> {
    let volume = place.volumes.iter().find(|volume| !is_reached(volume, place.node))?;
    let name = volume.metadata.name.as_deref().unwrap_or_default();
    Some(Misfit {
        reasons: vec![REACH.to_owned()],
        help: Help::None,
        why: format!("no term of the node affinity of volume {name} matches {}", the_node(place)),
    })
}
