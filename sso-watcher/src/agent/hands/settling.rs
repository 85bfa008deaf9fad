//! The proof of a login, and what is written down in the end.

use std::sync::Arc;

use sso_session::disk;
use sso_session::token::Republished;
use tracing::{info, warn};

use super::Inner;
use crate::clock;
use crate::decision::{Outcome, Proof, Request};

impl Inner {
    pub(super) async fn prove(&self, request: &Request) -> Proof {
        let before = self.desk().token_before.clone();
        match self.session(request).await {
            Ok(session) => session.prove(before.as_deref()).await,
            Err(why) => Proof::Hopeless(why),
        }
    }

    /// Writes the outcome down, and frees the lock.
    pub(super) async fn settle(self: &Arc<Self>, request: Request, outcome: Outcome) {
        if outcome == Outcome::Handled {
            self.republish(&request).await;
        }
        let inner = Arc::clone(self);
        let settling = tokio::task::spawn_blocking(move || {
            inner.write_outcome(&request, &outcome);
            let mut desk = inner.desk();
            // It holds a page that was for one login. Without the lock it is another one's.
            if desk.guard.is_some()
                && let Err(error) = disk::remove(&inner.eyes.state.login_output())
            {
                warn!(%error, "what the login said stays");
            }
            desk.invitation = None;
            desk.token_before = None;
            desk.orphan = None;
            let guard = desk.guard.take();
            drop(desk);
            // Gives the lock back, on the disk.
            drop(guard);
        });
        if let Err(error) = settling.await {
            warn!(%error, "an outcome could not be written down");
        }
    }

    /// The AWS CLI wrote the token in place, which a container may not see.
    async fn republish(&self, request: &Request) {
        let Ok(session) = self.session(request).await else {
            return;
        };
        let file = session.token_file().clone();
        match tokio::task::spawn_blocking(move || file.republish()).await {
            Ok(Ok(Republished::Done(_))) => {}
            Ok(Ok(
                Republished::ChangedMeanwhile | Republished::NotAToken | Republished::NothingThere,
            )) => {
                info!("the token changes right now: it is published at the next look");
            }
            Ok(Err(error)) => {
                warn!(%error, "the token cannot be published: containers may not see it");
            }
            Err(error) => warn!(%error, "the token was not published"),
        }
    }

    fn write_outcome(&self, request: &Request, outcome: &Outcome) {
        let (signal, key) = (&self.eyes.signal, &request.key);
        let profile = &request.profile;
        let written = match outcome {
            Outcome::Handled => {
                info!(profile, "a login works: the request is done");
                signal.remove_handled(key)
            }
            Outcome::Failed {
                reason,
                next_attempt_after,
            } => {
                let next = sso_session::date::format(*next_attempt_after);
                warn!(profile, next_attempt_after = next, "no login: {reason}");
                signal.record_failure(key, reason, *next_attempt_after, clock::wall())
            }
            Outcome::Dropped if request.is_test => {
                info!(profile, "the rehearsal is over");
                signal.remove_handled(key)
            }
            Outcome::Dropped => {
                info!(profile, "nobody asks for the login any more");
                return;
            }
        };
        if let Err(error) = written {
            warn!(%error, "the outcome cannot be written into the request");
        }
    }
}
