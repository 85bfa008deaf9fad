//! AWS SSO (IAM Identity Center) sessions as the files that everyone on a machine shares.

pub mod config;
pub mod date;
pub mod disk;
mod document;
pub mod location;
mod nonce;
pub mod registration;
pub mod secret;
pub mod signal;
pub mod token;
