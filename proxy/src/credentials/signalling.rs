//! Tells the host that a login is needed, and takes it back.
//!
//! The signal is a level: it is written again at every check while it holds, as a removal by the host
//! may be invisible here, and so may this process's predecessor's removal be there.

use std::path::Path;

use prometheus::IntCounter;
use sso_session::config::SsoProfile;
use sso_session::signal::{Asserted, Need, SignalFile};
use tracing::{info, warn};

use super::keeper::now;
use super::session::LoginNeed;
use crate::disk::Disk;

/// What this keeper has told the host.
#[derive(Debug)]
pub(super) struct Signalling {
    /// Without one, nobody is told.
    file: Option<SignalFile>,
    /// The expiry that was signalled last, and for whom.
    raised: Option<Raised>,
    /// A failure is logged once.
    has_failed: bool,
    disk: Disk,
    /// Counts the requests that were made.
    requests: IntCounter,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Raised {
    profile: String,
    sso_session: Option<String>,
    generation: u64,
}

impl Signalling {
    pub(super) fn new(file: &Path, requests: IntCounter) -> Self {
        Self {
            file: Some(SignalFile::new(file)),
            raised: None,
            has_failed: false,
            disk: Disk::default(),
            requests,
        }
    }

    /// One that tells nobody anything.
    pub(super) fn silent(self) -> Self {
        Self { file: None, ..self }
    }

    /// A login is needed: says so, or says it again.
    pub(super) async fn raise(&mut self, profile: &SsoProfile, login: &LoginNeed) {
        let Some(file) = self.file.clone() else {
            return;
        };
        let sso_session = profile.session.name.clone();
        let before = self.raised.take_if(|raised| {
            raised.profile == profile.base_profile && raised.sso_session == sso_session
        });
        // One that was raised for another session is no longer wanted.
        self.take_back().await;
        let need = Need {
            profile: profile.base_profile.clone(),
            sso_session: sso_session.clone(),
            reason: login.reason.clone(),
            code: Some(login.code.clone()),
            generation: before.as_ref().map(|raised| raised.generation),
        };
        let is_first = before.is_none();
        let told = self.disk.run(move || file.assert(&need, now())).await;
        self.raised = match told {
            Some(Ok(Asserted::Raised { generation } | Asserted::Reasserted { generation })) => {
                if is_first {
                    self.requests.inc();
                    info!(
                        profile = profile.base_profile,
                        code = login.code,
                        "asked the host for a login"
                    );
                }
                self.has_failed = false;
                Some(Raised {
                    profile: profile.base_profile.clone(),
                    sso_session,
                    generation,
                })
            }
            // Another session's signal comes first, or a rehearsal.
            Some(Ok(Asserted::Waiting { .. } | Asserted::Rehearsal)) => before,
            Some(Err(error)) => {
                self.log_failure(&error.to_string());
                before
            }
            None => {
                self.log_failure("the disk does not answer");
                before
            }
        };
    }

    /// Credentials work: what was signalled for this profile's session is over, also if it was a
    /// predecessor of this process that signalled it.
    pub(super) async fn clear(&mut self, profile: &SsoProfile) {
        let Some(file) = self.file.clone() else {
            return;
        };
        self.take_back().await;
        let name = profile.base_profile.clone();
        let session = profile.session.name.clone();
        self.withdraw(move || file.withdraw(&name, session.as_deref(), None))
            .await;
    }

    /// What this keeper has raised is no longer wanted.
    pub(super) async fn take_back(&mut self) {
        if let (Some(raised), Some(file)) = (self.raised.take(), self.file.clone()) {
            let generation = Some(raised.generation);
            let (name, session) = (raised.profile, raised.sso_session);
            self.withdraw(move || file.withdraw(&name, session.as_deref(), generation))
                .await;
        }
    }

    async fn withdraw<E: std::fmt::Display + Send + 'static>(
        &mut self,
        withdraw: impl FnOnce() -> Result<bool, E> + Send + 'static,
    ) {
        match self.disk.run(withdraw).await {
            Some(Ok(true)) => info!("the request for a login was withdrawn: none is needed"),
            Some(Ok(false)) => {}
            Some(Err(error)) => self.log_failure(&error.to_string()),
            None => self.log_failure("the disk does not answer"),
        }
    }

    fn log_failure(&mut self, problem: &str) {
        if !std::mem::replace(&mut self.has_failed, true) {
            warn!(problem, "the host cannot be told about logins");
        }
    }
}
