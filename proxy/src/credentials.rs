//! Credentials are a value, not a call: one keeper task publishes them, everyone else reads.
//!
//! ```text
//! files, timers, rejections ─► Keeper ─► watch<State> ─► Credentials ─► origin, status, readiness
//!                               │  └─► Signalling (login-required.json)
//!                               └─► Source ─► Session (SSO token, shared) ─► portal, STS
//!                                         └─► aws-config, built afresh for each attempt
//! ```
//!
//! The AWS clients live as long as the process and read the current value for every request.

mod files;
mod keeper;
mod provider;
mod publisher;
mod schedule;
mod session;
mod signalling;
mod source;
mod state;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::sync::{mpsc, oneshot, watch};

pub use keeper::Keeper;
pub use session::Sessions;
pub use source::Source;
pub use state::{Identity, Report, State, Valid};

use crate::error::Error;
use keeper::Request;

/// A request waits so long for a new look at credentials that were bad at the last one.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// A view of the keeper's value; cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    state: watch::Receiver<State>,
    report: watch::Receiver<Report>,
    requests: mpsc::Sender<Request>,
}

impl Credentials {
    fn new(
        state: watch::Receiver<State>,
        report: watch::Receiver<Report>,
        requests: mpsc::Sender<Request>,
    ) -> Self {
        Self {
            state,
            report,
            requests,
        }
    }

    /// The state with what a person wants to know beside it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// The state as it is now.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Valid credentials, waiting at most `patience` for a refresh under way.
    ///
    /// In any other state the keeper is asked to look again, at its own pace, and what it finds
    /// comes back: the credentials, or the state's error.
    pub async fn usable(&self, patience: Duration) -> Result<Arc<Valid>, Error> {
        if let State::Valid(valid) = &*self.state.borrow() {
            return Ok(Arc::clone(valid));
        }
        let mut state = self.state.clone();
        let settled = async {
            // The state may be an old one; the keeper looks whether it still holds.
            let _in_time = tokio::time::timeout(LOOK_PATIENCE, self.look_again()).await;
            let looked = state
                .wait_for(|state| !matches!(state, State::Refreshing))
                .await;
            looked.map_or(State::Refreshing, |state| state.clone())
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(state) => state.into_result(),
            Err(_) => Err(Error::unavailable(
                "the credentials are still being fetched",
            )),
        }
    }

    /// Has the keeper look again, if that is some time ago, and waits for what it finds.
    async fn look_again(&self) {
        let (done, looked) = oneshot::channel();
        if self.requests.send(Request::LookAgain(done)).await.is_ok() {
            // The sender is never used, only dropped.
            let _dropped = looked.await;
        }
    }

    /// Reports that AWS refused these credentials, and waits for others at most `patience`.
    ///
    /// However many report, the keeper reloads once; whoever has newer credentials gets them
    /// at once.
    pub async fn replace(
        &self,
        rejected: &Valid,
        reason: String,
        patience: Duration,
    ) -> Result<Arc<Valid>, Error> {
        let generation = rejected.generation;
        let mut state = self.state.clone();
        let waiting = async {
            let report = Request::Rejected { generation, reason };
            if self.requests.send(report).await.is_err() {
                return Err(Error::unavailable("the proxy is shutting down"));
            }
            let other = state.wait_for(|state| match state {
                State::Valid(valid) => valid.generation != generation,
                State::Refreshing => false,
                State::LoginRequired(_)
                | State::Offline(_)
                | State::ClockSkew(_)
                | State::Denied(_)
                | State::ConfigError(_) => true,
            });
            let other = other.await;
            other
                .map_or(State::Refreshing, |state| state.clone())
                .into_result()
        };
        tokio::time::timeout(patience, waiting)
            .await
            .unwrap_or_else(|_| {
                Err(Error::unavailable(
                    "the credentials were refused and are still being renewed",
                ))
            })
    }

    /// A provider for AWS clients that reads the current value at every request. Use it with
    /// `IdentityCache::no_cache()`, as the SDK's own cache would keep the old value.
    #[must_use]
    pub fn provider(&self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(provider::CurrentCredentials(self.state.clone()))
    }
}
