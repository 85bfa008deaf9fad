//! The renewal of a session's access token, by the steps that lose no refresh token.
//!
//! ```text
//! prove the folder writable ─► lock ─► re-read ─► somebody did it: found
//!                                         └─► spend the refresh token ─► write if ours is newer
//!                                                 └─► refused: re-read three times, then believe it
//! ```
//!
//! A refresh token may be good for one use (strict rotation), and other tools take no lock of ours.
//! So nothing is spent that could not be written down, and a refusal counts only when nobody else
//! has written a newer token meanwhile.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tracing::{info, warn};

use crate::disk::{self, DiskError};
use crate::failure::Failure;
use crate::lock::{LockError, RefreshGuard, RefreshLock};
use crate::oidc::{Grant, Oidc};
use crate::registration::RegistrationFile;
use crate::token::{Reading, Token, TokenFile, Written};
use crate::verdict::Verdict;

/// How long another process's renewal is waited for: longer than it takes to find it dead.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
/// A refusal is believed after so many further looks at the file …
const LOOKS_AFTER_REFUSAL: u32 = 3;
/// … over so long altogether.
const LOOKING_AFTER_REFUSAL: Duration = Duration::from_secs(2);

/// Renews one session's token.
#[derive(Clone, Debug)]
pub struct Renewer {
    state_folder: PathBuf,
    lock: RefreshLock,
    token_file: TokenFile,
    registration_file: RegistrationFile,
    oidc: Oidc,
}

/// A token that is newer than the one it was asked to renew.
#[derive(Debug)]
pub enum Renewed {
    /// Somebody else had written it.
    Found(Token),
    /// It was granted and is in the file.
    Granted(Token),
    /// It was granted, but could not be written: it has to be kept and written later.
    Unsaved(Token, RenewalError),
}

/// Why there is no newer token. The texts hold no secret and end without a full stop.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenewalError {
    /// Only a login helps.
    #[error("{reason}")]
    LoginRequired {
        /// AWS's error code.
        code: String,
        /// What it said.
        reason: String,
    },
    /// A login may help; the second time in a row it does not.
    #[error("{reason}")]
    LoginOnce {
        /// AWS's error code.
        code: String,
        /// What it said.
        reason: String,
    },
    /// This process may not write the token's folder: the host has to renew it.
    #[error("{0}")]
    ReadOnly(String),
    /// An administrator has to act.
    #[error("{0}")]
    Denied(String),
    /// The configuration is wrong.
    #[error("{0}")]
    Misconfigured(String),
    /// It passes.
    #[error("{0}")]
    Passing(String),
}

impl RenewalError {
    /// What it means that a token cannot be written. On a full disk no login could be, either, so
    /// nobody is asked for one.
    #[must_use]
    pub fn of_disk(error: &DiskError) -> Self {
        let text = error.to_string();
        // A file in the place of a folder stays, too, and a folder in that of a file.
        let is_in_the_way = [
            io::ErrorKind::AlreadyExists,
            io::ErrorKind::IsADirectory,
            io::ErrorKind::NotADirectory,
        ];
        if error.is_read_only() || is_in_the_way.contains(&error.kind()) {
            Self::ReadOnly(text)
        } else {
            Self::Passing(text)
        }
    }
}

impl Renewer {
    /// For one session, with its two files in `token_folder` and the lock in `state_folder`.
    #[must_use]
    pub fn new(
        token_folder: &Path,
        state_folder: &Path,
        token_file_name: &str,
        registration_file_name: &str,
        oidc: Oidc,
    ) -> Self {
        Self {
            state_folder: state_folder.to_owned(),
            lock: RefreshLock::new(state_folder),
            token_file: TokenFile::new(token_folder, token_file_name),
            registration_file: RegistrationFile::new(token_folder, registration_file_name),
            oidc,
        }
    }

    /// The token's file.
    #[must_use]
    pub fn token_file(&self) -> &TokenFile {
        &self.token_file
    }

    /// The client registration's file.
    #[must_use]
    pub fn registration_file(&self) -> &RegistrationFile {
        &self.registration_file
    }

    /// One renewal of `seen`, the newest token that the caller knows. Takes up to about half a minute.
    ///
    /// Run it in a task that nobody aborts: a granted token that is not written is a lost session.
    /// `now` is the wall clock, read when the answer has come.
    pub async fn renew(
        &self,
        seen: &Token,
        now: impl Fn() -> SystemTime + Send,
    ) -> Result<Renewed, RenewalError> {
        self.prove_writable().await?;
        let lock = self.lock.acquire(LOCK_PATIENCE).await;
        let lock = lock.map_err(|error| match error {
            LockError::ReadOnly(_) => RenewalError::ReadOnly(error.to_string()),
            LockError::FolderMissing(_)
            | LockError::Held { .. }
            | LockError::Lost(_)
            | LockError::InTheWay(_)
            | LockError::Disk(_) => RenewalError::Passing(error.to_string()),
        })?;
        let current = match self.token_file.read_settled().await {
            Reading::Found(token) if !token.is_same_login(seen) => {
                return Ok(Renewed::Found(token));
            }
            Reading::Found(token) => token,
            Reading::Absent | Reading::Unreadable(_) => {
                let file = self.token_file.path().display().to_string();
                return Err(RenewalError::Passing(format!(
                    "{file} is being written or was removed"
                )));
            }
        };
        let lock = still_ours(lock).await?;
        let answer = self.oidc.refresh(&current).await;
        let outcome = match answer {
            Ok(grant) => Ok(self.save(&current, renewed(&current, grant, now())).await),
            Err((verdict, failure)) => self.refused(&current, verdict, &failure).await,
        };
        // Giving it back works on the disk.
        let _given_back = tokio::task::spawn_blocking(move || drop(lock)).await;
        outcome
    }

