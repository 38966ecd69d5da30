//! The parameters of a request, read once at the edge.

use std::time::Duration;

use api::{
    ownership::{self, Conflicts},
    resource::Resource,
    selector::{Fields, Labels},
    status::{Cause, Status},
};
use axum::extract::Query;
use http::{HeaderMap, Uri, header};
use serde_json::{Value, json};
use store::{Revision, Stored};

/// The query string, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Errors: 400 for a query that is not form-encoded.
    pub(crate) fn read(uri: &Uri) -> Result<Params, Status> {
        let Query(pairs) = Query::try_from_uri(uri).map_err(|error| Status::bad_request(error.body_text()))?;
        Ok(Params(pairs))
    }

    /// The first value of a parameter; `None` also where it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A switch, as Kubernetes reads them: absent, `false` and `0` are off, everything else is on.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.flag_given(name).unwrap_or(false)
    }

    /// A switch that may be absent.
    pub(crate) fn flag_given(&self, name: &str) -> Option<bool> {
        self.all(name).next().map(|value| !(value == "0" || value.eq_ignore_ascii_case("false")))
    }

    /// A whole number. Errors: 400 in Go's words.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse();
        number.map(Some).map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
    }
}

/// What is done about fields that the kind does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The parameters of a write.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// Everything but the write itself.
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    /// Who owns what is written.
    pub(crate) manager: String,
}

impl WriteOptions {
    /// `kind` is named in errors: `CreateOptions`. Errors: 422 `Invalid`.
    pub(crate) fn read(params: &Params, headers: &HeaderMap, kind: &str) -> Result<WriteOptions, Status> {
        let mut causes = Vec::new();
        if kind == "PatchOptions" && params.flag_given("force").is_some() {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        let given = params.text("fieldManager").map(ToOwned::to_owned);
        let manager = given.unwrap_or_else(|| {
            let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
            ownership::manager_of_agent(agent.unwrap_or_default())
        });
        WriteOptions::settle(params, manager, kind, causes)
    }

    /// The parameters of a server-side apply. Errors: 422 `Invalid`.
    pub(crate) fn read_apply(params: &Params) -> Result<(WriteOptions, Conflicts), Status> {
        let mut causes = Vec::new();
        let manager = params.text("fieldManager").unwrap_or_default().to_owned();
        if manager.is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        let conflicts = if params.flag("force") { Conflicts::Force } else { Conflicts::Refuse };
        Ok((WriteOptions::settle(params, manager, "PatchOptions", causes)?, conflicts))
    }

    fn settle(params: &Params, manager: String, kind: &str, mut causes: Vec<Cause>) -> Result<WriteOptions, Status> {
        causes.extend(ownership::manager_problem(&manager));
        let dry_run: Vec<&str> = params.all("dryRun").filter(|value| !value.is_empty()).collect();
        causes.extend(dry_run_cause(&dry_run));
        let validation = match params.text("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                causes.push(Cause::not_supported("fieldValidation", other, &["Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        refuse(kind, &causes)?;
        Ok(WriteOptions { dry_run: !dry_run.is_empty(), validation, manager })
    }
}

/// What is wrong with a `dryRun` list, if anything.
pub(crate) fn dry_run_cause(values: &[&str]) -> Option<Cause> {
    values.iter().any(|value| *value != "All").then(|| Cause::not_supported("dryRun", json!(values), &["All"]))
}

/// Errors: 422 `Invalid` for options of this kind, if there are causes.
pub(crate) fn refuse(kind: &str, causes: &[Cause]) -> Result<(), Status> {
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(kind, "meta.k8s.io", "", causes)) }
}

/// Which objects of a collection are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    labels: Labels,
    fields: Fields,
}

impl Selection {
    /// Errors: 400 for what is no selector, or selects by a field that the kind does not offer.
    pub(crate) fn read(resource: &Resource, params: &Params) -> Result<Selection, Status> {
        let labels = Labels::parse(params.text("labelSelector").unwrap_or_default())?;
        let fields = Fields::parse(params.text("fieldSelector").unwrap_or_default())?;
        let nothing = json!({});
        for (field, ..) in &fields.terms {
            let is_common = matches!(field.as_str(), "metadata.name" | "metadata.namespace");
            if !is_common && resource.rules.selectable(&nothing, field).is_none() {
                return Err(resource.unknown_field(field));
            }
        }
        Ok(Selection { labels, fields })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The same as [`Selection::matches`] of an object that is only read where something is asked of it.
    pub(crate) fn matches_stored(&self, resource: &Resource, stored: &Stored) -> bool {
        self.is_everything() || self.matches(resource, &stored.value())
    }

    pub(crate) fn matches(&self, resource: &Resource, object: &Value) -> bool {
        self.labels.matches_object(object)
            && self.fields.matches(|field| match field {
                "metadata.name" => object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                "metadata.namespace" => object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
                _ => resource.rules.selectable(object, field).unwrap_or_default(),
            })
    }
}

/// Which moment a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The present one, which must not be before this.
    Now { at_least: Revision },
    /// Exactly this one.
    At(Revision),
    /// That of an earlier page, after its last object.
    After(Page),
}

