//! The file of the tokens with names: what is known of each, which is not the token.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use server::TokenRecord;

use crate::credentials::CredentialsError;
use crate::private::{self, PrivateError};

/// Its name in the data directory.
const FILE: &str = "tokens.json";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Named {
    tokens: Vec<TokenRecord>,
}

/// Reads the file; none are there where it is not.
pub(crate) fn load(dir: &Path) -> Result<Vec<TokenRecord>, CredentialsError> {
    let Some(text) = private::read(&dir.join(FILE))? else { return Ok(Vec::new()) };
    let named: Named =
        serde_json::from_str(&text).map_err(|_| CredentialsError::Unreadable { file: FILE, dir: dir.to_owned() })?;
    Ok(named.tokens)
}

/// Writes the file, in one step.
pub(crate) fn save(dir: &Path, tokens: Vec<TokenRecord>) -> Result<(), CredentialsError> {
    let path = dir.join(FILE);
    let text = serde_json::to_string_pretty(&Named { tokens })
        .map_err(|error| PrivateError::Write { path: path.clone(), source: io::Error::from(error) })?;
    Ok(private::write(&path, &format!("{text}\n"))?)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn tokens_with_names_are_read_as_they_were_written_and_are_their_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), []);
        let token = |name: &str, namespaces: Option<&str>, expires: Option<Timestamp>| TokenRecord {
            name: name.to_owned(),
            namespaces: namespaces.map(|namespace| BTreeSet::from([namespace.to_owned()])),
            read_only: namespaces.is_none(),
            created: Timestamp::UNIX_EPOCH,
            expires,
            digest: server::digest(name.as_bytes()),
        };
        let tokens = vec![token("ci", Some("shop"), None), token("look", None, Some(Timestamp::MAX))];
        save(dir.path(), tokens.clone()).unwrap();
        assert_eq!(load(dir.path()).unwrap(), tokens);

        let path = dir.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with(&format!("run: chmod 600 {}", path.display())), "{refused}");
        private::write(&path, r#"{"tokens": [{"name": "ci"}]}"#).unwrap();
        let unreadable =
            format!("tokens.json in {} cannot be read; remove it to have another made", dir.path().display());
        assert_eq!(load(dir.path()).unwrap_err().to_string(), unreadable);
    }
}