    /// Proves that a renewed token could be written: nothing is spent without it.
    pub async fn prove_writable(&self) -> Result<(), RenewalError> {
        let (token, state) = (self.token_file.clone(), self.state_folder.clone());
        let proof = tokio::task::spawn_blocking(move || {
            disk::prove_replaceable(token.path()).and_then(|()| disk::create_folder(&state))
        });
        match proof.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(RenewalError::of_disk(&error)),
            Err(error) => Err(RenewalError::Passing(error.to_string())),
        }
    }

    async fn save(&self, spent: &Token, token: Token) -> Renewed {
        let (file, spent, new) = (self.token_file.clone(), spent.clone(), token.clone());
        let write = move || file.replace_if_ours_is_newer(&spent, &new);
        let written = tokio::task::spawn_blocking(write).await;
        let error = match written {
            Ok(Ok(Written::Ours)) => return Renewed::Granted(token),
            Ok(Ok(Written::TheirsKept(theirs))) => return Renewed::Found(theirs),
            Ok(Err(error)) => error,
            Err(error) => DiskError::at("writing", self.token_file.path())(io::Error::other(error)),
        };
        warn!(%error, "a renewed token could not be written, and is kept in memory");
        Renewed::Unsaved(token, RenewalError::of_disk(&error))
    }

    async fn refused(
        &self,
        spent: &Token,
        verdict: Verdict,
        failure: &Failure,
    ) -> Result<Renewed, RenewalError> {
        let reason = format!("AWS says {failure}");
        let code = failure.code.clone().unwrap_or_default();
        match verdict {
            Verdict::LoginRequired
            | Verdict::CredentialsRejected
            | Verdict::RegistrationRejected => {
                if let Some(token) = self.written_by_another(spent).await {
                    return Ok(Renewed::Found(token));
                }
                if verdict == Verdict::RegistrationRejected {
                    self.move_registration_aside(spent).await;
                }
                Err(RenewalError::LoginRequired { code, reason })
            }
            Verdict::LoginOnce => Err(RenewalError::LoginOnce { code, reason }),
            Verdict::Denied => Err(RenewalError::Denied(reason)),
            Verdict::Misconfigured => Err(RenewalError::Misconfigured(reason)),
            Verdict::ClockSkew | Verdict::Passing => Err(RenewalError::Passing(reason)),
        }
    }

    /// The token that another tool has written since, which spent the refresh token before us.
    async fn written_by_another(&self, spent: &Token) -> Option<Token> {
        for _ in 0..LOOKS_AFTER_REFUSAL {
            if let Reading::Found(token) = self.token_file.read_settled().await
                && !token.is_same_login(spent)
            {
                info!("another program has renewed the token meanwhile");
                return Some(token);
            }
            tokio::time::sleep(LOOKING_AFTER_REFUSAL / LOOKS_AFTER_REFUSAL).await;
        }
        None
    }

    /// AWS CLI would keep it, and every login would fail with it.
    async fn move_registration_aside(&self, spent: &Token) {
        let (file, client_id) = (self.registration_file.clone(), spent.client_id.clone());
        let move_aside = move || file.move_aside(client_id.as_deref());
        match tokio::task::spawn_blocking(move_aside).await {
            Ok(Ok(true)) => info!("the rejected client registration was moved aside"),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => {
                warn!(%error, "the rejected client registration could not be moved aside");
            }
        }
    }
}

/// A process that slept may have been taken for dead: then somebody else renews.
async fn still_ours(lock: RefreshGuard) -> Result<RefreshGuard, RenewalError> {
    let asked = tokio::task::spawn_blocking(move || lock.is_still_ours().then_some(lock)).await;
    let lost = || RenewalError::Passing("another process has taken the lock over".to_owned());
    asked.ok().flatten().ok_or_else(lost)
}

fn renewed(spent: &Token, grant: Grant, now: SystemTime) -> Token {
    let mut token = spent.clone();
    token.access_token = grant.access_token;
    token.expires_at = now.checked_add(grant.expires_in).unwrap_or(now);
    if let Some(refresh_token) = grant.refresh_token {
        token.refresh_token = Some(refresh_token);
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_asks_nobody_for_a_login() {
        let path = Path::new("/home/dev/.aws/sso/cache/token.json");
        for (kind, read_only) in [
            (io::ErrorKind::ReadOnlyFilesystem, true),
            (io::ErrorKind::PermissionDenied, true),
            (io::ErrorKind::NotADirectory, true),
            (io::ErrorKind::StorageFull, false),
            (io::ErrorKind::QuotaExceeded, false),
        ] {
            let error = RenewalError::of_disk(&DiskError::at("writing", path)(kind.into()));
            let is_left_to_the_host = matches!(error, RenewalError::ReadOnly(_));
            assert_eq!(is_left_to_the_host, read_only, "{kind}");
        }
    }
}