/// Where a page of a list ended, and at which moment it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) revision: Revision,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The parameters of a list.
#[derive(Clone, Debug)]
pub(crate) struct ListOptions {
    pub(crate) limit: Option<usize>,
    pub(crate) moment: Moment,
}

impl ListOptions {
    /// Errors: 400 and 422 as Kubernetes' `ValidateListOptions`.
    pub(crate) fn read(params: &Params) -> Result<ListOptions, Status> {
        let limit = params.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let version = params.text("resourceVersion");
        let page = params.text("continue");
        let mut causes = Vec::new();
        let matching = params.text("resourceVersionMatch");
        let matching_cause = match matching {
            Some(_) if page.is_some() => Some("resourceVersionMatch is forbidden when continue is provided"),
            Some(_) if version.is_none() => {
                Some("resourceVersionMatch is forbidden unless resourceVersion is provided")
            }
            Some("Exact") if version == Some("0") => {
                Some("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
            }
            _ => None,
        };
        causes.extend(matching_cause.map(|why| Cause::forbidden("resourceVersionMatch", why)));
        if let Some(other) = matching.filter(|matching| !matches!(*matching, "Exact" | "NotOlderThan")) {
            causes.push(Cause::not_supported("resourceVersionMatch", other, &["Exact", "NotOlderThan", ""]));
        }
        if params.flag_given("sendInitialEvents").is_some() {
            causes.push(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        refuse("ListOptions", &causes)?;
        let revision = revision(version)?;
        let moment = match page {
            Some(_) if revision.0 > 0 => {
                return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
            }
            Some(token) => Moment::After(Page::read(token)?),
            None if matching == Some("Exact") => Moment::At(revision),
            None => Moment::Now { at_least: revision },
        };
        Ok(ListOptions { limit, moment })
    }
}

impl Page {
    /// The token that clients send back as `continue`.
    pub(crate) fn token(&self) -> String {
        use base64::Engine as _;
        let text = json!({"rv": self.revision.0, "after": [self.namespace, self.name]}).to_string();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    }

    /// Errors: 400.
    fn read(token: &str) -> Result<Page, Status> {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok();
        let value: Option<Value> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let page = value.and_then(|value| {
            Some(Page {
                revision: Revision(value["rv"].as_u64()?),
                namespace: value["after"][0].as_str()?.to_owned(),
                name: value["after"][1].as_str()?.to_owned(),
            })
        });
        page.ok_or_else(|| Status::bad_request("continue key is not valid: it was not made by this server"))
    }
}

/// From where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With an event for each object that exists; the present must not be before this.
    Everything { at_least: Revision },
    /// With the next change.
    Now,
    /// With the first change after this.
    After(Revision),
}

/// The parameters of a watch.
#[derive(Clone, Debug)]
pub(crate) struct WatchOptions {
    pub(crate) start: Start,
    /// Say when the events for what exists are over.
    pub(crate) says_when_synced: bool,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<Duration>,
}

impl WatchOptions {
    /// Errors: 400 and 422 as Kubernetes' `ValidateListOptions`.
    pub(crate) fn read(params: &Params) -> Result<WatchOptions, Status> {
        let mut causes = Vec::new();
        let initial = params.flag_given("sendInitialEvents");
        match (initial, params.text("resourceVersionMatch")) {
            (None, None) | (Some(_), Some("NotOlderThan")) => {}
            (None, Some(_)) => causes.push(Cause::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )),
            (Some(_), _) => causes.push(Cause::forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )),
        }
        refuse("ListOptions", &causes)?;
        let revision = revision(params.text("resourceVersion"))?;
        let start = match initial {
            Some(true) => Start::Everything { at_least: revision },
            None if revision.0 == 0 => Start::Everything { at_least: revision },
            Some(false) if revision.0 == 0 => Start::Now,
            None | Some(false) => Start::After(revision),
        };
        let bookmarks = params.flag("allowWatchBookmarks");
        let seconds = params.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        Ok(WatchOptions {
            start,
            says_when_synced: initial == Some(true) && bookmarks,
            bookmarks,
            timeout: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        })
    }
}

/// Errors: 400 for what is no revision.
fn revision(text: Option<&str>) -> Result<Revision, Status> {
    let Some(text) = text else { return Ok(Revision(0)) };
    text.parse().map(Revision).map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
             invalid syntax"
        ))
    })
}
