//! The rules of PetSet 1.3, one test each. The first seven carry the names of 1.3's own unit tests.

mod identity;

use plan::{Write, set::Plan};
use serde_json::json;

use crate::world::{
    World, claim, created, deleted, initialized, mounting, new_pet, normal, object, pet, pod, status, terminating,
    time, unready, wait, waits, warning, with_status,
};

/// Plans, applies and heals until nothing is written, and returns what was done to pods, in order.
fn story(world: &mut World) -> Vec<String> {
    let mut story = Vec::new();
    for _ in 0..100 {
        let plan = world.plan();
        if plan.writes.is_empty() {
            assert_eq!(plan, Plan::default(), "nothing is left to do, and nothing to wait for");
            return story;
        }
        for write in &plan.writes {
            match write {
                Write::CreatePod(pod) => story.push(format!("create {}", pod.metadata.name.as_deref().unwrap())),
                Write::DeletePod { name, .. } => story.push(format!("delete {name}")),
                _ => {}
            }
        }
        world.apply(&plan);
        world.heal();
    }
    panic!("the set does not settle: {story:?}");
}

#[test]
fn creates() {
    let world = World::new(2);
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![created(0), status(1)],
            notes: vec![normal("SuccessfulCreate", "pet: web-0")],
            waits: vec![wait("PetNotNext", "waiting to create web-1: web-0 is created first")],
            look_again: None,
        }
    );
}

#[test]
fn deletes() {
    let world = World::new(0).pods([pet(0), pet(1)]);
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![deleted("web-1")],
            notes: vec![normal("SuccessfulDelete", "pet: web-1")],
            waits: vec![wait("PetNotNext", "waiting to delete web-0: web-1 is deleted first")],
            look_again: None,
        }
    );
}

#[test]
fn respects_termination() {
    let world = World::new(0).pods([pet(0), terminating(pet(1))]);
    assert_eq!(
        world.plan(),
        waits([wait("PetTerminating", "waiting to delete web-0: web-1 is being deleted")]),
        "one at a time"
    );
    let world = World::new(2).pods([pet(0), terminating(pet(1))]);
    assert_eq!(
        world.plan(),
        waits([wait("PetTerminating", "waiting for web-1: web-1 is being deleted")]),
        "a pet holds its place until it is gone"
    );
}

#[test]
fn respects_order() {
    let mut world = World::new(4);
    assert_eq!(story(&mut world), ["create web-0", "create web-1", "create web-2", "create web-3"]);
    world.set.spec.replicas = Some(1);
    assert_eq!(story(&mut world), ["delete web-3", "delete web-2", "delete web-1"]);
    world.set.spec.replicas = Some(0);
    assert_eq!(story(&mut world), ["delete web-0"]);
}

#[test]
fn blocks_scaling() {
    let up = World::new(3).pods([pet(0), unready(pet(1))]);
    assert_eq!(up.plan(), waits([wait("PetNotReady", "waiting to create web-2: web-1 is not Ready")]));
    let down = World::new(1).pods([pet(0), unready(pet(1)), pet(2)]);
    assert_eq!(
        down.plan(),
        waits([
            wait("PetNotReady", "waiting to delete web-2: web-1 is not Ready"),
            wait("PetNotReady", "waiting to delete web-1: web-1 is not Ready"),
        ])
    );
}

#[test]
fn a_wait_quotes_what_the_blocking_pet_itself_waits_for() {
    let mut world = World::new(2).pods([unready(pet(0))]);
    world.troubles = [("web-0".to_owned(), "container nginx: probe exec exited 1".to_owned())].into();
    let sentence = "waiting to create web-1: web-0 is not Ready: container nginx: probe exec exited 1";
    assert_eq!(world.plan(), waits([wait("PetNotReady", sentence)]));
}

#[test]
fn blocking_pet_is_cleared() {
    let blocked = World::new(3).pods([pet(0), unready(pet(1))]);
    assert!(blocked.plan().writes.is_empty());
    let recovered = World::new(3).pods([pet(0), pet(1)]);
    assert_eq!(recovered.plan().writes, [created(2), status(3)]);
    let gone = World::new(3).pods([pet(0)]);
    assert_eq!(gone.plan().writes, [created(1), status(2)]);
}

