//! What a failed call means to the planner.

use bollard::errors::Error;
use plan::action::Failure;

/// The engine's own message where it said no; silence where it said nothing.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { message, .. } => Failure::Refused(without_ids(&message)),
        Error::DockerStreamError { error } => Failure::Refused(without_ids(&error)),
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

/// The digits of an id of the engine's.
const ID_DIGITS: usize = 64;

/// A message without the engine's ids, which nobody knows and which make each failure read like another one: users would
/// see a new event each time.
fn without_ids(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let digits = rest[start..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - start);
        let (before, after) = (&rest[..start], &rest[start + digits..]);
        kept.push_str(before);
        rest = after;
        if digits < ID_DIGITS {
            kept.push_str(&message[message.len() - after.len() - digits..message.len() - after.len()]);
            continue;
        }
        if kept.ends_with('(') && rest.starts_with(')') {
            kept.pop();
            rest = &rest[1..];
        }
        kept.truncate(kept.trim_end_matches(' ').len());
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_ids_are_left_out_of_what_users_read() {
        let id = "0123456789abcdef".repeat(4);
        let message =
            format!("programming endpoint web ({id}): Bind for 0.0.0.0:8080 failed: port is already allocated");
        let read = "programming endpoint web: Bind for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(without_ids(&message), read);
        assert_eq!(without_ids(&format!("No such container: {id}")), "No such container:");
        assert_eq!(without_ids("manifest for x:1 not found: dead beef"), "manifest for x:1 not found: dead beef");
        assert_eq!(without_ids(""), "");
    }
}
