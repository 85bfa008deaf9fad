//! All SSO sessions in use: keepers whose profiles share one share its token.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::future::join_all;
use sso_session::config::{Endpoints, SsoProfile, SsoSession};
use sso_session::location::Locations;
use sso_session::oidc::Oidc;
use sso_session::portal::Portal;
use sso_session::refresh::Renewer;

use super::files::WatchedFiles;
use super::session::Session;
use super::signalling::SharedSignal;
use super::turns::Turns;
use crate::metrics::Metrics;

/// The sessions by whom a person logs in to, and where it is asked.
type Known = HashMap<(SsoSession, Endpoints), Weak<Session>>;

/// All sessions in use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    locations: Arc<Locations>,
    threshold: Duration,
    http: SharedHttpClient,
    known: Arc<Mutex<Known>>,
    watched: Arc<Mutex<HashMap<Vec<PathBuf>, Weak<WatchedFiles>>>>,
    turns: Turns,
    signal: SharedSignal,
    metrics: Arc<Metrics>,
}

impl Sessions {
    /// No session yet. Tokens are renewed `threshold` before their end, or at half of a shorter life.
    #[must_use]
    pub fn new(locations: Locations, threshold: Duration, http: SharedHttpClient) -> Self {
        Self {
            signal: SharedSignal::new(&locations.signal_file),
            locations: Arc::new(locations),
            threshold,
            http,
            known: Arc::default(),
            watched: Arc::default(),
            turns: Turns::default(),
            metrics: Arc::default(),
        }
    }

    /// What is done for these sessions is counted there.
    pub(super) fn counted_by(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where the files of all sessions lie.
    #[must_use]
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// How the host is told about logins.
    pub(super) fn signal(&self) -> SharedSignal {
        self.signal.clone()
    }

    /// The session of a profile: the same one for all profiles that share it.
    pub(super) fn of(&self, profile: &SsoProfile) -> Arc<Session> {
        let id = (profile.session.clone(), profile.endpoints.clone());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = known.get(&id).and_then(Weak::upgrade) {
            return session;
        }
        known.retain(|_, session| session.strong_count() > 0);
        let session = Arc::new(self.open(profile));
        known.insert(id, Arc::downgrade(&session));
        session
    }

    /// These files, and the folder of tokens: one for all who watch the same ones.
    pub(super) fn watched(&self, paths: Vec<PathBuf>) -> Arc<WatchedFiles> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = watched.get(&paths).and_then(Weak::upgrade) {
            return files;
        }
        watched.retain(|_, files| files.strong_count() > 0);
        let folder = self.locations.token_folder.clone();
        let files = Arc::new(WatchedFiles::new(paths.clone(), folder));
        watched.insert(paths, Arc::downgrade(&files));
        files
    }

    /// Among whom calls to AWS for services take turns.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Waits for all renewals under way, within `patience`.
    pub(super) async fn finish(&self, patience: Duration) {
        let known: Vec<_> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.values().filter_map(Weak::upgrade).collect()
        };
        join_all(known.iter().map(|session| session.finish_within(patience))).await;
    }

    fn open(&self, profile: &SsoProfile) -> Session {
        let (session, endpoints) = (&profile.session, &profile.endpoints);
        let oidc = Oidc::new(
            &session.region,
            endpoints.sso_oidc.as_deref(),
            self.http.clone(),
        );
        let renewer = Renewer::new(
            &self.locations.token_folder,
            &self.locations.state_folder,
            &session.token_file_name(),
            &session.registration_file_name(),
            oidc,
        );
        let portal = Portal::new(&session.region, endpoints.sso.as_deref(), self.http.clone());
        Session::new(renewer, portal, self.threshold, Arc::clone(&self.metrics))
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn sessions() -> Sessions {
        let locations = Locations::from_vars(&|_| None);
        let http = crate::aws::http_client(None);
        Sessions::new(locations, Duration::from_mins(20), http)
    }

    #[test]
    fn the_same_files_are_watched_once_and_as_long_as_anyone_does() {
        let sessions = sessions();
        let of = |name: &str| sessions.watched(vec![PathBuf::from(name)]);
        let one = of("/one");
        assert!(Arc::ptr_eq(&one, &of("/one")));
        assert!(!Arc::ptr_eq(&one, &of("/two")));
        drop(one);
        let _three = of("/three");
        let watched = sessions.watched.lock().expect("not poisoned");
        assert_eq!(watched.len(), 1);
    }
}
