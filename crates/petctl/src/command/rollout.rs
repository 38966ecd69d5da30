//! `rollout`: how far a change of a set's template is, what the template was before, and back to that.
//!
//! The sentences are kubectl's (`polymorphichelpers`). PetSets keep no revisions, for their template does not change;
//! where a command makes no sense for them it says so.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    client::{Client, PatchType, with_query},
    command::{describe, scale},
    failure::Failure,
    kind::Kinds,
    output::{name_of, print},
    progress::{Progress, duration},
    seek::{Choice, Found, Tally},
};

/// The annotation of a revision that says why it was made.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
/// The annotation of a template that makes it another one although nothing else changes.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// What to do with a rollout.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Rollout {
    /// Tell how far it is, and wait until it is done
    Status(StatusArguments),
    /// List the revisions, or show one of them
    History(HistoryArguments),
    /// Go back to the revision before, or to another one
    Undo(UndoArguments),
    /// Make every pod anew, in the order of a rollout
    Restart(Objects),
    /// Stop a rollout; sets have no such thing
    Pause(Objects),
    /// Go on with a rollout; sets have no such thing
    Resume(Objects),
}

/// The sets that are meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Objects {
    #[command(flatten)]
    choice: Choice,
}

/// Arguments of `rollout status`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    choice: Choice,
    /// Go on until the rollout is done
    #[arg(short = 'w', long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_name = "BOOL")]
    watch: bool,
    /// How long to wait; 0s is without end
    #[arg(long, default_value = "0s", value_parser = duration)]
    timeout: Duration,
}

/// Arguments of `rollout history`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct HistoryArguments {
    #[command(flatten)]
    choice: Choice,
    /// Show the template of this revision
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    revision: i64,
}

/// Arguments of `rollout undo`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UndoArguments {
    #[command(flatten)]
    choice: Choice,
    /// The revision to go back to; 0 is the one before
    #[arg(long, default_value_t = 0, value_name = "NUMBER", allow_negative_numbers = true)]
    to_revision: i64,
    /// Let the server check everything and change nothing
    #[arg(long, value_name = "server", value_parser = ["server"], num_args = 0..=1, default_missing_value = "server")]
    dry_run: Option<String>,
}

impl Rollout {
    fn choice(&self) -> &Choice {
        match self {
            Rollout::Status(arguments) => &arguments.choice,
            Rollout::History(arguments) => &arguments.choice,
            Rollout::Undo(arguments) => &arguments.choice,
            Rollout::Restart(objects) | Rollout::Pause(objects) | Rollout::Resume(objects) => &objects.choice,
        }
    }

    /// What is said to a kind that cannot do it.
    fn unsupported(&self) -> &'static str {
        match self {
            Rollout::Status(_) => "has no rollout status",
            Rollout::History(_) => "has no rollout history",
            Rollout::Undo(_) => "rolling back is not supported",
            Rollout::Restart(_) => "restarting is not supported",
            Rollout::Pause(_) => "pausing is not supported",
            Rollout::Resume(_) => "resuming is not supported",
        }
    }
}

pub(crate) async fn run(client: &Client, rollout: &Rollout) -> Result<(), Failure> {
    let kinds = Kinds::discover(client).await?;
    let mut tally = Tally::default();
    for object in rollout.choice().find(client, &kinds).await? {
        let done = match (rollout, object.kind.kind.as_str()) {
            (Rollout::Status(arguments), "StatefulSet" | "PetSet") => status(client, arguments, &object).await,
            (Rollout::History(arguments), "StatefulSet") => history(client, arguments, &object).await,
            (Rollout::Undo(arguments), "StatefulSet") => undo(client, arguments, &object).await,
            (Rollout::Restart(_), "StatefulSet") => restart(client, &object).await,
            (_, kind) => {
                let is_known = object.get(client).await.map(|_| ());
                let why = if kind == "PetSet" { "; the template of a PetSet does not change" } else { "" };
                let (plural, name) = (object.kind.qualified_plural(), &object.name);
                is_known.and(Err(Failure::message(format!("{plural} \"{name}\" {}{why}", rollout.unsupported()))))
            }
        };
        tally.keep(done)?;
    }
    tally.end()
}

