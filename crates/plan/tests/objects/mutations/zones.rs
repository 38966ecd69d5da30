//! Planners of services that break a law.

use super::*;

/// The records and endpoints of the same pods, changed.
fn zone_of(service: &Service, pods: &[&Pod], current: Option<&Endpoints>, change: fn(&mut Pod)) -> zone::Plan {
    let mut pods: Vec<Pod> = pods.iter().map(|pod| (*pod).clone()).collect();
    pods.iter_mut().for_each(change);
    zone::plan(service, &pods.iter().collect::<Vec<_>>(), current)
}

#[test]
fn zone_true_notices_an_unready_pod_that_is_published() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        zone_of(service, pods, current, |pod| {
            for condition in pod.status.iter_mut().flat_map(|status| status.conditions.iter_mut().flatten()) {
                condition.status = "True".to_owned();
            }
        })
    });
}

#[test]
fn zone_true_notices_a_pod_that_is_published_until_it_is_gone() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        zone_of(service, pods, current, |pod| pod.metadata.deletion_timestamp = None)
    });
}

#[test]
fn zone_true_notices_a_ready_pod_that_is_left_out() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        zone::plan(service, pods.split_last().map_or(pods, |(_, rest)| rest), current)
    });
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        zone_of(service, pods, current, |pod| {
            if pod.metadata.name.as_deref() == Some("web-2") {
                *pod = terminating(pod.clone());
            }
        })
    });
}

#[test]
fn zone_true_notices_a_target_without_an_address() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        if let Records::Endpoints(endpoints) = &mut plan.records
            && let Some(endpoint) = endpoints.first_mut()
        {
            endpoint.addresses.clear();
        }
        plan
    });
}

#[test]
fn zone_true_notices_a_pet_without_its_own_name() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        zone_of(service, pods, current, |pod| {
            pod.metadata.annotations = None;
            pod.spec.as_mut().unwrap().hostname = None;
        })
    });
}

#[test]
fn zone_true_notices_endpoints_that_dns_does_not_agree_with() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| zone::Plan {
        writes: Vec::new(),
        ..zone::plan(service, pods, current)
    });
}

#[test]
fn zone_true_notices_an_address_that_leads_elsewhere() {
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        for frontend in &mut plan.frontends {
            frontend.backends.push("10.0.0.99:80".parse().unwrap());
        }
        plan
    });
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        for frontend in &mut plan.frontends {
            frontend.backends.pop();
        }
        plan
    });
    noticed_in_zone(Law::ZoneTrue, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        for frontend in &mut plan.frontends {
            frontend.address.set_ip([10, 1, 0, 2].into());
        }
        plan
    });
}

#[test]
fn quiet_notices_endpoints_that_are_written_in_every_pass() {
    noticed_in_zone(Law::Quiet, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        if let (true, Some(current)) = (plan.writes.is_empty(), current)
            && service.spec.as_ref().unwrap().selector.is_some()
        {
            let rv = current.metadata.resource_version.clone().or(Some(String::new()));
            plan.writes.push(Write::Endpoints { endpoints: Box::new(current.clone()), rv });
        }
        plan
    });
}

#[test]
fn alone_notices_a_service_that_writes_anothers_endpoints() {
    noticed_in_zone(Law::Alone, |service, pods, current| {
        let mut plan = zone::plan(service, pods, current);
        for write in &mut plan.writes {
            if let Write::Endpoints { endpoints, .. } = write {
                endpoints.metadata.name = Some("other".to_owned());
            }
        }
        plan
    });
}
