//! Temporary credentials of a role, as the SSO portal and STS give them out.

use std::time::SystemTime;

use crate::random;

/// Credentials of a role.
#[derive(Clone)]
pub(crate) struct RoleCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) expires: SystemTime,
}

impl RoleCredentials {
    /// New ones, unknown to anyone so far.
    pub(crate) fn new(expires: SystemTime) -> Self {
        Self {
            access_key_id: random::capitals("ASIA", 16),
            secret_access_key: random::text("", 40),
            session_token: random::text("IQoJb3JpZ2luX2Vj", 200),
            expires,
        }
    }
}
