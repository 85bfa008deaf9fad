//! The client registration that `aws sso login` keeps beside the tokens.
//!
//! The AWS CLI never renews one that is corrupt or that the server rejects, and no login succeeds
//! from then on; so it is moved aside. Fields and order are those of AWS CLI 2.38.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::words;
use crate::disk::{self, DiskError};
use crate::document::{Fields, ObjectWriter};
use crate::secret::Secret;

/// What follows the name of one that was moved aside.
const ASIDE: &str = "rejected";

/// Registrations have 2 to 4 KiB.
const MOST_BYTES: u64 = 256 * 1024;

/// A client known to SSO-OIDC. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// When it ends; logins treat it as ended 15 minutes early.
    pub expires_at: SystemTime,
    /// What it may ask for; `sso:account:access` brings refresh tokens.
    pub scopes: Option<Vec<String>>,
    /// How it may ask.
    pub grant_types: Option<Vec<String>>,
    others: Fields,
}

/// The file gives no registration. Nothing of its bytes is in the text.
#[derive(Debug, Error)]
pub enum RegistrationError {
    /// The system does not give the bytes.
    #[error("{0}. Make the file readable and writable for the user who runs this.")]
    Disk(#[from] DiskError),
    /// The bytes are none: every `aws sso login` fails until the file is gone.
    #[error("the client registration {} is damaged: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        problem: RegistrationProblem,
    },
}

/// What bytes lack to be a registration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegistrationProblem {
    /// Half-written, empty, or something else.
    #[error("it is not a whole JSON object")]
    NotAnObject,
    /// A field is missing, or holds something else than it should.
    #[error("it has no usable {0}")]
    Missing(&'static str),
}

impl Registration {
    /// Reads what the AWS CLI wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, RegistrationProblem> {
        let mut fields = Fields::parse(bytes).ok_or(RegistrationProblem::NotAnObject)?;
        let missing = RegistrationProblem::Missing;
        Ok(Self {
            client_id: fields.take_text("clientId").ok_or(missing("clientId"))?,
            client_secret: fields
                .take_secret("clientSecret")
                .ok_or(missing("clientSecret"))?,
            expires_at: fields.take_date("expiresAt").ok_or(missing("expiresAt"))?,
            scopes: fields.take("scopes", |json| serde_json::from_str(json).ok()),
            grant_types: fields.take("grantTypes", |json| serde_json::from_str(json).ok()),
            others: fields,
        })
    }

    /// Writes it as the AWS CLI does; what else was read follows.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mut json = ObjectWriter::new();
        json.text("clientId", Some(&self.client_id));
        json.secret("clientSecret", Some(&self.client_secret));
        json.date("expiresAt", Some(self.expires_at));
        json.texts("scopes", self.scopes.as_deref());
        json.texts("grantTypes", self.grant_types.as_deref());
        json.finish(&self.others)
    }
}

/// Where one session's registration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationFile {
    path: PathBuf,
}

impl RegistrationFile {
    /// Names the file; touches nothing yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, file_name: impl AsRef<Path>) -> Self {
        let path = folder.into().join(file_name);
        Self { path }
    }

    /// Where the registration is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; `None` if there is no file. Blocks on the disk.
    pub fn read(&self) -> Result<Option<Registration>, RegistrationError> {
        let bytes = match disk::read_bounded(&self.path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let registration = Registration::parse(&bytes);
        registration
            .map(Some)
            .map_err(|problem| RegistrationError::Content {
                path: self.path.clone(),
                problem,
            })
    }

    /// Renames it to `<name>.rejected`, over an older one, so that the next login registers anew;
    /// whether there was a file to rename. Blocks on the disk.
    ///
    /// Only if it is the rejected client's (where that is known) or cannot be read: whoever logged in
    /// meanwhile has registered another one. Nothing is deleted, nothing else touched.
    pub fn move_aside(&self, rejected_client_id: Option<&str>) -> Result<bool, DiskError> {
        let is_anothers = match self.read() {
            Ok(Some(registration)) => {
                rejected_client_id.is_some_and(|client_id| client_id != registration.client_id)
            }
            Ok(None) | Err(_) => false,
        };
        if is_anothers {
            return Ok(false);
        }
        disk::move_aside(&self.path, ASIDE)
    }

    /// The same as a command for a person's shell.
    #[must_use]
    pub fn move_command(&self) -> String {
        let path = self.path.to_string_lossy();
        let aside = words::shell_quoted(&format!("{path}.{ASIDE}"));
        format!("mv {} {aside}", words::shell_quoted(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"clientId": "c", "clientSecret": "hidden", "expiresAt": "2026-03-02T03:04:05Z", "scopes": ["sso:account:access"], "grantTypes": ["authorization_code", "refresh_token"], "more": 1}"#;

    #[test]
    fn a_registration_is_read_and_written_as_it_was() {
        let registration = Registration::parse(WHOLE.as_bytes()).expect("a registration");
        assert_eq!(registration.to_json().as_slice(), WHOLE.as_bytes());
        let shown = format!("{registration:?}");
        assert!(!shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn what_it_lacks_is_named() {
        let problem = |json: &str| Registration::parse(json.as_bytes()).expect_err("damaged");
        assert_eq!(problem(""), RegistrationProblem::NotAnObject);
        for name in ["clientId", "clientSecret", "expiresAt"] {
            let json = WHOLE.replace(name, "other");
            assert_eq!(problem(&json), RegistrationProblem::Missing(name));
        }
    }

    #[test]
    fn the_command_that_moves_it_is_fit_for_a_shell() {
        let file = RegistrationFile::new("/home/my name", "f00.json");
        let expected = "mv '/home/my name/f00.json' '/home/my name/f00.json.rejected'";
        assert_eq!(file.move_command(), expected);
    }

    #[test]
    fn a_rejected_registration_is_moved_aside_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = RegistrationFile::new(folder.path(), "f00.json");
        let neighbour = folder.path().join("f001.json");
        disk::replace(&neighbour, b"theirs").expect("written");
        assert!(matches!(file.read(), Ok(None)));
        assert!(!file.move_aside(Some("c")).expect("nothing there"));
        for json in ["garbage", WHOLE] {
            disk::replace(file.path(), json.as_bytes()).expect("written");
            assert_eq!(file.read().is_ok(), json == WHOLE);
            assert!(file.move_aside(Some("c")).expect("moved"));
            assert!(matches!(file.read(), Ok(None)));
            let aside = folder.path().join("f00.json.rejected");
            let bytes = disk::read_bounded(&aside, 9999).expect("read");
            assert_eq!(bytes.as_slice(), json.as_bytes());
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            2
        );
        assert!(neighbour.exists());
    }

    #[test]
    fn a_newer_registration_than_the_rejected_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = RegistrationFile::new(folder.path(), "f00.json");
        disk::replace(file.path(), WHOLE.as_bytes()).expect("written");
        assert!(!file.move_aside(Some("another")).expect("read"));
        assert!(matches!(file.read(), Ok(Some(_))));
        assert!(file.move_aside(None).expect("whose is not known"));
    }
}
