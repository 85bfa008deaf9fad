//! Answers that may be the token's fault: 401, 403, and 404 where the token has not worked lately.
//!
//! A token is shared by all repositories of a domain, of which some may not be read: no answer of one of them takes it
//! from the others. And the word of a token that may be dead is never passed on as CodeArtifact's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::question::authorization;
use super::{Client, PATIENCE};
use crate::codeartifact::Upstream;
use crate::codeartifact::body::text_of;
use crate::codeartifact::token::{Suspicion, Token};
use crate::error::{Error, Trouble};
use crate::peer;

/// How long what was found before may take to be found again.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the outcome is for those who come next.
const LOOK_MEMORY: Duration = Duration::from_secs(2);
/// A repository that refuses a fresh token refuses the next one, too.
const DENIAL_MEMORY: Duration = Duration::from_secs(30);
/// One other token is usual; the second one, where the first was no newer than it.
const MOST_REPLACED: u32 = 2;

/// The repositories that have refused a fresh token lately.
#[derive(Default)]
pub(super) struct Denials(Mutex<HashMap<String, Instant>>);

/// An answer that may be the token's fault.
pub(super) struct Doubt {
    suspicion: Suspicion,
    status: StatusCode,
    said: String,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// It is CodeArtifact's word.
    Believe,
    /// Another token may bring another answer.
    Replace,
    /// Tokens are replaced by others again and again.
    GiveUp,
}

impl Denials {
    fn note(&self, upstream: &Upstream) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, at| at.elapsed() < DENIAL_MEMORY);
        all.insert(upstream.name().to_owned(), Instant::now());
    }

    fn is_known(&self, upstream: &Upstream) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(upstream.name())
            .is_some_and(|at| at.elapsed() < DENIAL_MEMORY)
    }
}

impl Doubt {
    /// Reads what is of use later. What remains of the answer, and its place, are free then.
    pub(super) async fn of(answer: Response<SdkBody>) -> Self {
        let status = answer.status();
        let suspicion = Suspicion::of(status);
        let said = match suspicion {
            Suspicion::Missing => String::new(),
            Suspicion::Unauthorized | Suspicion::Forbidden => text_of(answer.into_body()).await,
        };
        Self {
            suspicion,
            status,
            said,
        }
    }
}

fn decide(suspicion: Suspicion, is_proven: bool, is_denial_known: bool, replaced: u32) -> Decision {
    match suspicion {
        Suspicion::Missing if is_proven => Decision::Believe,
        Suspicion::Forbidden if is_denial_known || replaced > 0 => Decision::Believe,
        Suspicion::Unauthorized if replaced > 0 => Decision::Believe,
        Suspicion::Missing if replaced >= MOST_REPLACED => Decision::GiveUp,
        Suspicion::Missing | Suspicion::Forbidden | Suspicion::Unauthorized => Decision::Replace,
    }
}

impl Client {
    /// Another token to ask once more with; or else the word that stays. So many were `replaced` already.
    pub(super) async fn resolve(
        &self,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
        doubt: Doubt,
        replaced: u32,
        patience: Duration,
    ) -> Result<Arc<Token>, Error> {
        let suspicion = doubt.suspicion;
        let is_denial_known = self.denials.is_known(upstream);
        match decide(suspicion, token.is_proven(), is_denial_known, replaced) {
            Decision::Believe => {}
            Decision::GiveUp => {
                return Err(Error::unavailable(
                    "CodeArtifact's tokens change faster than it can be asked",
                ));
            }
            Decision::Replace => {
                let tokens = &self.tokens;
                match tokens.replace(upstream, token, suspicion, patience).await {
                    Ok(Some(other)) => return Ok(other),
                    Ok(None) => {
                        // What is not found by the very one that was made to look again is not there.
                        if suspicion == Suspicion::Missing {
                            token.prove();
                        }
                    }
                    // There is no other one, and this one may be shown to be good in another way.
                    Err(error) => {
                        if suspicion == Suspicion::Unauthorized || !self.still_finds(token).await {
                            return Err(error);
                        }
                    }
                }
            }
        }
        if suspicion == Suspicion::Missing {
            return Err(Error::NotFound);
        }
        if suspicion == Suspicion::Forbidden && !is_denial_known {
            self.denials.note(upstream);
        }
        Err(denied(upstream, &doubt))
    }

    /// Whether a token still finds what it has found before. One at a time looks.
    pub(in crate::codeartifact) async fn still_finds(&self, token: &Token) -> bool {
        let mut looked = token.looked.lock().await;
        if let Some((at, finds)) = *looked
            && at.elapsed() < LOOK_MEMORY
        {
            return finds;
        }
        let look = Box::pin(timeout(LOOK_TIMEOUT, self.look(token)));
        let finds = look.await.unwrap_or_default();
        *looked = Some((Instant::now(), finds));
        finds
    }

    async fn look(&self, token: &Token) -> bool {
        let (Some(url), Ok(authorization)) = (token.found(), authorization(token)) else {
            return false;
        };
        let Ok(_place) = self.pace.call(PATIENCE).await else {
            return false;
        };
        let request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            .header(ACCEPT, "*/*")
            .header(AUTHORIZATION, authorization);
        let finds = matches!(
            self.wire.ask(&url, request).await,
            Ok(answer) if answer.status().is_success()
        );
        if finds {
            token.prove();
        }
        finds
    }
}

/// Refused whatever the token: a permission is missing.
fn denied(upstream: &Upstream, doubt: &Doubt) -> Error {
    let (status, said) = (doubt.status.as_u16(), &doubt.said);
    let (alias, name) = (&upstream.config.alias, upstream.name());
    Error::Misconfigured(Trouble::new(
        format!(
            "CodeArtifact refuses `{alias}` ({name}) with a fresh token (status {status}: {said})"
        ),
        "Ask for codeartifact:ReadFromRepository on the repository, and see its domain's and repository's resource \
         policies.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_believed_of_a_token_that_works_or_was_just_made_to_look_again() {
        use Decision::{Believe, GiveUp, Replace};
        use Suspicion::{Forbidden, Missing, Unauthorized};
        for (suspicion, is_proven, is_denial_known, replaced, decision) in [
            (Missing, true, false, 0, Believe),
            (Missing, false, false, 0, Replace),
            // Whether the other one is beyond suspicion is for its age to say.
            (Missing, false, true, 1, Replace),
            (Missing, false, false, 2, GiveUp),
            (Forbidden, true, false, 0, Replace),
            (Forbidden, false, false, 0, Replace),
            (Forbidden, false, true, 0, Believe),
            (Forbidden, false, false, 1, Believe),
            (Unauthorized, true, true, 0, Replace),
            (Unauthorized, false, false, 0, Replace),
            (Unauthorized, false, false, 1, Believe),
        ] {
            assert_eq!(
                decide(suspicion, is_proven, is_denial_known, replaced),
                decision,
                "{suspicion:?} {is_proven} {is_denial_known} {replaced}"
            );
        }
    }
}
