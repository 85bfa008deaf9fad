//! The client: the one of an earlier login, as long as it is good, else a new one.

use std::path::Path;
use std::time::{Duration, SystemTime};

use sso_session::config::SsoSession;
use sso_session::registration::{RegistrationError, RegistrationFile, RegistrationProblem};

use super::complaint::Complaint;
use super::oidc::{Client, Oidc};
use crate::sso::files;

/// So much before its end a registration is not used any more (botocore's `BaseSSOTokenFetcher`).
const MARGIN: Duration = Duration::from_mins(15);

/// Reads the registration's file, or registers and writes it. A broken file stays as it is, and is in the
/// way of every login, as it is with the CLI.
pub(super) async fn obtain(
    oidc: &Oidc,
    session: &SsoSession,
    folder: &Path,
    now: SystemTime,
) -> Result<Client, Complaint> {
    let file_name = session.registration_file_name();
    let file = RegistrationFile::new(folder, &file_name);
    let known = file.read().map_err(|error| match error {
        RegistrationError::Disk(error) => Complaint::disk(&error.path, &error.source),
        RegistrationError::Content { problem, .. } => match problem {
            RegistrationProblem::NotAnObject => {
                Complaint::Missing(file_name.trim_end_matches(".json").to_owned())
            }
            RegistrationProblem::Missing(field) => Complaint::Missing(field.to_owned()),
        },
    })?;
    // One for the other flow names its grants, and the device code is not among them.
    let usable = known.filter(|it| it.grant_types.is_none() && it.expires_at > now + MARGIN);
    if let Some(known) = usable {
        return Ok(Client {
            id: known.client_id,
            secret: known.client_secret.expose().to_owned(),
            expires_at: known.expires_at,
        });
    }
    let client = oidc.register(session, now).await?;
    files::overwrite(folder, &file_name, &text(&client, session))
        .map_err(|error| Complaint::disk(file.path(), &error))?;
    Ok(client)
}

fn text(client: &Client, session: &SsoSession) -> String {
    files::python_json(&files::RegistrationFile {
        client_id: &client.id,
        client_secret: &client.secret,
        expires_at: files::date(client.expires_at),
        scopes: (!session.scopes.is_empty()).then_some(session.scopes.as_slice()),
        grant_types: None,
    })
}
