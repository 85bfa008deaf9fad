//! The secrets and permissions s3s asks for.

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::validation::NameValidation;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::place::is_bucket_name;
use crate::{Identities, Operation};

/// The identities as s3s needs them.
pub(crate) struct Guard(pub(crate) Identities);

#[async_trait]
impl S3Auth for Guard {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.secret(access_key).map(SecretKey::from);
        secret.ok_or_else(|| S3Error::new(S3ErrorCode::InvalidAccessKeyId))
    }
}

#[async_trait]
impl S3Access for Guard {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let action = Operation::from_name(context.s3_op().name()).action();
        let allowed = context.credentials().is_some_and(|credentials| {
            action.is_none_or(|action| self.0.may(&credentials.access_key, action))
        });
        if allowed { Ok(()) } else { Err(denied()) }
    }
}

/// `AccessDenied` in S3's words.
pub(crate) fn denied() -> S3Error {
    S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied")
}

/// Any name that can be a folder: tests like short ones.
pub(crate) struct FolderNames;

impl NameValidation for FolderNames {
    fn validate_bucket_name(&self, name: &str) -> bool {
        is_bucket_name(name)
    }
}
