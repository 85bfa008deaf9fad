//! sso-watcher: logs in with AWS SSO when a build needs it, once, in the user's own session.

pub mod platform;
pub mod run;
#[cfg(test)]
mod stand_ins;
pub mod supervisor;
