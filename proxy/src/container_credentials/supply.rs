//! Where one source's or role's credentials are handed out: never ended ones, and none that end soon if
//! others can be had.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sso_session::date;
use tokio::time::Instant;

use super::Issued;
use crate::credentials::{Credentials, Valid, now};
use crate::error::{Error, Trouble};

/// SDKs refetch what has less than this left, botocore at every signing.
const LEAST_LEFT: Duration = Duration::from_mins(15);
/// A renewal is waited for so long: botocore gives up after 2 s, the JS SDK after 1 s.
const PATIENCE: Duration = Duration::from_millis(800);
/// After a renewal that was waited for in vain, nobody waits for one for so long: botocore would do so at
/// every signing.
const NO_WAITING_FOR: Duration = Duration::from_secs(5);

/// The credentials of one source and role.
#[derive(Debug)]
pub struct Supply {
    role_arn: Option<String>,
    credentials: Credentials,
    /// The document of the credentials in use, made once.
    prepared: Mutex<Option<Arc<Issued>>>,
    /// When a renewal was waited for in vain.
    in_vain: Mutex<Option<Instant>>,
}

impl Supply {
    /// Over what a keeper publishes; `role_arn` is the role that it assumes, if any.
    #[must_use]
    pub fn new(role_arn: Option<String>, credentials: Credentials) -> Self {
        Self {
            role_arn,
            credentials,
            prepared: Mutex::default(),
            in_vain: Mutex::default(),
        }
    }

    /// The role that is assumed, where one is.
    #[must_use]
    pub fn role_arn(&self) -> Option<&str> {
        self.role_arn.as_deref()
    }

    /// What the keeper publishes.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Credentials to hand out: from memory, or after less than a second.
    ///
    /// # Errors
    /// Why there are none; at once, where only a person can help.
    pub async fn issue(&self) -> Result<Arc<Issued>, Error> {
        let valid = self.credentials.usable(PATIENCE).await?;
        let is_enough = left(&valid) >= LEAST_LEFT || !self.credentials.is_renewal_due(&valid);
        if is_enough || self.was_in_vain() {
            return self.hand_out(&valid);
        }
        if self.credentials.newer(&valid, PATIENCE).await.is_none() {
            *self.in_vain() = Some(Instant::now());
        }
        // Not what there was before: a denial may have taken it away meanwhile.
        let valid = self.credentials.looked_at(Duration::ZERO).await?;
        self.hand_out(&valid)
    }

    /// Why credentials that are there cannot be handed out, where this machine's clock is the reason.
    #[must_use]
    pub fn clock_trouble(&self, valid: &Valid) -> Option<Arc<Trouble>> {
        let had_ended = |expiry: SystemTime| expiry <= valid.loaded_at;
        let has_no_other_reason = || self.credentials.report().renewal_failure.is_none();
        let is_clock = left(valid).is_zero()
            && valid.credentials.expiry().is_some_and(had_ended)
            && has_no_other_reason();
        is_clock.then(|| {
            Trouble::new(
                "the credentials had ended when they came, by this machine's clock",
                "Set the clock (a container has its virtual machine's), or have the source give newer ones.",
            )
        })
    }

    fn was_in_vain(&self) -> bool {
        self.in_vain()
            .is_some_and(|since| since.elapsed() < NO_WAITING_FOR)
    }

    fn in_vain(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.in_vain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(&self, valid: &Valid) -> Result<Arc<Issued>, Error> {
        if !left(valid).is_zero() {
            return self.prepare(valid);
        }
        let clock = self.clock_trouble(valid).map(Error::ClockSkew);
        Err(clock.unwrap_or_else(|| self.credentials.why_not_renewed()))
    }

    fn prepare(&self, valid: &Valid) -> Result<Arc<Issued>, Error> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |issued: &&Arc<Issued>| issued.generation == valid.generation;
        if let Some(issued) = prepared.as_ref().filter(is_current) {
            return Ok(Arc::clone(issued));
        }
        let Some(expires_at) = valid.credentials.expiry() else {
            return Err(Error::Misconfigured(Trouble::new(
                "the source gives credentials without an end, which are not handed out",
                "Name an `assumed_role` for this service, or a source of temporary credentials.",
            )));
        };
        let issued = Arc::new(Issued::new(valid, expires_at, self.role_arn())?);
        *prepared = Some(Arc::clone(&issued));
        Ok(issued)
    }
}

