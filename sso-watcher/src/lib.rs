//! sso-watcher: logs in with AWS SSO when a build needs it, once, in the user's own session.

pub mod commands;
pub mod home;
pub mod logging;
pub mod mode;
pub mod platform;
pub mod settings;
