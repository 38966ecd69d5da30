//! In which form the client wants its answer, and in which form its body is.

use api::{body::Media, patch, status::Status, table::Include};
use http::{HeaderMap, header};

use crate::query::Params;

/// How objects are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// As they are.
    Whole,
    /// Their metadata alone (`PartialObjectMetadata`).
    Metadata,
    /// As rows of a `Table`.
    Table(Include),
}

/// How an answer is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) view: View,
    pub(crate) encoding: Encoding,
}

impl Form {
    /// JSON, as it is.
    pub(crate) const PLAIN: Form = Form { view: View::Whole, encoding: Encoding::Json };
}

/// The first form of the `Accept` header that is offered.
///
/// Errors: 406 where there is none, 400 for an `includeObject` that tables do not know.
pub(crate) fn form(headers: &HeaderMap, params: &Params) -> Result<Form, Status> {
    let clauses = clauses(headers);
    if clauses.is_empty() {
        return Ok(Form::PLAIN);
    }
    let chosen = clauses.iter().find_map(|clause| {
        let encoding = match clause.media {
            "application/json" | "application/*" | "*/*" => Encoding::Json,
            "application/yaml" => Encoding::Yaml,
            _ => return None,
        };
        let is_meta = clause.param("g") == Some("meta.k8s.io") && matches!(clause.param("v"), Some("v1" | "v1beta1"));
        let view = match clause.param("as") {
            None => View::Whole,
            Some("Table") if is_meta => View::Table(Include::default()),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if is_meta => View::Metadata,
            Some(_) => return None,
        };
        Some(Form { view, encoding })
    });
    let mut form = chosen.ok_or_else(Status::not_acceptable)?;
    if let View::Table(include) = &mut form.view {
        *include = match params.text("includeObject") {
            None | Some("Metadata") => Include::Metadata,
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            Some(other) => {
                return Err(Status::bad_request(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be \
                     'Metadata', 'Object', 'None', or empty"
                )));
            }
        };
    }
    Ok(form)
}

/// Whether the client prefers aggregated discovery to the old kind.
pub(crate) fn prefers_aggregated(headers: &HeaderMap) -> bool {
    let first = clauses(headers).into_iter().find(|clause| {
        matches!(clause.media, "application/json" | "application/*" | "*/*")
            && matches!((clause.param("as"), clause.param("v")), (None, _) | (_, Some("v2")))
    });
    first.is_some_and(|clause| {
        clause.param("as") == Some("APIGroupDiscoveryList") && clause.param("g") == Some("apidiscovery.k8s.io")
    })
}

/// What clients call OpenAPI v2 in protobuf when they ask for it. Kubernetes answers with a `.` where they have the `@`.
const OPENAPI_PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];

/// How OpenAPI v2 is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenApi {
    Json,
    Protobuf,
}

/// The first format of OpenAPI v2 of the `Accept` header that is offered; JSON where the client does not say. Errors: 406.
pub(crate) fn openapi(headers: &HeaderMap) -> Result<OpenApi, Status> {
    let clauses = clauses(headers);
    if clauses.is_empty() {
        return Ok(OpenApi::Json);
    }
    let chosen = clauses.iter().find_map(|clause| match clause.media {
        "application/json" | "application/*" | "*/*" => Some(OpenApi::Json),
        media if OPENAPI_PROTOBUF.contains(&media) => Some(OpenApi::Protobuf),
        _ => None,
    });
    chosen.ok_or_else(Status::not_acceptable)
}

/// The format of an object in the body; JSON where the client does not say. Errors: 415.
pub(crate) fn media(headers: &HeaderMap) -> Result<Media, Status> {
    match content_type(headers).as_str() {
        "" | "application/json" => Ok(Media::Json),
        "application/yaml" => Ok(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Media::Protobuf),
        _ => Err(Status::unsupported_body()),
    }
}

/// What the body of a `PATCH` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// How the object changes.
    Change(patch::Kind),
    /// What its manager wants of it: server-side apply.
    Apply,
}

/// The kind of patch in the body. Errors: 415.
pub(crate) fn patch(headers: &HeaderMap) -> Result<Patch, Status> {
    match content_type(headers).as_str() {
        "application/json-patch+json" => Ok(Patch::Change(patch::Kind::Json)),
        "application/merge-patch+json" => Ok(Patch::Change(patch::Kind::Merge)),
        "application/strategic-merge-patch+json" => Ok(Patch::Change(patch::Kind::Strategic)),
        "application/apply-patch+yaml" => Ok(Patch::Apply),
        _ => Err(Status::unsupported_patch()),
    }
}

/// The media type of the body, without its parameters; empty where the client does not say, and `?` where what it says
/// is none.
fn content_type(headers: &HeaderMap) -> String {
    let Some(value) = headers.get(header::CONTENT_TYPE).filter(|value| !value.is_empty()) else { return String::new() };
    let media = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.is_empty() { "?".to_owned() } else { media.to_ascii_lowercase() }
}

/// One clause of an `Accept` header.
struct Clause<'a> {
    media: &'a str,
    params: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    fn param(&self, name: &str) -> Option<&'a str> {
        self.params.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Its weight, in thousandths.
    fn weight(&self) -> u32 {
        let weight = self.param("q").and_then(|text| text.parse::<f32>().ok()).unwrap_or(1.0);
        (weight.clamp(0.0, 1.0) * 1_000.0) as u32
    }
}

/// The clauses, the weightiest first, otherwise in order.
fn clauses(headers: &HeaderMap) -> Vec<Clause<'_>> {
    let texts = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let clauses = texts.flat_map(|text| text.split(',')).map(|text| {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        Clause { media, params: parts.filter_map(|part| part.split_once('=')).collect() }
    });
    let mut clauses: Vec<Clause<'_>> = clauses.filter(|clause| !clause.media.is_empty()).collect();
    clauses.sort_by_key(|clause| std::cmp::Reverse(clause.weight()));
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, http::HeaderValue::from_static(text))])
    }

    fn chosen(text: &'static str) -> Result<Form, u16> {
        form(&accepting(text), &Params::default()).map_err(|status| status.code)
    }

    #[test]
    fn the_first_form_that_is_offered_is_chosen() {
        let table = Form { view: View::Table(Include::Metadata), ..Form::PLAIN };
        for (text, expected) in [
            ("", Ok(Form::PLAIN)),
            ("*/*", Ok(Form::PLAIN)),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Ok(table)),
            ("application/vnd.kubernetes.protobuf,application/json", Ok(Form::PLAIN)),
            ("application/json;q=0.5, application/yaml", Ok(Form { encoding: Encoding::Yaml, ..Form::PLAIN })),
            (
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                Ok(Form { view: View::Metadata, ..Form::PLAIN }),
            ),
            ("application/json;as=Painting;g=meta.k8s.io;v=v1", Err(406)),
            ("text/html", Err(406)),
        ] {
            assert_eq!(chosen(text), expected, "{text}");
        }
    }

    #[test]
    fn discovery_is_aggregated_for_clients_that_put_it_first() {
        let kubectl = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                       application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        assert!(prefers_aggregated(&accepting(kubectl)));
        assert!(!prefers_aggregated(&accepting("application/json")));
        assert!(!prefers_aggregated(&accepting("")));
    }
}
