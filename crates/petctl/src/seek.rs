//! The objects that a command is about.

use serde_json::Value;

use crate::{
    client::{Client, with_query},
    failure::Failure,
    kind::{Kind, Kinds},
    manifest::Files,
    output::{self, name_of},
};

/// How objects are chosen on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Choice {
    /// What: `po web-0 web-1`, `po/web-0 svc/nginx`, or a kind with -l or --all
    #[arg(value_name = "KIND [NAME] | KIND/NAME")]
    pub(crate) objects: Vec<String>,
    #[command(flatten)]
    pub(crate) files: Files,
    /// Those with these labels: `app=nginx,tier!=db`
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<String>,
    /// Those with these fields: `status.phase=Running`
    #[arg(long, value_name = "FIELDS")]
    pub(crate) field_selector: Option<String>,
    /// In every namespace
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// An object, as it was when it was looked up.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `None` where it was named and not yet looked up.
    pub(crate) object: Option<Value>,
}

impl Found {
    /// The path in the API.
    pub(crate) fn path(&self) -> String {
        self.kind.object_path(&self.namespace, &self.name)
    }

    /// `petset.apps/web`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind.qualified_singular(), self.name)
    }

    /// The object as it is now.
    pub(crate) async fn get(&self, client: &Client) -> Result<Value, Failure> {
        client.get(&self.path()).await
    }

    /// The object as it was found, or as it is now.
    pub(crate) async fn take(&mut self, client: &Client) -> Result<Value, Failure> {
        match self.object.take() {
            Some(object) => Ok(object),
            None => self.get(client).await,
        }
    }
}

impl Choice {
    /// The chosen objects. Named ones need not exist; a kind alone means all of it only where the caller allows.
    pub(crate) async fn find(&self, client: &Client, kinds: &Kinds) -> Result<Vec<Found>, Failure> {
        if !self.files.filename.is_empty() {
            return self.in_files(client, kinds);
        }
        let mut found = Vec::new();
        for target in kinds.targets(&self.objects)? {
            match target.name {
                Some(_) if self.selector.is_some() => {
                    return Err(Failure::message("name cannot be provided when a selector is specified"));
                }
                Some(name) => found.push(Found {
                    kind: target.kind.clone(),
                    namespace: client.namespace.clone(),
                    name,
                    object: None,
                }),
                None => found.extend(self.list(client, target.kind).await?),
            }
        }
        Ok(found)
    }

    /// Whether objects were named one by one, so that one which is missing is an error.
    pub(crate) fn is_whole_kind(&self) -> bool {
        let is_named = self.objects.len() > 1 || self.objects.iter().any(|object| object.contains('/'));
        self.files.filename.is_empty() && !is_named && self.selector.is_none() && self.field_selector.is_none()
    }

    /// All objects of a kind that the selectors choose.
    async fn list(&self, client: &Client, kind: &Kind) -> Result<Vec<Found>, Failure> {
        let mut list = client.get(&self.list_path(client, kind)).await?;
        let objects = output::items(kind, &mut list).into_iter().map(|object| Found {
            kind: kind.clone(),
            namespace: object["metadata"]["namespace"].as_str().unwrap_or(&client.namespace).to_owned(),
            name: name_of(&object).to_owned(),
            object: Some(object),
        });
        Ok(objects.collect())
    }

    /// The path of a list, with the selectors.
    pub(crate) fn list_path(&self, client: &Client, kind: &Kind) -> String {
        let namespace = (!self.all_namespaces).then_some(client.namespace.as_str());
        let mut parameters = Vec::new();
        if let Some(selector) = &self.selector {
            parameters.push(("labelSelector", selector.as_str()));
        }
        if let Some(selector) = &self.field_selector {
            parameters.push(("fieldSelector", selector.as_str()));
        }
        with_query(&kind.path(namespace), &parameters)
    }

    fn in_files(&self, client: &Client, kinds: &Kinds) -> Result<Vec<Found>, Failure> {
        let manifests = self.files.read()?;
        let found = manifests.iter().map(|manifest| {
            let namespace = manifest.object["metadata"]["namespace"].as_str().unwrap_or(&client.namespace);
            Ok(Found {
                kind: kinds.of_object(&manifest.object)?.clone(),
                namespace: namespace.to_owned(),
                name: name_of(&manifest.object).to_owned(),
                object: None,
            })
        });
        found.collect()
    }
}

/// Does something to each object; prints each failure and goes on, so that one that fails does not hide the others.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    has_failed: bool,
}

impl Tally {
    /// The value, or nothing when it failed, which has been said then.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            // Everything else would fail the same way.
            Err(failure @ (Failure::Unreachable { .. } | Failure::Exit(_))) => Err(failure),
            Err(failure) => {
                crate::output::print::error(&failure.to_string());
                self.has_failed = true;
                Ok(None)
            }
        }
    }

    /// Whether a failure has been said.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The end: a failure if there was one.
    pub(crate) fn end(self) -> Result<(), Failure> {
        if self.has_failed { Err(Failure::Exit(1)) } else { Ok(()) }
    }
}
