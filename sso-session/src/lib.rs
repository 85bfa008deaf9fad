//! AWS SSO (IAM Identity Center) sessions as the files that everyone on a machine shares.

pub mod config;
pub mod location;
