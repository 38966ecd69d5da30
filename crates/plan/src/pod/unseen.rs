//! What a pod waits for while the engine is silent: nothing is decided then, and users can read why.

use k8s_openapi::api::core::v1::Pod;

use super::tell;
use crate::{Wait, facts::PodKey, read};

/// The waits of an identity about which the engine says nothing. `silence` is why it does not answer; `None` where
/// its first answer is on its way.
///
/// A pod that was as specified when last seen waits for nothing: silence is not absence.
pub fn unseen(key: &PodKey, pod: Option<&Pod>, silence: Option<&str>) -> Vec<Wait> {
    let is_as_specified = |pod: &Pod| pod.metadata.deletion_timestamp.is_none() && is_at_rest(pod);
    if pod.is_some_and(is_as_specified) {
        return Vec::new();
    }
    let subject = tell::subject(key, pod.map(tell::uid_of).unwrap_or_default());
    let sentence = match silence {
        Some(why) => format!("the container engine does not answer: {why}"),
        None => "the container engine has not answered yet".to_owned(),
    };
    let message = format!("{}: {sentence}", key.name);
    vec![Wait { subject, reason: "EngineSilent", message }]
}

fn is_at_rest(pod: &Pod) -> bool {
    read::is_ready(pod) || read::is_finished(pod)
}
