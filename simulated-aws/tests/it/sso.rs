//! SSO under the real SDKs and the real AWS CLI.

pub(crate) mod aws_cli;
mod clients;
mod device;
mod faults;
mod files;
mod pkce;
mod portal;
mod refresh;
mod registration;
mod stand_in;
