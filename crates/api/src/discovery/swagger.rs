//! OpenAPI v2, made from v3: kubectl up to 1.28, and what is built from its code, reads it before it writes anything.

use serde_json::{Map, Value, json};

use super::openapi::{SCHEMAS, document};
use crate::resource::RESOURCES;

/// `GET /openapi/v2`: everything that is served, in one document.
///
/// It is made anew for each call, as those of v3.
pub fn openapi_v2() -> Value {
    let mut document = document(RESOURCES.iter().copied());
    let mut definitions = document["components"]["schemas"].take();
    fields(&mut definitions).for_each(settle);
    let mut paths = document["paths"].take();
    fields(&mut paths).for_each(settle_path);
    json!({"swagger": "2.0", "info": document["info"].take(), "paths": paths, "definitions": definitions})
}

fn fields(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}

fn items(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}

/// Rewrites a schema. What is `allOf` one schema in v3, so that it can have a description, has it beside its reference here.
fn settle(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(Value::Array(parts)) = fields.remove("allOf") {
        for part in parts {
            fields.extend(part.as_object().cloned().unwrap_or_default());
        }
    }
    if let Some(Value::String(reference)) = fields.get_mut("$ref") {
        *reference = reference.replacen(SCHEMAS, "#/definitions/", 1);
    }
    if fields.remove("x-kubernetes-int-or-string").is_some() {
        fields.insert("type".to_owned(), "string".into());
        fields.insert("format".to_owned(), "int-or-string".into());
    }
    for inner in ["items", "additionalProperties"] {
        fields.get_mut(inner).into_iter().for_each(settle);
    }
    fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut).for_each(settle);
}

/// Rewrites the operations of a path, and what they have in common.
fn settle_path(path: &mut Value) {
    for (name, part) in path.as_object_mut().into_iter().flatten() {
        if name == "parameters" {
            items(part).for_each(settle_parameter);
        } else {
            settle_operation(part);
        }
    }
}

/// A parameter has its type itself.
fn settle_parameter(parameter: &mut Value) {
    let Some(fields) = parameter.as_object_mut() else { return };
    if let Some(Value::Object(schema)) = fields.remove("schema") {
        fields.extend(schema);
    }
}

/// The body is one of the parameters, and media types stand apart from schemas.
fn settle_operation(operation: &mut Value) {
    items(&mut operation["parameters"]).for_each(settle_parameter);
    let body = operation.as_object_mut().and_then(|fields| fields.remove("requestBody"));
    if let Some(mut body) = body {
        let (consumes, schema) = contents(&mut body);
        operation["consumes"] = consumes;
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.push(json!({"name": "body", "in": "body", "schema": schema}));
        }
    }
    let mut produces = json!([]);
    for response in fields(&mut operation["responses"]) {
        let (media, schema) = contents(response);
        produces = media;
        response["schema"] = schema;
    }
    operation["produces"] = produces;
}

/// Takes the content out of a body or a response: its media types, and the schema that they have in common.
fn contents(of: &mut Value) -> (Value, Value) {
    let content = of.as_object_mut().and_then(|fields| fields.remove("content")).unwrap_or_default();
    let content = content.as_object().cloned().unwrap_or_default();
    let media: Vec<&String> = content.keys().collect();
    let mut schemas = content.values().map(|media| &media["schema"]);
    let first = schemas.next().cloned().unwrap_or_else(|| json!({}));
    // Patches of different types have nothing in common that a schema could say.
    let mut schema = if schemas.all(|schema| *schema == first) { first } else { json!({"type": "object"}) };
    settle(&mut schema);
    (json!(media), schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_the_third_version_is_told_in_the_second() {
        let document = openapi_v2();
        assert_eq!(document["swagger"], "2.0");
        assert_eq!(
            document["definitions"]["io.k8s.api.apps.v1.StatefulSet"]["properties"]["spec"]["$ref"],
            "#/definitions/io.k8s.api.apps.v1.StatefulSetSpec"
        );
        let port = &document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"];
        assert_eq!((&port["type"], &port["format"]), (&json!("string"), &json!("int-or-string")));
        let patch = &document["paths"]["/apis/apps/v1alpha1/namespaces/{namespace}/petsets/{name}"]["patch"];
        let formats = ["apply-patch+yaml", "json-patch+json", "merge-patch+json"].map(|of| format!("application/{of}"));
        assert_eq!(patch["consumes"], json!(formats));
        let parameters = patch["parameters"].as_array().unwrap();
        let validation = parameters.iter().find(|parameter| parameter["name"] == "fieldValidation").unwrap();
        assert_eq!((&validation["in"], &validation["type"]), (&json!("query"), &json!("string")));
        assert_eq!(parameters.last().unwrap()["in"], "body");
        assert!(!document.to_string().contains(SCHEMAS));
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let document = openapi_v2();
        let text = document.to_string();
        for reference in text.split("\"#/definitions/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["definitions"].get(name).is_some(), "{name}");
        }
    }
}
