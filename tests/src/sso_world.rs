//! A home with an SSO profile, the simulated AWS beside it, and what the AWS CLI does there.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use simulated_aws::{Call, Login, Operation, SimulatedAws};
use sso_session::config::SsoSession;

use crate::http_client::Answer;
use crate::proxy::{Proxy, ProxyBuilder};
use crate::scratch::{BUCKET, Scratch};
use crate::wait::eventually;

/// The profile in use.
pub const PROFILE: &str = "team";
/// The SSO session that it signs in with.
pub const SESSION: &str = "corp";
/// The grant that renews a token.
pub const REFRESH_GRANT: &str = "refresh_token";

/// Everything but the proxy; nobody is signed in yet.
pub struct SsoWorld {
    /// AWS, with its SSO.
    pub aws: SimulatedAws,
    /// The home.
    pub scratch: Scratch,
    artifacts: AtomicUsize,
}

impl SsoWorld {
    /// A home with the profile `team` of the session `corp`.
    pub async fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same, with the simulated AWS on another address of this machine.
    pub async fn at(address: IpAddr) -> Self {
        let scratch = Scratch::new();
        let aws = scratch.aws_at(address).await;
        let world = Self {
            aws,
            scratch,
            artifacts: AtomicUsize::new(0),
        };
        world.scratch.write_config(&world.config());
        world
    }

    /// The text of `~/.aws/config`.
    #[must_use]
    pub fn config(&self) -> String {
        let text = self.aws.sso().config(SESSION);
        text.replace(
            &format!("[profile {SESSION}]"),
            &format!("[profile {PROFILE}]"),
        )
    }

    /// A proxy that holds nobody and checks once an hour, so that nothing but its own watchfulness
    /// brings it forward.
    #[must_use]
    pub fn builder(&self) -> ProxyBuilder {
        ProxyBuilder::new(&self.scratch)
            .aws(&self.aws)
            .profile(PROFILE)
            .env("LOGIN_WAIT", "0")
            .env("CHECK_INTERVAL", "1h")
    }

    /// Starts that proxy.
    pub async fn start(&self) -> Proxy {
        self.builder().start().await
    }

    /// Signs in as the AWS CLI does: over the old token, in place.
    #[must_use = "the tokens are what secrets are looked for with"]
    pub fn sign_in(&self) -> Login {
        let login = self.aws.sso().sign_in();
        self.write(&login);
        login
    }

    /// Signs in with an access token that lives so long; later ones live as long as before.
    #[must_use = "the tokens are what secrets are looked for with"]
    pub fn sign_in_for(&self, life: Duration) -> Login {
        self.aws.sso().set_access_token_life(life);
        let login = self.sign_in();
        self.aws
            .sso()
            .set_access_token_life(Duration::from_hours(1));
        login
    }

    /// Signs in, a long time ago: the session lives, the access token has to be renewed.
    #[must_use = "the tokens are what secrets are looked for with"]
    pub fn sign_in_long_ago(&self) -> Login {
        let mut login = self.aws.sso().sign_in();
        login.expires_at = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
        self.write(&login);
        login
    }

    /// Writes the two files of a login as the AWS CLI does.
    ///
    /// # Panics
    /// If they cannot be written.
    pub fn write(&self, login: &Login) {
        let folder = self.token_folder();
        let registration = login.write_registration(&folder, Some(SESSION));
        registration.expect("a registration's file");
        let token = login.write_in_place(&folder, SESSION);
        token.expect("a token's file");
    }

    /// `~/.aws/sso/cache`.
    #[must_use]
    pub fn token_folder(&self) -> PathBuf {
        self.scratch.home().join(".aws/sso/cache")
    }

    /// The session's token.
    #[must_use]
    pub fn token_path(&self) -> PathBuf {
        self.token_folder().join(self.session().token_file_name())
    }

    /// The registration of the session's client.
    #[must_use]
    pub fn registration_path(&self) -> PathBuf {
        let name = self.session().registration_file_name();
        self.token_folder().join(name)
    }

    fn session(&self) -> SsoSession {
        SsoSession {
            name: Some(SESSION.to_owned()),
            start_url: self.aws.sso().start_url().to_owned(),
            region: self.aws.sso().region().to_owned(),
            scopes: vec!["sso:account:access".to_owned()],
        }
    }

    /// The login signal's path.
    #[must_use]
    pub fn signal_path(&self) -> PathBuf {
        let state = self.scratch.home().join(".aws/sso-renewer");
        state.join("login-required.json")
    }

    /// The login signal, if there is one.
    #[must_use]
    pub fn signal(&self) -> Option<Value> {
        json_file(&self.signal_path())
    }

    /// Waits for a signal, and gives it.
    ///
    /// # Panics
    /// If none comes.
    pub async fn signalled(&self) -> Value {
        let mut signal = None;
        eventually("a login is asked for", async || {
            signal = self.signal();
            signal.is_some()
        })
        .await;
        signal.expect("found above")
    }

    /// Waits until no login is asked for.
    pub async fn unsignalled(&self) {
        eventually("no login is asked for", async || self.signal().is_none()).await;
    }

    /// A new object for each call, and its path.
    ///
    /// # Panics
    /// If the bucket cannot be written.
    #[must_use]
    pub fn new_artifact(&self) -> String {
        let number = self.artifacts.fetch_add(1, Ordering::Relaxed);
        let key = format!("g/{number}.jar");
        let put = self.aws.s3().put(BUCKET, &key, key.as_bytes());
        put.expect("an object");
        format!("/{key}")
    }

    /// GETs something that is not in the cache.
    pub async fn miss(&self, proxy: &Proxy) -> Answer {
        proxy.get(&self.new_artifact()).await
    }

    /// Waits until misses are served.
    pub async fn served(&self, proxy: &Proxy) {
        eventually("misses are served", async || {
            self.miss(proxy).await.status == 200
        })
        .await;
    }

    /// How often somebody tried to renew a token.
    #[must_use]
    pub fn refreshes_tried(&self) -> usize {
        self.refreshes_answered(|_| true)
    }

    /// How often that was refused: a refresh token was spent twice.
    #[must_use]
    pub fn refreshes_refused(&self) -> usize {
        self.refreshes_answered(|status| status.is_some_and(|status| status >= 400))
    }

    fn refreshes_answered(&self, matches: impl Fn(Option<u16>) -> bool) -> usize {
        let log = self.aws.counters().log();
        let is_refresh = |call: &&Call| call.grant_type.as_deref() == Some(REFRESH_GRANT);
        let refreshes = log.iter().filter(is_refresh);
        refreshes.filter(|call| matches(call.status)).count()
    }

    /// How often the portal was asked for role credentials.
    #[must_use]
    pub fn portal_calls(&self) -> u64 {
        self.aws.counters().count(Operation::GetRoleCredentials)
    }
}

/// What `/readyz` says.
///
/// # Panics
/// If it is no JSON.
pub async fn readiness(proxy: &Proxy) -> Value {
    let answer = proxy.get("/readyz").await;
    let text = answer.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Waits until `/readyz` names this state, and gives all that it says.
///
/// # Panics
/// If it does not.
pub async fn in_state(proxy: &Proxy, state: &str) -> Value {
    let mut last = Value::Null;
    eventually(&format!("the state is {state}"), async || {
        last = readiness(proxy).await;
        last["credentials"] == state
    })
    .await;
    last
}

/// A file of JSON; `None` if there is none, or half of one.
#[must_use]
pub fn json_file(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
