//! What a failed call means to the planner.

use bollard::errors::Error;
use plan::action::Failure;

/// The engine's own message where it said no; silence where it said nothing.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { message, .. } => Failure::Refused(message),
        Error::DockerStreamError { error } => Failure::Refused(error),
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => {
            Failure::Refused(format!("the engine's answer cannot be read: {error}"))
        }
        Error::RequestTimeoutError => Failure::Silent("the engine did not answer in time".to_owned()),
        other => Failure::Silent(other.to_string()),
    }
}

/// The HTTP status with which the engine said no.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// A not-found is a value.
pub(crate) fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
