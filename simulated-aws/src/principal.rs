//! Whom an access key belongs to, as STS tells it.

/// The account of everyone unless another is chosen, as AWS's own examples have it.
pub(crate) const DEFAULT_ACCOUNT: &str = "123456789012";

/// The identity behind an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
    /// Whether it signs with temporary credentials.
    pub(crate) is_temporary: bool,
}

impl Default for Principal {
    fn default() -> Self {
        Self {
            account: DEFAULT_ACCOUNT.to_owned(),
            arn: format!("arn:aws:iam::{DEFAULT_ACCOUNT}:user/simulated"),
            user_id: "AIDASIMULATED0000000".to_owned(),
            is_temporary: false,
        }
    }
}

impl Principal {
    /// A session of a role of the usual partition.
    pub(crate) fn assumed_role(account: &str, role: &str, session: &str) -> Self {
        Self::assumed_role_in("aws", account, role, session)
    }

    /// A session of a role.
    pub(crate) fn assumed_role_in(
        partition: &str,
        account: &str,
        role: &str,
        session: &str,
    ) -> Self {
        Self {
            account: account.to_owned(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}"),
            user_id: format!("AROASIMULATED0000000:{session}"),
            is_temporary: true,
        }
    }

    pub(crate) fn is_role_session(&self) -> bool {
        self.arn.contains(":assumed-role/")
    }
}
