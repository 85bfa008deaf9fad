//! AWS SSO (IAM Identity Center) sessions as the files that everyone on a machine shares.

pub mod config;
pub mod date;
pub mod disk;
mod document;
pub mod failure;
pub mod location;
pub mod lock;
mod nonce;
pub mod oidc;
pub mod portal;
pub mod refresh;
pub mod registration;
pub mod secret;
pub mod signal;
pub mod token;
pub mod verdict;
