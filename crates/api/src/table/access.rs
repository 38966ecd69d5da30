//! The tables of who may do what.

use serde_json::Value;

use super::{AGE, Column, NAME, Printer, age_of, items, name, text};

pub(super) static BINDING: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Role", "The role that it gives."),
        AGE,
        Column::new("Users", "The users that it is given to.").wide(),
        Column::new("Groups", "The groups that it is given to.").wide(),
        Column::new("ServiceAccounts", "The service accounts that it is given to.").wide(),
    ],
    cells: |binding, now| {
        let role = &binding["roleRef"];
        let of_kind = |kind: &str| {
            let subjects = items(&binding["subjects"]).iter().filter(|subject| subject["kind"] == kind);
            subjects.map(subject).collect::<Vec<_>>().join(", ")
        };
        vec![
            name(binding),
            format!("{}/{}", text(&role["kind"]), text(&role["name"])).into(),
            age_of(binding, now),
            of_kind("User").into(),
            of_kind("Group").into(),
            of_kind("ServiceAccount").into(),
        ]
    },
};

/// A user or a group by name, a service account with its namespace.
fn subject(subject: &Value) -> String {
    let own = text(&subject["name"]);
    if subject["kind"] == "ServiceAccount" { format!("{}/{own}", text(&subject["namespace"])) } else { own.to_owned() }
}
