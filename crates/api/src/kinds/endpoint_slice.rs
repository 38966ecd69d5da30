//! `discovery.k8s.io/v1 EndpointSlice`: a part of the addresses behind a service, written by the controller.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::Value;

use crate::kinds::{fields, normalise, text_at};
use crate::limits::SLICE_ENDPOINTS_MAX;
use crate::resource::{self, ENDPOINT_SLICES};
use crate::status::{Cause, Status};

/// What `EndpointSlice` knows about its objects.
pub struct Rules;

/// What its addresses may be.
const ADDRESS_TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        let (mut object, unknown) = normalise::<EndpointSlice>(&ENDPOINT_SLICES, object)?;
        // An empty name is written: it is a pointer in Go. In Endpoints, whose ports are of a type of the same name, it is none.
        for port in fields::items(&mut object, "ports") {
            fields::fill(port, "name", "");
        }
        Ok((object, unknown))
    }

    fn default(&self, object: &mut Value) {
        for port in fields::items(object, "ports") {
            fields::fill(port, "protocol", "TCP");
        }
    }

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        match text_at(object, "/addressType").as_str() {
            "" => wrong.push(Cause::required("addressType", "")),
            other if !ADDRESS_TYPES.contains(&other) => {
                wrong.push(Cause::not_supported("addressType", other, &ADDRESS_TYPES));
            }
            _ => {}
        }
        let endpoints = object["endpoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        if endpoints.len() > SLICE_ENDPOINTS_MAX {
            wrong.push(Cause::too_many("endpoints", endpoints.len(), SLICE_ENDPOINTS_MAX));
            return wrong;
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            if endpoint["addresses"].as_array().is_none_or(Vec::is_empty) {
                let field = format!("endpoints[{index}].addresses");
                wrong.push(Cause::required(field, "must contain at least 1 address"));
            }
        }
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        if object["addressType"] != old["addressType"] {
            wrong.push(Cause::invalid("addressType", object["addressType"].clone(), "field is immutable"));
        }
        wrong
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        let why = "a service without a selector publishes its Endpoints, all others their pods";
        vec![format!("this EndpointSlice has no effect: {why}")]
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
