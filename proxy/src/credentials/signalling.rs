//! Tells the host that a login is needed, and takes it back.
//!
//! The signal is a level: it is written again at every check while it holds, as a removal by the host
//! may be invisible here, and so may this process's predecessor's removal be there.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::IntCounter;
use sso_session::config::SsoProfile;
use sso_session::signal::{Asserted, Need, SignalError, SignalFile};
use tokio::time::Instant;
use tracing::{info, warn};

use super::keeper::now;
use super::session::LoginNeed;
use crate::disk::Disk;

/// More than are asked for at a time: one for each session.
const MOST_COUNTED: usize = 64;
/// What one keeper has said need not be said again by all others of its session, which come at the same moment. Less
/// than the shortest pause between two checks of one keeper.
const SAID_LATELY: Duration = Duration::from_millis(900);

/// A profile, and the name of its session.
type Whose = (String, Option<String>);

/// The signal's file as all keepers of a process share it: they take turns, so that two that need the same login
/// ask for it once. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SharedSignal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: SignalFile,
    disk: Disk,
    /// The generations that were counted as requests.
    counted: Mutex<VecDeque<u64>>,
    /// How many keepers need the login of a generation.
    claims: Mutex<HashMap<u64, usize>>,
    /// Requests as they were last said, with their generations.
    said: Mutex<HashMap<Whose, (Instant, u64)>>,
}

/// One keeper's need of a login; dropped when it is over.
#[derive(Debug)]
struct Claim {
    generation: u64,
    shared: Arc<Shared>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.shared.claims();
        if let Some(count) = claims.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                claims.remove(&self.generation);
            }
        }
    }
}

impl Shared {
    fn claims(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> MutexGuard<'_, HashMap<Whose, (Instant, u64)>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedSignal {
    pub(super) fn new(file: &Path) -> Self {
        Self(Arc::new(Shared {
            file: SignalFile::new(file),
            disk: Disk::default(),
            counted: Mutex::default(),
            claims: Mutex::default(),
            said: Mutex::default(),
        }))
    }

    /// What came of it, in this keeper's turn; `None` if the disk does not answer.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SignalFile) -> T + Send + 'static,
    ) -> Option<T> {
        let file = self.0.file.clone();
        self.0.disk.run(move || work(&file)).await.ok()
    }

    /// Says that a login is needed, unless another keeper has just said the same.
    async fn assert(&self, need: Need) -> Option<Result<Asserted, SignalError>> {
        let whose = (need.profile.clone(), need.sso_session.clone());
        let said = self.0.said().get(&whose).copied();
        if let Some((at, generation)) = said
            && at.elapsed() < SAID_LATELY
        {
            return Some(Ok(Asserted::Reasserted { generation }));
        }
        let told = self.run(move |file| file.assert(&need, now())).await;
        let mut said = self.0.said();
        said.retain(|_, (at, _)| at.elapsed() < SAID_LATELY);
        if let Some(Ok(Asserted::Raised { generation } | Asserted::Reasserted { generation })) =
            &told
        {
            said.insert(whose, (Instant::now(), *generation));
        }
        told
    }

    fn claim(&self, generation: u64) -> Claim {
        *self.0.claims().entry(generation).or_default() += 1;
        Claim {
            generation,
            shared: Arc::clone(&self.0),
        }
    }

    /// Whether any keeper here needs that login.
    fn is_claimed(&self, generation: u64) -> bool {
        self.0.claims().contains_key(&generation)
    }

    /// Whether nobody here has asked for that login yet.
    fn is_news(&self, generation: u64) -> bool {
        let mut counted = self
            .0
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if counted.contains(&generation) {
            return false;
        }
        if counted.len() == MOST_COUNTED {
            counted.pop_front();
        }
        counted.push_back(generation);
        true
    }
}

/// What this keeper has told the host.
#[derive(Debug)]
pub(super) struct Signalling {
    /// Without one, nobody is told.
    signal: Option<SharedSignal>,
    /// The expiry that was signalled last, and for whom.
    raised: Option<Raised>,
    /// A failure is logged once.
    has_failed: bool,
    /// Counts the requests that were made.
    requests: IntCounter,
}

#[derive(Debug)]
struct Raised {
    profile: String,
    sso_session: Option<String>,
    claim: Claim,
}