async fn status(client: &Client, arguments: &StatusArguments, object: &Found) -> Result<(), Failure> {
    let end = (!arguments.timeout.is_zero()).then(|| Instant::now() + arguments.timeout);
    let mut progress = Progress::about(client, &object.namespace, &object.kind.kind, &object.name);
    let mut said = String::new();
    loop {
        let set = object.get(client).await.map_err(|failure| {
            // Somebody has deleted it meanwhile.
            if failure.is_not_found() && !said.is_empty() {
                Failure::message("object has been deleted")
            } else {
                failure
            }
        })?;
        let (text, is_done) = if object.kind.kind == "PetSet" {
            let path = format!("/api/v1/namespaces/{}/pods", object.namespace);
            let pods = client.get(&with_query(&path, &[("labelSelector", &scale::selector(&set))])).await?;
            stage_of_pets(&set, &pods)
        } else {
            stage(&set)?
        };
        if text != said {
            print::line(&text);
            said = text;
        }
        if is_done || !arguments.watch {
            return Ok(());
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(Failure::message("timed out waiting for the condition"));
        }
        progress.pause().await?;
    }
}

/// How far a set is, in kubectl's words, and whether that is all the way.
fn stage(set: &Value) -> Result<(String, bool), Failure> {
    let (spec, status) = (&set["spec"], &set["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let strategy = &spec["updateStrategy"];
    if !matches!(strategy["type"].as_str(), Some("RollingUpdate" | "Recreate")) {
        return Err(Failure::message("rollout status is only available for RollingUpdate strategy type"));
    }
    let observed = number(&status["observedGeneration"]);
    if observed == 0 || number(&set["metadata"]["generation"]) > observed {
        return Ok(("Waiting for statefulset spec update to be observed...".to_owned(), false));
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let missing = wanted - number(&status["readyReplicas"]);
    if missing > 0 {
        return Ok((format!("Waiting for {missing} pods to be ready..."), false));
    }
    let updated = number(&status["updatedReplicas"]);
    if strategy["rollingUpdate"].is_object() {
        let due = wanted - number(&strategy["rollingUpdate"]["partition"]);
        return Ok(if updated < due {
            (
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {due} new pods have been updated..."
                ),
                false,
            )
        } else {
            (format!("partitioned roll out complete: {updated} new pods have been updated..."), true)
        });
    }
    let (update, current) = (text(&status["updateRevision"]), text(&status["currentRevision"]));
    Ok(if update == current {
        let replicas = number(&status["currentReplicas"]);
        (format!("statefulset rolling update complete {replicas} pods at revision {current}..."), true)
    } else {
        (format!("waiting for statefulset rolling update to complete {updated} pods at revision {update}..."), false)
    })
}

/// How far a PetSet is: it has nothing to roll out, so that its pets are all there is to say.
fn stage_of_pets(set: &Value, pods: &Value) -> (String, bool) {
    let count = scale::Count::of(set, pods);
    match count.wanted - count.ready {
        missing if missing > 0 => (format!("Waiting for {missing} pods to be ready..."), false),
        _ if !count.is_complete() => (format!("Waiting for {} pods to be gone...", count.total - count.wanted), false),
        _ => (format!("petset complete {} pods...", count.total), true),
    }
}

/// A set and its own revisions, the oldest first.
async fn revisions(client: &Client, object: &Found) -> Result<(Value, Vec<Value>), Failure> {
    let set = object.get(client).await?;
    let path = format!("/apis/apps/v1/namespaces/{}/controllerrevisions", object.namespace);
    let mut list = client.get(&with_query(&path, &[("labelSelector", &scale::selector(&set))])).await?;
    let mut items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let uid = &set["metadata"]["uid"];
    items.retain(|revision| {
        let mut owners = revision["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        owners.any(|owner| owner["controller"] == true && owner["uid"] == *uid)
    });
    items.sort_by_key(number_of);
    Ok((set, items))
}

fn number_of(revision: &Value) -> i64 {
    revision["revision"].as_i64().unwrap_or(0)
}

async fn history(client: &Client, arguments: &HistoryArguments, object: &Found) -> Result<(), Failure> {
    let (_, revisions) = revisions(client, object).await?;
    let number = arguments.revision;
    let with = if number > 0 { format!("with revision #{number}") } else { String::new() };
    let text = told(&revisions, number)?;
    print::line(&format!("{} {with}\n{text}", object.title()));
    Ok(())
}

/// The list of the revisions; the template of one where its number is given.
fn told(revisions: &[Value], number: i64) -> Result<String, Failure> {
    if revisions.is_empty() {
        return Ok("No rollout history found.".to_owned());
    }
    if number > 0 {
        let revision = revisions.iter().rev().find(|revision| number_of(revision) == number);
        let revision = revision.ok_or_else(|| Failure::message("unable to find the specified revision"))?;
        return Ok(describe::pod_template(&revision["data"]["spec"]["template"]));
    }
    let rows = revisions.iter().map(|revision| {
        let cause = revision["metadata"]["annotations"][CHANGE_CAUSE].as_str().filter(|cause| !cause.is_empty());
        format!("{:<8}  {}\n", number_of(revision), cause.unwrap_or("<none>"))
    });
    Ok(std::iter::once("REVISION  CHANGE-CAUSE\n".to_owned()).chain(rows).collect())
}

async fn undo(client: &Client, arguments: &UndoArguments, object: &Found) -> Result<(), Failure> {
    let (set, revisions) = revisions(client, object).await?;
    let wanted = arguments.to_revision;
    let revision = target(&revisions, wanted)?;
    let data = &revision["data"];
    if is_current(&set, data) {
        let number = number_of(revision);
        print::line(&format!(
            "{} skipped rollback (current template already matches revision {number})",
            object.title()
        ));
        return Ok(());
    }
    let mut parameters = vec![("fieldManager", "petctl-rollout")];
    let is_dry = arguments.dry_run.is_some();
    if is_dry {
        parameters.push(("dryRun", "All"));
    }
    client.patch(&with_query(&object.path(), &parameters), PatchType::Strategic, data).await?;
    print::line(&format!("{} rolled back{}", object.title(), if is_dry { " (server dry run)" } else { "" }));
    Ok(())
}

/// The revision that is meant: by its number, or (0) the one before the newest.
fn target(revisions: &[Value], wanted: i64) -> Result<&Value, Failure> {
    if wanted == 0 {
        let before = revisions.len().checked_sub(2).and_then(|index| revisions.get(index));
        return before.ok_or_else(|| Failure::message("no last revision to roll back to"));
    }
    let found = revisions.iter().find(|revision| number_of(revision) == wanted);
    found.ok_or_else(|| Failure::message(format!("unable to find specified revision {wanted} in history")))
}

/// Whether a set's template is that of a revision already.
fn is_current(set: &Value, data: &Value) -> bool {
    let mut template = set["spec"]["template"].clone();
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".to_owned(), "replace".into());
    }
    *data == json!({"spec": {"template": template}})
}

async fn restart(client: &Client, object: &Found) -> Result<(), Failure> {
    let set = object.get(client).await?;
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
    if set["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] == *now {
        return Err(Failure::message(format!(
            "if restart of {} has already been triggered within the past second, please wait before attempting to trigger another",
            name_of(&set)
        )));
    }
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}});
    let path = with_query(&object.path(), &[("fieldManager", "petctl-rollout")]);
    client.patch(&path, PatchType::Strategic, &patch).await?;
    print::line(&format!("{} restarted", object.title()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(strategy: &Value, status: &Value) -> Value {
        json!({
            "metadata": {"name": "web", "generation": 2},
            "spec": {"replicas": 3, "updateStrategy": strategy},
            "status": status,
        })
    }

    #[test]
    fn the_status_is_told_in_kubectls_words() {
        let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
        let bare = json!({"type": "RollingUpdate"});
        let at = |ready: i64, updated: i64, current: &str, update: &str| {
            json!({
                "observedGeneration": 2, "readyReplicas": ready, "updatedReplicas": updated, "currentReplicas": 3,
                "currentRevision": current, "updateRevision": update,
            })
        };
        for (strategy, status, expected, is_done) in [
            (&rolling, json!({}), "Waiting for statefulset spec update to be observed...", false),
            (
                &rolling,
                json!({"observedGeneration": 1}),
                "Waiting for statefulset spec update to be observed...",
                false,
            ),
            (&rolling, at(1, 0, "a", "b"), "Waiting for 2 pods to be ready...", false),
            (
                &rolling,
                at(3, 1, "a", "b"),
                "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
                false,
            ),
            (&rolling, at(3, 2, "a", "b"), "partitioned roll out complete: 2 new pods have been updated...", true),
            (
                &bare,
                at(3, 2, "a", "b"),
                "waiting for statefulset rolling update to complete 2 pods at revision b...",
                false,
            ),
            (&bare, at(3, 3, "b", "b"), "statefulset rolling update complete 3 pods at revision b...", true),
            (
                &json!({"type": "Recreate"}),
                at(3, 3, "b", "b"),
                "statefulset rolling update complete 3 pods at revision b...",
                true,
            ),
        ] {
            let (text, done) = stage(&set(strategy, &status)).unwrap();
            assert_eq!((text.as_str(), done), (expected, is_done), "{strategy} {status}");
        }
        let failure = stage(&set(&json!({"type": "OnDelete"}), &json!({}))).unwrap_err();
        assert_eq!(failure.to_string(), "error: rollout status is only available for RollingUpdate strategy type");
    }

    #[test]
    fn a_pet_set_tells_of_its_pets() {
        let pod = |name: &str, ready: &str| json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let set = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2}});
        let stage = |pods: &[Value]| stage_of_pets(&set, &json!({"items": pods}));
        let [a, b, c] = [pod("web-0", "True"), pod("web-1", "True"), pod("web-2", "False")];
        assert_eq!(stage(std::slice::from_ref(&a)), ("Waiting for 1 pods to be ready...".to_owned(), false));
        assert_eq!(stage(&[a.clone(), b.clone(), c]), ("Waiting for 1 pods to be gone...".to_owned(), false));
        assert_eq!(stage(&[a, b]), ("petset complete 2 pods...".to_owned(), true));
    }

    fn revision(number: i64, image: &str, cause: Option<&str>) -> Value {
        let template = json!({"$patch": "replace", "spec": {"containers": [{"name": "c", "image": image}]}});
        json!({
            "metadata": {"name": format!("web-{number}"), "annotations": cause.map(|cause| json!({CHANGE_CAUSE: cause}))},
            "revision": number,
            "data": {"spec": {"template": template}},
        })
    }

    #[test]
    fn the_history_lists_revisions_with_their_cause() {
        let revisions = [revision(1, "i:1", None), revision(3, "i:2", Some("a better i"))];
        assert_eq!(
            told(&revisions, 0).unwrap().as_str(),
            "REVISION  CHANGE-CAUSE\n1         <none>\n3         a better i\n"
        );
        assert_eq!(told(&[], 0).unwrap(), "No rollout history found.");
        let one = told(&revisions, 3).unwrap();
        assert!(one.starts_with("Pod Template:\n") && one.contains("i:2"), "{one}");
        assert_eq!(told(&revisions, 2).unwrap_err().to_string(), "error: unable to find the specified revision");
    }

    #[test]
    fn a_rollback_goes_to_the_revision_before_or_to_the_one_that_is_named() {
        let revisions = [revision(1, "i:1", None), revision(3, "i:2", None), revision(4, "i:3", None)];
        let found = |wanted| target(&revisions, wanted).map(number_of).map_err(|failure| failure.to_string());
        assert_eq!(found(0), Ok(3));
        assert_eq!(found(1), Ok(1));
        assert_eq!(found(2), Err("error: unable to find specified revision 2 in history".to_owned()));
        assert_eq!(found(-1), Err("error: unable to find specified revision -1 in history".to_owned()));
        let alone = target(&revisions[..1], 0).map_err(|failure| failure.to_string());
        assert_eq!(alone, Err("error: no last revision to roll back to".to_owned()));
        let set = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}});
        assert!(is_current(&set, &revisions[1]["data"]));
        assert!(!is_current(&set, &revisions[0]["data"]));
    }
}