#[test]
fn replica_count() {
    for (replicas, pods, count) in [
        (3, vec![pet(0), pet(1), pet(2)], 3),
        (1, vec![pet(0), terminating(pet(1)), unready(pet(2))], 3), // surplus pets exist, too
        (3, vec![unready(pet(0))], 1),                              // a creation that is held up does not count
        (1, vec![pet(0), terminating(pod("stranger", 0))], 1),      // a stranger is no pet
        (2, vec![pet(0)], 2),                                       // one that is created with this plan exists
    ] {
        let mut world = World::new(replicas).pods(pods);
        world.set.status.replicas = 77;
        assert_eq!(world.plan().writes.last(), Some(&status(count)));
    }
}

#[test]
fn an_absent_replica_count_is_one_and_a_negative_one_is_none() {
    let mut world = World::new(0);
    world.set.spec.replicas = None;
    assert_eq!(story(&mut world), ["create web-0"]);
    world.set.spec.replicas = Some(-3);
    assert_eq!(story(&mut world), ["delete web-0"]);
}

#[test]
fn a_settled_set_is_left_alone() {
    assert_eq!(World::new(2).pods([pet(0), pet(1)]).plan(), Plan::default());
}

#[test]
fn a_new_generation_is_observed_even_where_nothing_else_changes() {
    let mut world = World::new(1).pods([pet(0)]);
    world.set.metadata.generation = Some(2);
    let observed = Write::PetSetStatus {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        rv: "7".to_owned(),
        observed_generation: 2,
        replicas: 1,
    };
    assert_eq!(world.plan(), Plan { writes: vec![observed], ..Plan::default() });
}

#[test]
fn claims_of_all_pets_come_before_the_first_pet() {
    let world = World::new(2).templates(&["www"]);
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![
                Write::CreateClaim(Box::new(claim(0))),
                Write::CreateClaim(Box::new(claim(1))),
                Write::CreatePod(Box::new(mounting(new_pet(0), "www-web-0"))),
                status(1),
            ],
            notes: vec![
                normal("SuccessfulCreate", "pvc: www-web-0"),
                normal("SuccessfulCreate", "pvc: www-web-1"),
                normal("SuccessfulCreate", "pet: web-0"),
            ],
            waits: vec![wait("PetNotNext", "waiting to create web-1: web-0 is created first")],
            look_again: None,
        }
    );
}

#[test]
fn claims_are_made_while_a_pet_blocks() {
    let world = World::new(2).templates(&["www"]).claims([claim(0)]).pods([unready(mounting(pet(0), "www-web-0"))]);
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![Write::CreateClaim(Box::new(claim(1)))],
            notes: vec![normal("SuccessfulCreate", "pvc: www-web-1")],
            waits: vec![wait("PetNotReady", "waiting to create web-1: web-0 is not Ready")],
            look_again: None,
        }
    );
}

#[test]
fn a_claim_that_exists_is_taken_as_it_is() {
    let mut by_hand = claim(0);
    by_hand.metadata.labels = None;
    by_hand.spec.as_mut().unwrap().storage_class_name = Some("fast".to_owned());
    let world = World::new(1).templates(&["www"]).claims([by_hand]);
    assert_eq!(
        world.plan().writes,
        [Write::CreatePod(Box::new(mounting(new_pet(0), "www-web-0"))), status(1)],
        "neither replaced nor changed"
    );
}

#[test]
fn claims_outlive_scaling() {
    let mut world = World::new(3).templates(&["www"]);
    story(&mut world);
    world.set.spec.replicas = Some(0);
    story(&mut world);
    assert_eq!(world.claims, [claim(0), claim(1), claim(2)]);
}

#[test]
fn a_pet_waits_for_a_claim_that_is_being_deleted() {
    let mut leaving = claim(0);
    leaving.metadata.deletion_timestamp = Some(time(80));
    let world = World::new(2).templates(&["www"]).claims([leaving, claim(1)]);
    assert_eq!(
        world.plan(),
        waits([
            wait("ClaimTerminating", "waiting to create web-0: its claim www-web-0 is being deleted"),
            wait("ClaimTerminating", "waiting to create web-1: its claim www-web-0 is being deleted"),
        ])
    );
}