impl Signalling {
    pub(super) fn new(signal: SharedSignal, requests: IntCounter) -> Self {
        Self {
            signal: Some(signal),
            raised: None,
            has_failed: false,
            requests,
        }
    }

    /// One that tells nobody anything.
    pub(super) fn silent(self) -> Self {
        Self {
            signal: None,
            ..self
        }
    }

    /// A login is needed: says so, or says it again.
    pub(super) async fn raise(&mut self, profile: &SsoProfile, login: &LoginNeed) {
        let Some(signal) = self.signal.clone() else {
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
            generation: before.as_ref().map(|raised| raised.claim.generation),
        };
        self.raised = match signal.assert(need).await {
            Some(Ok(Asserted::Raised { generation } | Asserted::Reasserted { generation })) => {
                if before.is_none() && signal.is_news(generation) {
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
                    claim: signal.claim(generation),
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
        self.take_back().await;
        let name = profile.base_profile.clone();
        let session = profile.session.name.clone();
        self.withdraw(move |file| file.withdraw(&name, session.as_deref(), None))
            .await;
    }

    /// This keeper does not need a login any more: what it has raised is withdrawn, unless another one here needs
    /// that login, too.
    pub(super) async fn take_back(&mut self) {
        let (Some(raised), Some(signal)) = (self.raised.take(), &self.signal) else {
            return;
        };
        let (name, session) = (raised.profile, raised.sso_session);
        let generation = raised.claim.generation;
        drop(raised.claim);
        if !signal.is_claimed(generation) {
            let generation = Some(generation);
            self.withdraw(move |file| file.withdraw(&name, session.as_deref(), generation))
                .await;
        }
    }

    async fn withdraw<E: std::fmt::Display + Send + 'static>(
        &mut self,
        withdraw: impl FnOnce(&SignalFile) -> Result<bool, E> + Send + 'static,
    ) {
        let Some(signal) = self.signal.clone() else {
            return;
        };
        signal.0.said().clear();
        match signal.run(withdraw).await {
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

#[cfg(test)]
mod tests {
    use sso_session::config::{CredentialSource, FileContent, resolve_text};
    use tempfile::TempDir;

    use super::*;

    struct World {
        folder: TempDir,
        signal: SharedSignal,
        profile: SsoProfile,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let text = "[profile p]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = us-west-2\n\
                        sso_account_id = 123456789012\nsso_role_name = r\n";
            let path = Path::new("config");
            let config = FileContent {
                path,
                bytes: Some(text.as_bytes()),
            };
            let credentials = FileContent { path, bytes: None };
            let resolved = resolve_text(config, credentials, &|_| None, "p").expect("a profile");
            let CredentialSource::Sso(profile) = resolved.source else {
                panic!("no session");
            };
            Self {
                signal: SharedSignal::new(&folder.path().join("login-required.json")),
                folder,
                profile,
            }
        }

        fn keeper(&self) -> Signalling {
            let requests = IntCounter::new("requests", "Requests.").expect("a counter");
            Signalling::new(self.signal.clone(), requests)
        }

        async fn raise(&self, keeper: &mut Signalling) {
            let need = LoginNeed {
                code: "x".to_owned(),
                reason: "it has ended".to_owned(),
            };
            keeper.raise(&self.profile, &need).await;
        }

        fn is_asked(&self) -> bool {
            self.folder.path().join("login-required.json").exists()
        }
    }

    #[tokio::test]
    async fn a_request_goes_with_the_last_who_needs_it() {
        let world = World::new();
        let (mut one, mut other) = (world.keeper(), world.keeper());
        world.raise(&mut one).await;
        world.raise(&mut other).await;
        one.take_back().await;
        assert!(world.is_asked());
        other.take_back().await;
        assert!(!world.is_asked());
    }

    #[tokio::test]
    async fn a_crowd_says_it_once_and_says_it_anew_when_it_was_withdrawn() {
        let world = World::new();
        let (mut one, mut other) = (world.keeper(), world.keeper());
        world.raise(&mut one).await;
        let file = world.folder.path().join("login-required.json");
        std::fs::remove_file(&file).expect("removed");
        world.raise(&mut other).await;
        assert!(!file.exists(), "it has just been said");
        one.clear(&world.profile).await;
        world.raise(&mut one).await;
        assert!(file.exists());
    }
}
