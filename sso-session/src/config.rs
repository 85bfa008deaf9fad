//! Profiles: from `~/.aws/config` and `~/.aws/credentials` to the SSO session, account and role.
//!
//! ```text
//! bytes ─► ini (lines) ─► sections (profiles, sessions, services) ─► chain (roles, down to their source)
//!                                                                      ├─► sso (session, account, role)
//!                                                                      └─► endpoints
//! ```
//!
//! What a file means is what botocore makes of it, as the AWS CLI, which logs in, is built on it:
//! `tests/differential.rs` compares the two. Other than botocore, an error says where: file, line,
//! profile, key, and what to do.
//!
//! Invariants: nothing is remembered from one call to the next; no value of a key that holds a secret
//! is kept or shown; no line's text is quoted, since a broken line may be part of a secret.

mod chain;
mod endpoints;
mod error;
mod file;
mod ini;
mod profile;
mod sections;
mod session;
mod settings;
mod sso;
pub(crate) mod words;

pub use error::ConfigError;
pub use profile::{AssumeRole, CredentialSource, Endpoints, OtherSource, Profile, SsoProfile};
pub use sections::FileContent;
pub use session::SsoSession;
pub use words::shell_quoted;

use crate::location::Locations;
use sections::Sections;

/// What [`resolve`] asks `vars` for.
pub const VARIABLES: &[&str] = &[
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

/// Resolves a profile from the files as they are now: blocking reads of at most 4 MiB each.
///
/// A file that does not exist is an empty one. `vars` is asked for `AWS_ENDPOINT_URL…` and
/// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`.
pub fn resolve(
    locations: &Locations,
    vars: &impl Fn(&str) -> Option<String>,
    profile: &str,
) -> Result<Profile, ConfigError> {
    with_files(locations, |config, credentials| {
        resolve_text(config, credentials, vars, profile)
    })
}

/// The endpoints for calls on behalf of a profile, of whatever kind it is; those of the variables alone where
/// there is no such profile. Reads as [`resolve`].
///
/// # Errors
/// The files cannot be read, or what the profile says of endpoints cannot be used.
pub fn endpoints(
    locations: &Locations,
    vars: &impl Fn(&str) -> Option<String>,
    profile: &str,
) -> Result<Endpoints, ConfigError> {
    with_files(locations, |config, credentials| {
        let sections = Sections::parse(config, credentials)?;
        match sections.profile(profile) {
            Some(settings) => endpoints::endpoints(&sections, vars, settings),
            None => Ok(Endpoints::from_vars(vars)),
        }
    })
}

fn with_files<T>(
    locations: &Locations,
    read: impl FnOnce(FileContent<'_>, FileContent<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let config = file::read(&locations.config_file)?;
    let credentials = file::read(&locations.credentials_file)?;
    let config = FileContent {
        path: &locations.config_file,
        bytes: config.as_ref().map(|bytes| bytes.as_slice()),
    };
    let credentials = FileContent {
        path: &locations.credentials_file,
        bytes: credentials.as_ref().map(|bytes| bytes.as_slice()),
    };
    read(config, credentials)
}

/// The same for files that were read already.
pub fn resolve_text(
    config: FileContent<'_>,
    credentials: FileContent<'_>,
    vars: &impl Fn(&str) -> Option<String>,
    profile: &str,
) -> Result<Profile, ConfigError> {
    let sections = Sections::parse(config, credentials)?;
    let settings = sections.requested_profile(profile)?;
    let region = settings.region()?;
    let source = chain::source(&sections, vars, settings, region.as_deref())?;
    Ok(Profile {
        name: profile.to_owned(),
        region,
        source,
    })
}
