//! The planner has an answer for everything.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use plan::{law, set};
use proptest::{collection, prelude::*};

use crate::world::{World, pod};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a pod's name, phase, annotation or age, and however odd the set: there is a plan.
    #[test]
    fn any_input_has_a_plan(
        set_name in ".{0,70}", replicas: Option<i32>, service in ".{0,5}", templates in collection::vec(".{0,3}", 0..3),
        pods in collection::vec((".{0,9}", ".{0,9}", any::<Option<String>>(), any::<bool>()), 0..5),
    ) {
        let mut world = World::new(0);
        world.set.metadata.name = Some(set_name.clone());
        world.set.spec.replicas = replicas;
        world.set.spec.service_name = service;
        world = world.templates(&templates.iter().map(String::as_str).collect::<Vec<_>>());
        for (suffix, phase, annotation, bare) in pods {
            let mut pod = pod(&format!("{set_name}-{suffix}"), 0);
            pod.status.as_mut().unwrap().phase = Some(phase);
            pod.metadata.annotations = annotation.map(|a| BTreeMap::from([(a.clone(), a)]));
            if bare {
                pod = Pod::default();
            }
            world.pods.push(pod);
        }
        world.with_input(|input| law::set::bounded(input, &set::plan(input)))?;
    }
}
