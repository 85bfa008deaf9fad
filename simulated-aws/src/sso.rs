//! The simulated SSO (IAM Identity Center): sign-in, tokens, the portal.
//!
//! ```text
//! client ─► oidc    register a client, begin a sign-in, trade a grant for tokens ─► grants ┐
//! browser ► pages   allow or deny                                                          ├► state
//! client ─► portal  role credentials for an access token ─► identities, so S3 takes them   ┘
//! ```
//!
//! One directory, one person. A **registration** names a client. A **session** begins with a sign-in and
//! bounds how long refreshing works; an **access token** of it lives for its own, shorter life.
//!
//! Everything ends by the simulated [`Clock`]. A life that is set holds for what is given out from then on.

mod directory;
mod error;
pub(crate) mod files;
mod grants;
mod login;
mod oidc;
mod pages;
mod portal;
mod sessions;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use login::Login;
pub use state::Rotation;

use crate::principal::{DEFAULT_ACCOUNT, Principal};
use crate::role_credentials::RoleCredentials;
use crate::service::Service;
use crate::{Clock, Identities};
use directory::DEFAULT_ROLE;
use state::State;

/// The only start URL. The AWS CLI makes calls of its own to one that is not on a host of AWS.
const START_URL: &str = "https://d-1234567890.awsapps.com/start";

/// The scope that earns a refresh token.
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html>
const ACCOUNT_ACCESS: &str = "sso:account:access";

/// How long the portal's role credentials live unless another life is set.
const PORTAL_LIFE: Duration = Duration::from_hours(1);

/// The simulated SSO. Clones share it.
#[derive(Clone)]
pub struct Sso {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    region: String,
    identities: Identities,
    clock: Clock,
}

#[expect(
    clippy::must_use_candidate,
    reason = "the service comes back for chaining only"
)]
impl Sso {
    pub(crate) fn new(region: &str, identities: Identities, clock: Clock) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            region: region.to_owned(),
            identities,
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn services(&self) -> Vec<Box<dyn Service>> {
        vec![
            Box::new(oidc::Oidc(self.clone())),
            Box::new(pages::Pages::new(self.clone())),
            Box::new(portal::Portal(self.clone())),
        ]
    }

    /// The start URL to configure, `https://d-1234567890.awsapps.com/start`.
    pub fn start_url(&self) -> &str {
        START_URL
    }

    /// The region to configure as `sso_region`.
    pub fn region(&self) -> &str {
        &self.shared.region
    }

    /// The text for `~/.aws/config`: a profile with the role that is there from the start, and the
    /// session it signs in with. Both have that name.
    #[must_use]
    pub fn config(&self, name: &str) -> String {
        format!(
            "[profile {name}]\n\
             sso_session = {name}\n\
             sso_account_id = {DEFAULT_ACCOUNT}\n\
             sso_role_name = {DEFAULT_ROLE}\n\
             region = {region}\n\
             \n\
             [sso-session {name}]\n\
             sso_start_url = {START_URL}\n\
             sso_region = {region}\n\
             sso_registration_scopes = {ACCOUNT_ACCESS}\n",
            region = self.region(),
        )
    }

    /// How long access tokens live; one hour unless set.
    pub fn set_access_token_life(&self, life: Duration) -> &Self {
        self.lock().lives.access_token = life;
        self
    }

    /// How long a sign-in can be refreshed; eight hours unless set. The last access token may outlive it.
    pub fn set_session_life(&self, life: Duration) -> &Self {
        self.lock().lives.session = life;
        self
    }

    /// How long role credentials live; one hour unless set. Once it is, those of STS live no longer either.
    pub fn set_role_credentials_life(&self, life: Duration) -> &Self {
        self.lock().lives.role_credentials = Some(life);
        self
    }

    /// How long client registrations live; 90 days unless set.
    pub fn set_registration_life(&self, life: Duration) -> &Self {
        self.lock().lives.registration = life;
        self
    }

    /// What a refresh does to the refresh token it used; [`Rotation::Strict`] unless set.
    pub fn set_rotation(&self, rotation: Rotation) -> &Self {
        self.lock().rotation = rotation;
        self
    }

    /// Whether a visit of a sign-in page is enough, without a click; it is not unless set.
    pub fn approve_at_once(&self, at_once: bool) -> &Self {
        self.lock().approve_at_once = at_once;
        self
    }

    /// Gives a role to whoever signs in. Account 123456789012 has `Developer` from the start.
    pub fn assign(&self, account_id: &str, role_name: &str) -> &Self {
        self.lock().directory.assign(account_id, role_name);
        self
    }

    /// Takes a role away; the portal then says `ForbiddenException`. The account stays known.
    pub fn unassign(&self, account_id: &str, role_name: &str) -> &Self {
        self.lock().directory.unassign(account_id, role_name);
        self
    }

    /// Gives out credentials of a role and makes them known to everyone who verifies signatures. They
    /// live as long as is set, and no longer than asked for.
    pub(crate) fn role_credentials(
        &self,
        principal: Principal,
        asked: Option<Duration>,
    ) -> RoleCredentials {
        let mut state = self.lock();
        let life = match (asked, state.lives.role_credentials) {
            (Some(asked), Some(longest)) => asked.min(longest),
            (Some(life), None) | (None, Some(life)) => life,
            (None, None) => PORTAL_LIFE,
        };
        let credentials = RoleCredentials::new(later(self.now(), life));
        self.shared.identities.add_role(&credentials, principal);
        state.role_keys.push(credentials.access_key_id.clone());
        credentials
    }

    fn now(&self) -> SystemTime {
        self.shared.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a life; the beginning, where the end cannot be represented.
fn later(now: SystemTime, life: Duration) -> SystemTime {
    now.checked_add(life).unwrap_or(now)
}

/// Seconds since 1970, 0 for the time before.
fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
