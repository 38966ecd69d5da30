//! Planners of claims and volumes that break a law.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec};

use plan::facts::Room;

use super::*;

/// The plan while the engine is said to have these volumes.
fn storage_with(input: &claim::Input<'_>, engine: &BTreeMap<String, Volume>) -> claim::Plan {
    claim::plan(&claim::Input { engine: Some(engine), ..input.clone() })
}

/// The plan for volumes that say something else.
fn with_volumes(input: &claim::Input<'_>, change: impl Fn(&mut PersistentVolumeSpec)) -> claim::Plan {
    let mut volumes: Vec<PersistentVolume> = input.volumes.iter().copied().cloned().collect();
    for volume in &mut volumes {
        change(volume.spec.as_mut().unwrap());
    }
    claim::plan(&claim::Input { volumes: &volumes.iter().collect::<Vec<_>>(), ..input.clone() })
}

#[test]
fn blind_notices_that_silence_is_taken_for_absence() {
    noticed_in_storage(Law::Blind, |input| match input.engine {
        Some(_) => claim::plan(input),
        None => storage_with(input, &BTreeMap::new()),
    });
}

#[test]
fn blind_notices_an_action_on_facts_from_before() {
    noticed_in_storage(Law::Blind, |input| match input.engine {
        Some(_) => claim::plan(input),
        None => {
            let before = ["petset_test_v", "petset_test_w"];
            let volume = |name: &str| {
                (name.to_owned(), Volume { name: name.to_owned(), labels: BTreeMap::new(), room: Room::Disk })
            };
            storage_with(input, &before.map(volume).into())
        }
    });
}

#[test]
fn sticky_notices_data_that_goes_in_spite_of_its_policy() {
    noticed_in_storage(Law::Sticky, |input| {
        let plan = with_volumes(input, |spec| spec.persistent_volume_reclaim_policy = Some("Delete".to_owned()));
        claim::Plan { writes: claim::plan(input).writes, ..plan }
    });
}

#[test]
fn sticky_notices_data_that_goes_while_it_is_mounted() {
    noticed_in_storage(Law::Sticky, |input| {
        claim::plan(&claim::Input { mounted: &std::collections::BTreeSet::new(), ..input.clone() })
    });
}

#[test]
fn sticky_notices_a_volume_that_goes_because_its_data_was_not_seen() {
    noticed_in_storage(Law::Sticky, |input| {
        let all = input.volumes.iter().filter_map(|volume| volume.spec.as_ref()?.csi.as_ref());
        let all = all.map(|csi| csi.volume_handle.clone()).collect();
        claim::plan(&claim::Input { removed: &all, ..input.clone() })
    });
}

#[test]
fn sticky_notices_a_volume_that_goes_while_it_is_made() {
    noticed_in_storage(Law::Sticky, |input| {
        let mut plan = claim::plan(input);
        let engine = input.engine.into_iter().flatten().map(|(name, _)| name);
        let begun = engine.filter(|name| input.begun.iter().any(|begun| begun.handle == **name));
        plan.actions.extend(begun.map(|name| Action::RemoveVolume { name: name.clone() }));
        plan.actions.dedup();
        plan
    });
}

#[test]
fn ours_only_notices_a_volume_that_is_begun_without_a_record() {
    noticed_in_storage(Law::OursOnly, |input| {
        let mut plan = claim::plan(input);
        plan.writes.retain(|write| !matches!(write, Write::BeginVolume(_)));
        plan
    });
}

#[test]
fn sticky_notices_a_claim_that_is_let_go_while_a_pod_uses_it() {
    noticed_in_storage(Law::Sticky, |input| claim::plan(&claim::Input { pods: &[], ..input.clone() }));
}

#[test]
fn sticky_notices_a_volume_that_changes_hands() {
    noticed_in_storage(Law::Sticky, |input| with_volumes(input, |spec| spec.claim_ref = None));
}

#[test]
fn ours_only_notices_a_volume_of_another_instance() {
    noticed_in_storage(Law::OursOnly, |input| claim::plan(&claim::Input { instance: "other", ..input.clone() }));
    noticed_in_storage(Law::OursOnly, |input| {
        let mut plan = claim::plan(input);
        if input.engine.is_some() && plan.actions.is_empty() {
            plan.actions.push(Action::RemoveVolume { name: "petset_test_x".to_owned() });
        }
        plan
    });
}

#[test]
fn says_why_notices_a_claim_that_pends_in_silence() {
    noticed_in_storage(Law::SaysWhy, |input| claim::Plan { waits: Vec::new(), ..claim::plan(input) });
}

#[test]
fn quiet_notices_a_claims_status_in_every_pass() {
    noticed_in_storage(Law::Quiet, |input| {
        let mut plan = claim::plan(input);
        let idle = input.claims.iter().find(|claim| {
            !plan.writes.iter().any(|write| match write {
                Write::UpdateClaim(new) => new.metadata.name == claim.metadata.name,
                Write::ClaimStatus { name, .. } => Some(name) == claim.metadata.name.as_ref(),
                _ => false,
            })
        });
        if let Some(claim) = idle {
            plan.writes.push(Write::ClaimStatus {
                namespace: "default".to_owned(),
                name: claim.metadata.name.clone().unwrap(),
                rv: "5".to_owned(),
                status: Box::new(claim.status.clone().unwrap()),
            });
        }
        plan
    });
}

#[test]
fn bounded_notices_a_volume_that_is_made_twice() {
    noticed_in_storage(Law::Bounded, |input| {
        let mut plan = claim::plan(input);
        plan.actions.extend(plan.actions.clone());
        plan
    });
}

/// The next one of many is begun in the same pass: the first of the others' claims and volumes are out of its sight.
#[test]
fn bounded_notices_all_volumes_at_once() {
    let all_at_once: storage::Planner = |input| {
        let mut plan = claim::plan(input);
        for claim in input.claims {
            let alone = claim::Input { claims: &[claim], ..input.clone() };
            let claim::Plan { actions, writes, .. } = claim::plan(&alone);
            let more: Vec<_> = actions.into_iter().filter(|action| !plan.actions.contains(action)).collect();
            plan.actions.extend(more);
            // With their records, so that they are ours.
            let more: Vec<_> = writes.into_iter().filter(|write| !plan.writes.contains(write)).collect();
            plan.writes.extend(more.into_iter().filter(|write| matches!(write, Write::BeginVolume(_))));
        }
        plan
    };
    let broken = many_claims().judged(all_at_once).unwrap_err();
    assert_eq!(broken.law, Law::Bounded, "{broken}");
    many_claims().judged(claim::plan).unwrap();
}
