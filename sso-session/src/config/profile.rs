//! What a profile says: where its credentials come from.

use std::fmt;
use std::time::Duration;

use super::SsoSession;

/// A profile, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// As it was asked for.
    pub name: String,
    /// The profile's own `region`; no variable is asked.
    pub region: Option<String>,
    /// Where its credentials come from.
    pub source: CredentialSource,
}

/// Where a profile's credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as profiles in use, and a box would be in every reader's way"
)]
pub enum CredentialSource {
    /// An SSO session, perhaps with roles assumed on top of its role.
    Sso(SsoProfile),
    /// Anything else: left to `aws-config`.
    Other(OtherSource),
}

/// A source that is not SSO, named for texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherSource {
    /// `aws_access_key_id` and its secret, in either file.
    StaticKeys,
    /// `credential_process`.
    CredentialProcess,
    /// `web_identity_token_file` with its `role_arn`.
    WebIdentity,
    /// `login_session`, as `aws login` writes it.
    LoginSession,
    /// `credential_source`, by its name: `Environment`, `EcsContainer` or `Ec2InstanceMetadata`.
    CredentialSource(String),
    /// `role_arn`, assumed with what is within.
    AssumeRole(Box<OtherSource>),
    /// The profile has no credentials of its own: variables or an instance may have some.
    Nothing,
}

impl fmt::Display for OtherSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaticKeys => f.write_str("static keys"),
            Self::CredentialProcess => f.write_str("credential_process"),
            Self::WebIdentity => f.write_str("a web identity"),
            Self::LoginSession => f.write_str("login_session"),
            Self::CredentialSource(name) => write!(f, "credential_source {name}"),
            Self::AssumeRole(inner) => write!(f, "a role assumed with {inner}"),
            Self::Nothing => f.write_str("no credentials of its own"),
        }
    }
}

/// A profile whose credentials come from an SSO session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoProfile {
    /// The profile that names session, account and role: the one to log in with.
    pub base_profile: String,
    /// Whose access token to use.
    pub session: SsoSession,
    /// `sso_account_id`.
    pub account_id: String,
    /// `sso_role_name`.
    pub role_name: String,
    /// Roles to assume on top, the innermost first; usually none.
    pub assume_roles: Vec<AssumeRole>,
    /// The region in which to assume them: that of the requested profile, else that of the base profile.
    pub region: Option<String>,
    /// Other places to call than AWS's own.
    pub endpoints: Endpoints,
}

/// A role to assume with the credentials of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The profile that asks for it.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `role_session_name`.
    pub session_name: Option<String>,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `duration_seconds`; one that is not a number is ignored, as botocore does.
    pub duration: Option<Duration>,
}

/// Endpoint URLs from variables and files; none: AWS's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// The SSO portal, which gives role credentials.
    pub sso: Option<String>,
    /// SSO-OIDC, which refreshes tokens.
    pub sso_oidc: Option<String>,
    /// STS, which assumes roles.
    pub sts: Option<String>,
}