#[test]
fn a_large_set_gets_its_claims_in_portions() {
    let mut world = World::new(250).templates(&["www"]);
    let first = world.plan();
    assert_eq!(first.writes.len(), plan::set::CLAIMS_PER_PASS_MAX);
    assert!(first.writes.iter().all(|w| matches!(w, Write::CreateClaim(_))), "no pet before all claims");
    assert_eq!(
        first.waits.first(),
        Some(&wait("ClaimsUnfinished", "waiting to create web-0: the claims of all pets are made first"))
    );
    assert_eq!(
        first.waits.last(),
        Some(&wait("ClaimsUnfinished", "waiting with 150 more pets: the claims of all pets are made first"))
    );
    world.apply(&first);
    world.apply(&world.plan());
    let third = world.plan();
    assert_eq!(world.claims.len(), 200);
    assert_eq!(third.writes.len(), 50 + 2, "the last claims, the first pet and the status");
}

#[test]
fn an_absurd_replica_count_costs_no_more_than_a_large_one() {
    let plan = World::new(i32::MAX).plan();
    assert_eq!(plan.writes, [created(0), status(1)]);
    assert_eq!(
        plan.waits.last(),
        Some(&wait("PetNotNext", "waiting with 2147483547 more pets: web-0 is created first"))
    );
}

#[test]
fn the_newest_surplus_goes_first() {
    let mut again = pet(1);
    again.metadata.creation_timestamp = Some(time(50));
    let world = World::new(0).pods([pet(0), again, pet(2)]);
    assert_eq!(world.plan().writes, [deleted("web-1")], "web-1 was made again after web-2");
}

#[test]
fn of_equally_new_surplus_the_highest_ordinal_goes_first() {
    let pods = ["web-2", "web-10", "web-9", "stranger"].map(|name| pod(name, 0));
    let mut world = World::new(0).pods(pods);
    assert_eq!(story(&mut world), ["delete web-10", "delete web-9", "delete web-2", "delete stranger"]);
}

#[test]
fn a_pod_that_the_selector_matches_and_that_has_no_place_is_surplus() {
    for name in ["stranger", "web", "web-", "web-x", "web-00", "web-01", "web-+1", "web-99999999999", "web-0-0"] {
        let mut world = World::new(1).pods([pet(0), pod(name, 9)]);
        world.set.status.replicas = 1;
        assert_eq!(world.plan().writes, [deleted(name)], "{name}");
    }
}

#[test]
fn what_is_missing_comes_before_the_surplus() {
    let world = World::new(2).pods([pet(0), pet(2)]);
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![created(1), status(3)],
            notes: vec![normal("SuccessfulCreate", "pet: web-1")],
            waits: vec![wait("PetNotNext", "waiting to delete web-2: web-1 is created first")],
            look_again: None,
        }
    );
}

#[test]
fn a_deleted_pet_is_not_made_again_while_a_higher_one_is_unhealthy() {
    let world = World::new(2).pods([unready(pet(1))]);
    assert_eq!(world.plan(), waits([wait("PetNotReady", "waiting to create web-0: web-1 is not Ready")]));
}

#[test]
fn an_unhealthy_surplus_pet_blocks_its_own_deletion() {
    let world = World::new(1).pods([pet(0), unready(pet(1))]);
    assert_eq!(world.plan(), waits([wait("PetNotReady", "waiting to delete web-1: web-1 is not Ready")]));
}

#[test]
fn an_unhealthy_stranger_blocks_too() {
    let mut world = World::new(2).pods([pet(0), unready(pod("stranger", 0))]);
    world.set.status.replicas = 1;
    assert_eq!(
        world.plan(),
        waits([
            wait("PetNotReady", "waiting to create web-1: stranger is not Ready"),
            wait("PetNotReady", "waiting to delete stranger: stranger is not Ready"),
        ])
    );
}

#[test]
fn the_first_pet_in_order_is_named_as_the_blocker() {
    let world = World::new(4).pods([unready(pod("a-stranger", 0)), terminating(pet(2)), initialized(pet(1), "false")]);
    let plan = world.plan();
    assert_eq!(plan.waits[0].reason, "PetNotInitialized");
    assert!(plan.waits[0].message.starts_with("waiting to create web-0: web-1 is not initialized"));
}

#[test]
fn a_set_that_lacks_nothing_still_says_what_is_unhealthy() {
    let world = World::new(2).pods([pet(0), unready(pet(1))]);
    assert_eq!(world.plan(), waits([wait("PetNotReady", "waiting for web-1: web-1 is not Ready")]));
}

