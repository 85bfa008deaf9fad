//! sso-watcher: logs in with AWS SSO when a build needs it, once, in the user's own session.

pub mod aws_cli;
pub mod decision;
pub mod desktop;
pub mod mode;
pub mod moment;
pub mod platform;
pub mod run;
pub mod said;
#[cfg(test)]
mod stand_ins;