/// What is left by the wall clock, by which clients count, too, and of the whole seconds that they are told.
fn left(valid: &Valid) -> Duration {
    let left = |expiry: SystemTime| {
        let told = date::whole_seconds(expiry);
        told.duration_since(now()).unwrap_or_default()
    };
    valid.credentials.expiry().map_or(Duration::MAX, left)
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials as Values;
    use serde_json::{Value, json};
    use tokio::sync::watch;

    use super::*;
    use crate::credentials::{Identity, State};

    const ROLE: &str = "arn:aws-us-gov:iam::123456789012:role/team/build";
    const MINUTE: Duration = Duration::from_mins(1);

    /// Credentials of an hour of which that is left.
    fn valid(generation: u64, token: Option<&str>, left: Option<Duration>) -> Valid {
        let token = token.map(str::to_owned);
        let expiry = left.map(|left| now() + left);
        let passed = (MINUTE * 60).saturating_sub(left.unwrap_or_default());
        Valid {
            credentials: Values::new("AKIA", "secret", token, expiry, "test"),
            generation,
            identity: Identity {
                account_id: Some("999999999999".to_owned()),
                ..Identity::of_profile("test")
            },
            loaded_at: now() - passed,
            loaded: Instant::now(),
        }
    }

    fn supply(role: Option<&str>, state: State) -> (watch::Sender<State>, Supply) {
        let (states, _) = watch::channel(state);
        let credentials = Credentials::published_by(&states);
        let supply = Supply::new(role.map(str::to_owned), credentials);
        (states, supply)
    }

    fn in_use(valid: Valid) -> State {
        State::Valid(Arc::new(valid))
    }

    async fn document(supply: &Supply) -> Value {
        let issued = supply.issue().await.expect("credentials");
        serde_json::from_slice(&issued.document).expect("JSON")
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_is_what_the_sdks_read() {
        let mut valid = valid(1, Some("session"), Some(MINUTE * 60));
        valid.identity.assumed_role_arn = Some(ROLE.to_owned());
        let expiry = valid.credentials.expiry().expect("an end");
        let (_states, supply) = supply(Some(ROLE), in_use(valid));
        let expected = json!({
            "AccessKeyId": "AKIA",
            "SecretAccessKey": "secret",
            "Token": "session",
            "Expiration": date::format(expiry),
            "AccountId": "123456789012",
            "RoleArn": ROLE,
        });
        let document = document(&supply).await;
        assert_eq!(document, expected);
        let expiration = document["Expiration"].as_str().expect("a text");
        assert_eq!(expiration.len(), "2026-01-02T15:04:05Z".len());
        assert!(expiration.ends_with('Z') && !expiration.contains('.'));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sources_own_credentials_are_of_its_account_and_of_no_role() {
        let valid = valid(1, Some("session"), Some(MINUTE * 60));
        let (_states, supply) = supply(None, in_use(valid));
        let document = document(&supply).await;
        assert_eq!(document["AccountId"], "999999999999");
        assert_eq!(document.get("RoleArn"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_of_the_account_that_they_are_for() {
        let hour = Some(MINUTE * 60);
        // A profile that logs in and then assumes a role of its own.
        let mut of_profile = valid(1, Some("session"), hour);
        of_profile.identity.assumed_role_arn = Some(ROLE.to_owned());
        // Whoever gave them knows best.
        let mut told = valid(1, Some("session"), hour);
        told.credentials = Values::builder()
            .access_key_id("AKIA")
            .secret_access_key("secret")
            .session_token("session")
            .expiry(now() + MINUTE * 60)
            .account_id("111122223333")
            .provider_name("test")
            .build();
        for (valid, account) in [(of_profile, "123456789012"), (told, "111122223333")] {
            let (_states, supply) = supply(None, in_use(valid));
            let document = document(&supply).await;
            assert_eq!(document["AccountId"], account);
            assert_eq!(document.get("RoleArn"), None);
        }
    }

    #[test]
    fn no_secret_is_in_what_is_written_of_it() {
        let valid = valid(1, Some("session-token"), Some(MINUTE * 60));
        let (_states, supply) = supply(Some(ROLE), in_use(valid));
        let valid = supply.credentials.state().valid().cloned();
        let issued = supply.prepare(&valid.expect("credentials"));
        let written = format!("{supply:?} {issued:?}");
        assert!(written.contains("expires_at"), "{written}");
        assert!(!written.contains("session-token"), "{written}");
    }

    #[tokio::test(start_paused = true)]
    async fn everyone_gets_the_same_document_until_the_credentials_change() {
        let state = in_use(valid(1, Some("session"), Some(MINUTE * 60)));
        let (states, supply) = supply(None, state);
        let first = supply.issue().await.expect("credentials");
        let second = supply.issue().await.expect("credentials");
        assert!(Arc::ptr_eq(&first, &second));
        states.send_replace(in_use(valid(2, Some("newer"), Some(MINUTE * 60))));
        assert_eq!(document(&supply).await["Token"], "newer");
    }

    #[tokio::test(start_paused = true)]
    async fn long_term_keys_and_what_has_no_end_are_never_handed_out() {
        let hour = Some(MINUTE * 60);
        for (token, left) in [
            (None, None),
            (None, hour),
            (Some(""), hour),
            (Some("t"), None),
        ] {
            let (_states, supply) = supply(None, in_use(valid(1, token, left)));
            let refused = supply.issue().await.expect_err("no session token");
            assert!(matches!(refused, Error::Misconfigured(_)), "{refused}");
            assert!(!refused.to_string().contains("secret"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_soon_is_handed_out_only_if_nothing_newer_comes() {
        let (states, supply) = supply(None, in_use(valid(1, Some("old"), Some(MINUTE * 14))));
        let renewal = async {
            tokio::time::sleep(PATIENCE / 2).await;
            states.send_replace(in_use(valid(2, Some("new"), Some(MINUTE * 60))));
        };
        let (document, ()) = tokio::join!(document(&supply), renewal);
        assert_eq!(document["Token"], "new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_does_not_come_is_waited_for_by_few() {
        let (_states, supply) = supply(None, in_use(valid(1, Some("old"), Some(MINUTE * 14))));
        let waited = async || {
            let began = Instant::now();
            assert_eq!(document(&supply).await["Token"], "old");
            began.elapsed()
        };
        assert!(waited().await >= PATIENCE);
        assert_eq!(waited().await, Duration::ZERO);
        tokio::time::advance(NO_WAITING_FOR).await;
        assert!(waited().await >= PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_takes_credentials_from_those_who_wait_for_newer_ones() {
        let (states, supply) = supply(None, in_use(valid(1, Some("old"), Some(MINUTE * 14))));
        let denial = async {
            tokio::time::sleep(PATIENCE / 2).await;
            states.send_replace(State::Denied(Trouble::new("denied", "Ask for it.")));
        };
        let (outcome, ()) = tokio::join!(supply.issue(), denial);
        let refused = outcome.expect_err("they were taken away");
        assert_eq!(refused.to_string(), "denied. Ask for it.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_ahead_of_every_end_is_said_as_what_it_is() {
        let mut ended = valid(1, Some("session"), Some(Duration::ZERO));
        let loaded = ended.credentials.expiry().expect("an end") + MINUTE * 60;
        let (_states, right) = supply(
            None,
            in_use(valid(1, Some("session"), Some(Duration::ZERO))),
        );
        ended.loaded_at = loaded;
        let (_states, ahead) = supply(None, in_use(ended));
        let refused = ahead.issue().await.expect_err("they have ended");
        assert!(matches!(refused, Error::ClockSkew(_)), "{refused}");
        assert!(refused.to_string().contains("Set the clock"), "{refused}");
        let refused = right.issue().await.expect_err("they have ended");
        assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_never_handed_out() {
        for left in [Duration::ZERO, Duration::from_nanos(1)] {
            let (_states, supply) = supply(None, in_use(valid(1, Some("old"), Some(left))));
            let refused = supply.issue().await.expect_err("it has ended");
            assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
            let again = supply.issue().await.expect_err("it has ended");
            assert!(matches!(again, Error::Unavailable(_)), "{again}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_a_login_is_told_at_once_and_served_after_it() {
        let trouble =
            Trouble::with_command("ended", "aws sso login", |run| format!("Run `{run}`."));
        let (states, supply) = supply(None, State::LoginRequired(trouble));
        let began = Instant::now();
        let refused = supply.issue().await.expect_err("a login is needed");
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(refused.to_string().contains("aws sso login"), "{refused}");
        states.send_replace(in_use(valid(1, Some("session"), Some(MINUTE * 60))));
        assert_eq!(document(&supply).await["Token"], "session");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_credentials_are_waited_for() {
        let (states, supply) = supply(None, State::Refreshing);
        let fetched = async {
            tokio::time::sleep(PATIENCE / 2).await;
            states.send_replace(in_use(valid(1, Some("session"), Some(MINUTE * 60))));
        };
        let (document, ()) = tokio::join!(document(&supply), fetched);
        assert_eq!(document["Token"], "session");
    }
}
