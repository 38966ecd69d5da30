//! `get`: tables, documents, and watching.

use futures::StreamExt;
use serde_json::Value;

use crate::{
    client::{Client, Event, Rows, with_query},
    failure::Failure,
    kind::{Kind, Kinds},
    output::{self, Columns, Output, Shown, hide_managed_fields, name_of, print, shown, together},
    seek::{Choice, Tally},
};

/// Arguments of `get`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// wide, yaml, json, name, jsonpath=TEMPLATE or custom-columns=HEADING:.path,…
    #[arg(short = 'o', long)]
    output: Option<Output>,
    /// Go on showing changes
    #[arg(short = 'w', long)]
    watch: bool,
    /// Show changes only
    #[arg(long)]
    watch_only: bool,
    /// Without headings
    #[arg(long)]
    no_headers: bool,
    /// With a column for the labels
    #[arg(long)]
    show_labels: bool,
    /// With who owns which fields, in yaml and json
    #[arg(long)]
    show_managed_fields: bool,
    /// An object that does not exist is no error
    #[arg(long)]
    ignore_not_found: bool,
    /// Print what the server says at a path: `--raw /readyz`
    #[arg(long, value_name = "PATH", conflicts_with_all = ["objects", "selector", "field_selector", "all_namespaces", "output", "watch", "watch_only"])]
    raw: Option<String>,
}

/// A kind with the names that were asked for; none means all.
struct Group {
    kind: Kind,
    names: Vec<String>,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.raw {
        print::out(&client.get_text(path).await?);
        return Ok(());
    }
    let groups = groups(client, &arguments.choice).await?;
    if arguments.watch || arguments.watch_only {
        return match groups.as_slice() {
            [group] if group.names.len() < 2 => watch(client, arguments, group).await,
            _ => Err(Failure::message("you may only specify a single resource type or object to watch")),
        };
    }
    match &arguments.output {
        None | Some(Output::Wide) => tables(client, arguments, &groups).await,
        Some(output) => documents(client, arguments, &groups, output).await,
    }
}

async fn groups(client: &Client, choice: &Choice) -> Result<Vec<Group>, Failure> {
    let kinds = Kinds::discover(client).await?;
    let named: Vec<(Kind, Option<String>)> = if choice.files.filename.is_empty() {
        kinds.targets(&choice.objects)?.into_iter().map(|target| (target.kind.clone(), target.name)).collect()
    } else {
        choice.find(client, &kinds).await?.into_iter().map(|found| (found.kind, Some(found.name))).collect()
    };
    let mut groups: Vec<Group> = Vec::new();
    for (kind, name) in named {
        match groups.last_mut() {
            Some(group) if group.kind == kind => group.names.extend(name),
            _ => groups.push(Group { kind, names: name.into_iter().collect() }),
        }
    }
    if choice.all_namespaces && groups.iter().any(|group| !group.names.is_empty()) {
        return Err(Failure::message("a resource cannot be retrieved by name across all namespaces"));
    }
    Ok(groups)
}

impl Group {
    /// The paths to ask: one per name, or the list.
    fn paths(&self, client: &Client, choice: &Choice) -> Vec<String> {
        if self.names.is_empty() {
            return vec![choice.list_path(client, &self.kind)];
        }
        self.names.iter().map(|name| self.kind.object_path(&client.namespace, name)).collect()
    }
}

async fn tables(client: &Client, arguments: &Arguments, groups: &[Group]) -> Result<(), Failure> {
    let mut tally = Tally::default();
    let mut has_printed = false;
    for group in groups {
        let mut tables = Vec::new();
        for path in group.paths(client, &arguments.choice) {
            let table = match client.get_table(&path).await {
                Err(failure) if failure.is_not_found() && arguments.ignore_not_found => continue,
                result => tally.keep(result)?,
            };
            tables.extend(table);
        }
        let what = what(arguments, &group.kind, groups.len() > 1);
        let mut lines = Vec::new();
        for table in &tables {
            let (headings, rows) = shown(table, &table["columnDefinitions"], what);
            if lines.is_empty() && !arguments.no_headers && !rows.is_empty() {
                lines.push(headings);
            }
            lines.extend(rows);
        }
        if lines.is_empty() {
            continue;
        }
        if has_printed {
            print::line("");
        }
        print::out(&Columns::default().align(&lines));
        has_printed = true;
    }
    let is_list = groups.iter().all(|group| group.names.is_empty());
    if !has_printed && is_list && !tally.has_failed() {
        none_found(client, arguments, groups);
    }
    tally.end()
}

fn what<'a>(arguments: &Arguments, kind: &'a Kind, is_mixed: bool) -> Shown<'a> {
    Shown {
        wide: matches!(arguments.output, Some(Output::Wide)),
        namespaces: arguments.choice.all_namespaces && kind.is_namespaced,
        labels: arguments.show_labels,
        prefix: is_mixed.then_some(kind),
    }
}

