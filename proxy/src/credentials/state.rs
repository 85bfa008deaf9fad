//! What the keeper publishes.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::attributes::AccountId;
use serde::Serialize;
use tokio::time::Instant;

use crate::error::{Error, Trouble};

/// The keeper's state, by which a miss is answered.
#[derive(Clone, Debug)]
pub enum State {
    /// Being fetched: a miss waits.
    Refreshing,
    /// Good as far as anyone knows.
    Valid(Arc<Valid>),
    /// Ended; only a person can help.
    LoginRequired(Arc<Trouble>),
    /// Passing trouble on the way to new ones.
    Offline(Arc<Trouble>),
    /// This machine's clock is wrong.
    ClockSkew(Arc<Trouble>),
    /// The role cannot be had with this login.
    Denied(Arc<Trouble>),
    /// The configuration names no usable source.
    ConfigError(Arc<Trouble>),
}

/// A state without what it carries, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateName {
    /// [`State::Refreshing`].
    Refreshing,
    /// [`State::Valid`].
    Valid,
    /// [`State::LoginRequired`].
    LoginRequired,
    /// [`State::Offline`].
    Offline,
    /// [`State::ClockSkew`].
    ClockSkew,
    /// [`State::Denied`].
    Denied,
    /// [`State::ConfigError`].
    ConfigError,
}

impl StateName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Refreshing,
        Self::Valid,
        Self::LoginRequired,
        Self::Offline,
        Self::ClockSkew,
        Self::Denied,
        Self::ConfigError,
    ];

    /// As people and programs are told it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Refreshing => "refreshing",
            Self::Valid => "valid",
            Self::LoginRequired => "login-required",
            Self::Offline => "offline",
            Self::ClockSkew => "clock-skew",
            Self::Denied => "denied",
            Self::ConfigError => "config-error",
        }
    }
}

/// Who the credentials are for, as far as the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The profile in use.
    pub profile: String,
    /// The name of its SSO session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sso_session: Option<String>,
    /// The SSO start URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_url: Option<String>,
    /// The account that the SSO role is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The SSO role (permission set).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// The role assumed on top of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_role_arn: Option<String>,
}

impl Identity {
    /// Of a profile of which no more is known.
    #[must_use]
    pub fn of_profile(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            sso_session: None,
            start_url: None,
            account_id: None,
            role_name: None,
            assumed_role_arn: None,
        }
    }
}

/// The keeper's state with what a person wants to know beside it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The state.
    pub state: State,
    /// Since when it is so.
    pub since: SystemTime,
    /// Whose credentials they are; unknown until the configuration was read.
    pub identity: Option<Identity>,
    /// The login that will be needed although the credentials are still good.
    pub login_ahead: Option<Arc<Trouble>>,
    /// What keeps the credentials in use from being renewed; they serve on until their end.
    pub renewal_trouble: Option<Arc<Trouble>>,
    /// The same as the state that it would be without them.
    pub renewal_failure: Option<State>,
    /// The newest token of the SSO session, where there is one.
    pub token: Option<TokenReport>,
}

/// How an SSO session's token stands; nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReport {
    /// When it ends.
    pub expires_at: SystemTime,
    /// Whether nothing is left of it: that time has come, or AWS does not take it any more.
    pub has_ended: bool,
    /// About when it is renewed; without that, it cannot be.
    pub renewal_at: Option<SystemTime>,
    /// What kept it from being renewed, or from being written; no secrets.
    pub problem: Option<String>,
}

impl Report {
    /// Nothing is known yet.
    pub(super) fn unknown(since: SystemTime) -> Self {
        Self {
            state: State::Refreshing,
            since,
            identity: None,
            login_ahead: None,
            renewal_trouble: None,
            renewal_failure: None,
            token: None,
        }
    }

    /// Nothing keeps the credentials in use from being renewed.
    pub(super) fn forget_failed_renewal(&mut self) {
        self.renewal_trouble = None;
        self.renewal_failure = None;
    }
}

/// The account that a role is in: `arn:<partition>:iam::<account>:role/…`.
pub(super) fn account_of(role_arn: &str) -> Option<&str> {
    role_arn
        .split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
}

/// Credentials in use.
#[derive(Debug)]
pub struct Valid {
    /// The values; their `Debug` is redacted by the SDK.
    pub credentials: aws_credential_types::Credentials,
    /// Counts up with every change of the values.
    pub generation: u64,
    /// Whose they are.
    pub identity: Identity,
    /// When they were fetched, by the wall clock …
    pub loaded_at: SystemTime,
    /// … and by one that is never stepped.
    pub loaded: Instant,
}

impl Valid {
    /// The account that they are for, where that is known.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        let told = self.credentials.account_id().map(AccountId::as_str);
        let identity = &self.identity;
        let of_role = || account_of(identity.assumed_role_arn.as_deref()?);
        told.or_else(of_role).or(identity.account_id.as_deref())
    }

    /// Whether their own expiry has passed, by this machine's clock. Only a hint: AWS decides.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.credentials
            .expiry()
            .is_some_and(|expiry| expiry <= super::keeper::now())
    }

    /// About when new ones are fetched; never, where they have no end.
    #[must_use]
    pub fn renewal_at(&self) -> Option<SystemTime> {
        super::schedule::renewal_at(self)
    }
}

impl State {
    pub(crate) fn into_result(self) -> Result<Arc<Valid>, Error> {
        match self {
            Self::Valid(valid) => Ok(valid),
            Self::Refreshing => Err(Error::unavailable("the credentials are being fetched")),
            Self::LoginRequired(trouble) => Err(Error::LoginRequired(trouble)),
            Self::Offline(trouble) => Err(Error::Unavailable(trouble)),
            Self::ClockSkew(trouble) => Err(Error::ClockSkew(trouble)),
            Self::Denied(trouble) | Self::ConfigError(trouble) => {
                Err(Error::Misconfigured(trouble))
            }
        }
    }

    /// The credentials, where there are good ones.
    #[must_use]
    pub fn valid(&self) -> Option<&Arc<Valid>> {
        match self {
            Self::Valid(valid) => Some(valid),
            Self::Refreshing
            | Self::LoginRequired(_)
            | Self::Offline(_)
            | Self::ClockSkew(_)
            | Self::Denied(_)
            | Self::ConfigError(_) => None,
        }
    }

    /// The state's name in logs, `/readyz` and `check`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let name = match self {
            Self::Refreshing => StateName::Refreshing,
            Self::Valid(_) => StateName::Valid,
            Self::LoginRequired(_) => StateName::LoginRequired,
            Self::Offline(_) => StateName::Offline,
            Self::ClockSkew(_) => StateName::ClockSkew,
            Self::Denied(_) => StateName::Denied,
            Self::ConfigError(_) => StateName::ConfigError,
        };
        name.label()
    }

    /// What is wrong, where something is.
    #[must_use]
    pub fn trouble(&self) -> Option<&Arc<Trouble>> {
        match self {
            Self::Refreshing | Self::Valid(_) => None,
            Self::LoginRequired(trouble)
            | Self::Offline(trouble)
            | Self::ClockSkew(trouble)
            | Self::Denied(trouble)
            | Self::ConfigError(trouble) => Some(trouble),
        }
    }
}
