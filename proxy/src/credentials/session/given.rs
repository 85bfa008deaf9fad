//! Role credentials that the portal gave a moment ago: services that begin with the same role, all of which begin
//! anew behind a login, ask for it once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use sso_session::config::SsoProfile;
use sso_session::failure::Failure;
use sso_session::verdict::Verdict;
use tokio::time::Instant;

use crate::credentials::now;

/// Given to others for so long, or for this part of what is left of their life, if that is shorter.
const STILL_NEW: Duration = Duration::from_mins(1);
const PART_OF_LIFE: u32 = 10;

/// What the portal says.
pub(super) type Answer = Result<Credentials, (Verdict, Failure)>;

/// An account and a role in it.
type Role = (String, String);

/// The last answers.
#[derive(Debug, Default)]
pub(super) struct Given(Mutex<HashMap<Role, Arc<tokio::sync::Mutex<Option<Last>>>>>);

/// The last answer about a role.
#[derive(Debug)]
struct Last {
    token: u64,
    came: Instant,
    answer: Answer,
    /// Others get it until then; whoever waited for it gets it in any case.
    good_until: Instant,
    /// The same by the wall clock, which goes on while the machine sleeps.
    good_until_wall: SystemTime,
}

impl Last {
    fn new(token: u64, answer: Answer) -> Self {
        let came = Instant::now();
        let newness = answer.as_ref().map_or(Duration::ZERO, newness);
        Self {
            token,
            came,
            answer,
            good_until: came + newness,
            good_until_wall: now() + newness,
        }
    }

    fn is_new(&self) -> bool {
        Instant::now() < self.good_until && now() < self.good_until_wall
    }
}

impl Given {
    /// The last answer, if it is still new or came while this one waited for its turn; else another one.
    pub(super) async fn or_ask(
        &self,
        token: u64,
        profile: &SsoProfile,
        ask: impl Future<Output = Answer>,
    ) -> Answer {
        let came = Instant::now();
        let place = self.place(profile);
        let mut last = place.lock().await;
        let is_good = |last: &&Last| last.token == token && (last.came > came || last.is_new());
        if let Some(last) = last.as_ref().filter(is_good) {
            return last.answer.clone();
        }
        let answer = ask.await;
        *last = Some(Last::new(token, answer.clone()));
        answer
    }

    /// Where the last answer is. What is neither new nor asked for goes, whosever it is.
    fn place(&self, profile: &SsoProfile) -> Arc<tokio::sync::Mutex<Option<Last>>> {
        let mut roles = self.lock();
        roles.retain(|_, place| match place.try_lock() {
            Ok(last) => Arc::strong_count(place) > 1 || last.as_ref().is_some_and(Last::is_new),
            Err(_) => true,
        });
        Arc::clone(roles.entry(role_of(profile)).or_default())
    }

    pub(super) fn forget(&self, profile: &SsoProfile) {
        self.lock().remove(&role_of(profile));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Role, Arc<tokio::sync::Mutex<Option<Last>>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn role_of(profile: &SsoProfile) -> Role {
    (profile.account_id.clone(), profile.role_name.clone())
}

fn newness(credentials: &Credentials) -> Duration {
    let left = credentials
        .expiry()
        .and_then(|end| end.duration_since(now()).ok());
    STILL_NEW.min(left.unwrap_or_default() / PART_OF_LIFE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use sso_session::config::{CredentialSource, FileContent, resolve_text};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn profile(role: &str) -> SsoProfile {
        let text = format!(
            "[profile p]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = us-west-2\n\
             sso_account_id = 123456789012\nsso_role_name = {role}\n"
        );
        let path = std::path::Path::new("config");
        let config = FileContent {
            path,
            bytes: Some(text.as_bytes()),
        };
        let credentials = FileContent { path, bytes: None };
        match resolve_text(config, credentials, &|_| None, "p")
            .expect("a profile")
            .source
        {
            CredentialSource::Sso(profile) => profile,
            CredentialSource::Other(other) => panic!("{other}"),
        }
    }

    /// A portal that counts, and takes a while.
    #[derive(Default)]
    struct Portal {
        given: Given,
        asked: AtomicUsize,
    }

    impl Portal {
        async fn ask(&self, token: u64, role: &str, life: Option<Duration>) -> Answer {
            let asked = async {
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                let life = life.ok_or((Verdict::Passing, Failure::default()))?;
                let end = Some(now() + life);
                Ok(Credentials::new(number.to_string(), "s", None, end, "test"))
            };
            self.given.or_ask(token, &profile(role), asked).await
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_want_the_same_at_once_ask_once() {
        let portal = Portal::default();
        for life in [Some(HOUR), None] {
            let before = portal.asked();
            let token = u64::from(life.is_none());
            let one = || portal.ask(token, "r", life);
            let (one, two, three) = tokio::join!(one(), one(), one());
            assert_eq!(portal.asked(), before + 1);
            assert!(
                [&one, &two, &three]
                    .iter()
                    .all(|answer| answer.is_ok() == life.is_some())
            );
        }
        assert!(
            portal.ask(1, "r", Some(HOUR)).await.is_ok(),
            "a failure is not kept"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_new_is_given_again_for_the_same_token_and_role() {
        let portal = Portal::default();
        let mut number = 0;
        for (token, role, passed, is_asked) in [
            (1, "r", Duration::ZERO, true),
            (1, "r", Duration::from_secs(59), false),
            (1, "other", Duration::ZERO, true),
            (2, "r", Duration::ZERO, true),
            (2, "r", STILL_NEW, true),
        ] {
            tokio::time::advance(passed).await;
            portal.ask(token, role, Some(HOUR)).await.expect("given");
            number += usize::from(is_asked);
            assert_eq!(portal.asked(), number, "{token} {role} {passed:?}");
        }
        assert_eq!(portal.given.lock().len(), 1, "the other one is not new");
        portal.given.forget(&profile("r"));
        portal.ask(2, "r", Some(HOUR)).await.expect("given");
        assert_eq!(portal.asked(), number + 1);
    }

    #[tokio::test]
    async fn what_a_machine_slept_through_is_not_new() {
        let end = Some(now() + HOUR);
        let mut last = Last::new(1, Ok(Credentials::new("k", "s", None, end, "test")));
        assert!(last.is_new());
        // The other clock stands still meanwhile.
        last.good_until_wall -= HOUR;
        assert!(!last.is_new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_life_is_new_for_a_part_of_it() {
        let portal = Portal::default();
        let life = Some(Duration::from_secs(20));
        portal.ask(1, "r", life).await.expect("given");
        tokio::time::advance(Duration::from_secs(1)).await;
        portal.ask(1, "r", life).await.expect("given");
        assert_eq!(portal.asked(), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        portal.ask(1, "r", life).await.expect("given");
        assert_eq!(portal.asked(), 2);
    }
}
