//! AWS SSO (IAM Identity Center) sessions as the files that everyone on a machine shares.

pub mod date;
pub mod disk;
mod document;
pub mod lock;
mod nonce;
pub mod registration;
pub mod secret;
pub mod signal;
pub mod token;