#[test]
fn the_initialized_annotation_pauses_both_directions() {
    let initialized_is = |fault: &str| {
        let message = format!(
            "waiting to create web-1: web-0 is not initialized: annotation pod.alpha.kubernetes.io/initialized {fault}"
        );
        waits([wait("PetNotInitialized", &message)])
    };
    for (value, fault) in [
        ("false", "is \"false\""),
        ("0", "is \"0\""),
        ("F", "is \"F\""),
        ("", "is \"\", which is not a boolean"),
        ("yes", "is \"yes\", which is not a boolean"),
        ("tRUE", "is \"tRUE\", which is not a boolean"),
    ] {
        let world = World::new(2).pods([initialized(pet(0), value)]);
        assert_eq!(world.plan(), initialized_is(fault), "{value}");
    }
    let mut without = pet(0);
    without.metadata.annotations.as_mut().unwrap().remove("pod.alpha.kubernetes.io/initialized");
    assert_eq!(World::new(2).pods([without]).plan(), initialized_is("is missing"));

    for value in ["true", "TRUE", "True", "t", "T", "1"] {
        let up = World::new(2).pods([initialized(pet(0), value)]);
        assert_eq!(up.plan().writes, [created(1), status(2)], "{value}");
    }
    let down = World::new(1).pods([initialized(pet(0), "false"), pet(1)]);
    assert!(down.plan().writes.is_empty(), "any pet pauses the deletion of another");
}

#[test]
fn a_wait_says_the_true_reason() {
    let running = |container: serde_json::Value, ready: &str| {
        json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "message": ready}],
            "containerStatuses": [container],
        })
    };
    let container = |state: serde_json::Value| json!({"name": "nginx", "image": "", "imageID": "", "ready": false, "restartCount": 1, "state": state});
    let unready = "containers with unready status: [nginx]";
    for (status, reason, because) in [
        (
            running(
                container(json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}})),
                unready,
            ),
            "PetNotReady",
            "web-0 is not Ready: container nginx: CrashLoopBackOff: back-off 10s restarting",
        ),
        (
            running(container(json!({"terminated": {"reason": "Error", "exitCode": 3}})), unready),
            "PetNotReady",
            "web-0 is not Ready: container nginx: Error (exit code 3)",
        ),
        (
            running(container(json!({"running": {}})), "container nginx: probe exec exited 1"),
            "PetNotReady",
            "web-0 is not Ready: container nginx: probe exec exited 1",
        ),
        (
            json!({
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "message": "pod has unbound claims"}],
            }),
            "PetNotRunning",
            "web-0 is Pending: pod has unbound claims",
        ),
        (
            json!({"phase": "Pending", "containerStatuses": [container(json!({"waiting": {"reason": "ContainerCreating"}}))]}),
            "PetNotRunning",
            "web-0 is Pending: container nginx: ContainerCreating",
        ),
        (
            json!({
                "phase": "Pending",
                "initContainerStatuses": [container(json!({"terminated": {"exitCode": 1, "message": "no space"}}))],
                "containerStatuses": [container(json!({"waiting": {"reason": "PodInitializing"}}))],
            }),
            "PetNotRunning",
            "web-0 is Pending: init container nginx: no space (exit code 1)",
        ),
        (
            json!({"phase": "Failed", "reason": "Evicted", "message": "the node was low on disk"}),
            "PetNotRunning",
            "web-0 is Failed: Evicted: the node was low on disk",
        ),
        (json!({"phase": "Succeeded"}), "PetNotRunning", "web-0 is Succeeded"),
        (json!({}), "PetNotRunning", "web-0 is Pending"),
    ] {
        let world = World::new(2).pods([with_status(pet(0), status)]);
        assert_eq!(world.plan(), waits([wait(reason, &format!("waiting to create web-1: {because}"))]));
    }
}

#[test]
fn a_template_edit_never_reaches_running_pets() {
    let mut world = World::new(1).pods([pet(0)]);
    world.set.spec.template.spec.as_mut().unwrap().containers[0].image = Some("nginx-slim:0.8".to_owned());
    assert_eq!(world.plan(), Plan::default());
}

#[test]
fn pets_outlive_their_set() {
    let mut world = World::new(3).templates(&["www"]).pods([pet(0), unready(pet(1))]);
    world.set.metadata.deletion_timestamp = Some(time(80));
    assert_eq!(world.plan(), Plan::default());
}

#[test]
fn a_new_set_picks_up_the_pets_that_run() {
    let mut world = World::new(3).pods([pet(0), pet(1)]);
    world.set.metadata.uid = Some("another-uid".to_owned());
    assert_eq!(story(&mut world), ["create web-2"]);
}
