//! The key that signs the tokens of ServiceAccounts.

use std::path::Path;

use rcgen::KeyPair;
use server::Signer;

use crate::credentials::CredentialsError;
use crate::private;

/// Its file in the data directory. Whoever removes it ends all tokens that it has signed.
const FILE: &str = "sa.key";

/// Reads the key, or makes one where there is none.
pub(crate) fn load(dir: &Path, domain: &str) -> Result<Signer, CredentialsError> {
    let path = dir.join(FILE);
    let key = match private::read(&path)? {
        Some(text) => {
            KeyPair::from_pem(&text).map_err(|_| CredentialsError::Unreadable { file: FILE, dir: dir.to_owned() })?
        }
        None => {
            let key = KeyPair::generate()?;
            private::write(&path, &key.serialize_pem())?;
            key
        }
    };
    Ok(Signer::new(&key.serialize_der(), format!("https://kubernetes.default.svc.{domain}"))?)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_key_for_service_accounts_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        load(dir.path(), "cluster.local").unwrap();
        let first = fs::read_to_string(&path).unwrap();
        load(dir.path(), "cluster.local").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = load(dir.path(), "cluster.local").map(|_| ()).unwrap_err().to_string();
        assert!(refused.ends_with(&format!("run: chmod 600 {}", path.display())), "{refused}");
        private::write(&path, "no key").unwrap();
        let unreadable = format!("sa.key in {} cannot be read; remove it to have another made", dir.path().display());
        assert_eq!(load(dir.path(), "cluster.local").map(|_| ()).unwrap_err().to_string(), unreadable);
    }
}