fn none_found(client: &Client, arguments: &Arguments, groups: &[Group]) {
    let is_here = !arguments.choice.all_namespaces && groups.iter().any(|group| group.kind.is_namespaced);
    if is_here {
        print::talk(&format!("No resources found in {} namespace.", client.namespace));
    } else {
        print::talk("No resources found");
    }
}

async fn documents(client: &Client, arguments: &Arguments, groups: &[Group], output: &Output) -> Result<(), Failure> {
    let mut tally = Tally::default();
    let mut found: Vec<(Kind, Value)> = Vec::new();
    for group in groups {
        for path in group.paths(client, &arguments.choice) {
            let answer = match client.get(&path).await {
                Err(failure) if failure.is_not_found() && arguments.ignore_not_found => continue,
                result => tally.keep(result)?,
            };
            let Some(mut answer) = answer else { continue };
            if group.names.is_empty() {
                let items = output::items(&group.kind, &mut answer);
                found.extend(items.into_iter().map(|item| (group.kind.clone(), item)));
            } else {
                found.push((group.kind.clone(), answer));
            }
        }
    }
    let is_single = groups.iter().map(|group| group.names.len()).sum::<usize>() == 1;
    if !(found.is_empty() && is_single) {
        hide(&mut found, arguments, output);
        document(&found, output, arguments.no_headers, is_single)?;
    }
    tally.end()
}

/// Leaves out what kubectl leaves out of documents, where it was not asked for.
fn hide(found: &mut [(Kind, Value)], arguments: &Arguments, output: &Output) {
    if !arguments.show_managed_fields && matches!(output, Output::Yaml | Output::Json) {
        for (_, object) in found {
            hide_managed_fields(object);
        }
    }
}

fn document(found: &[(Kind, Value)], output: &Output, no_headers: bool, is_single: bool) -> Result<(), Failure> {
    let objects = || found.iter().map(|(_, object)| object.clone()).collect();
    match output {
        Output::Wide => {}
        Output::Yaml => print::out(&output::yaml(&together(objects(), is_single))?),
        Output::Json => print::out(&output::json(&together(objects(), is_single))?),
        Output::Name => {
            for (kind, object) in found {
                print::line(&format!("{}/{}", kind.qualified_singular(), name_of(object)));
            }
        }
        Output::JsonPath(template) => print::out(&template.fill(&together(objects(), is_single))),
        Output::Custom(columns) => {
            let mut rows: Vec<Vec<String>> = Vec::new();
            if !no_headers {
                rows.push(columns.iter().map(|(heading, _)| heading.clone()).collect());
            }
            for (_, object) in found {
                let cell = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
                rows.push(columns.iter().map(|(_, template)| cell(template.fill(object))).collect());
            }
            print::out(&Columns::default().align(&rows));
        }
    }
    Ok(())
}

/// Shows what is there, then every change, until interrupted.
async fn watch(client: &Client, arguments: &Arguments, group: &Group) -> Result<(), Failure> {
    let mut path = arguments.choice.list_path(client, &group.kind);
    if let [name] = group.names.as_slice() {
        // A missing object is an error, also for a watch.
        client.get(&group.kind.object_path(&client.namespace, name)).await?;
        path = with_query(&path, &[("fieldSelector", &format!("metadata.name={name}"))]);
    }
    let is_table = matches!(arguments.output, None | Some(Output::Wide));
    let rows = if is_table { Rows::Table } else { Rows::Plain };
    let mut list = if is_table { client.get_table(&path).await? } else { client.get(&path).await? };
    let mut version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
    let definitions = list["columnDefinitions"].clone();
    let mut columns = Columns::default();
    let what = what(arguments, &group.kind, false);
    let mut headings_due = !arguments.no_headers;
    let mut show = |object: &mut Value| -> Result<(), Failure> {
        if !is_table {
            if let Some(output) = &arguments.output {
                let mut found = [(group.kind.clone(), object.take())];
                hide(&mut found, arguments, output);
                document(&found, output, true, true)?;
            }
            return Ok(());
        }
        let (headings, mut lines) = shown(object, &definitions, what);
        if headings_due && !lines.is_empty() {
            lines.insert(0, headings);
            headings_due = false;
        }
        print::out(&columns.align(&lines));
        Ok(())
    };
    if !arguments.watch_only {
        if is_table {
            show(&mut list)?;
        } else {
            output::items(&group.kind, &mut list).iter_mut().try_for_each(&mut show)?;
        }
    }
    loop {
        let path = with_query(&path, &[("watch", "true"), ("resourceVersion", &version)]);
        let mut events = Box::pin(client.watch(&path, rows).await?);
        while let Some(event) = events.next().await {
            let (Event::Present(mut object) | Event::Deleted(mut object)) = event?;
            let metadata = if is_table { &object["rows"][0]["object"]["metadata"] } else { &object["metadata"] };
            if let Some(seen) = metadata["resourceVersion"].as_str() {
                seen.clone_into(&mut version);
            }
            show(&mut object)?;
        }
        // The server ends a watch after a while: go on from the last event.
    }
}
