//! `coordination.k8s.io/v1 Lease`: who leads, and until when. It works by being stored: a lease is taken by the update that
//! names the version that was read.

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;

use crate::kinds::normalise;
use crate::resource::{self, LEASES};
use crate::status::{Cause, Status};

/// What `Lease` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Lease>(&LEASES, object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        let number = |field: &str| object["spec"][field].as_i64();
        if let Some(seconds) = number("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
            wrong.push(Cause::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
        }
        if let Some(count) = number("leaseTransitions").filter(|count| *count < 0) {
            wrong.push(Cause::invalid("spec.leaseTransitions", count, "must be greater than or equal to 0"));
        }
        wrong
    }

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }

    /// Two that take the lease at the same time must not both have it.
    fn is_updated_blindly(&self) -> bool {
        false
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}
