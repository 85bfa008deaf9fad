//! sso-watcher: logs in with AWS SSO when a build needs it, once, in the user's own session.

pub mod agent;
pub mod aws_cli;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod decision;
pub mod desktop;
pub mod home;
mod launch;
pub mod logging;
mod login;
pub mod mode;
pub mod moment;
mod person;
pub mod platform;
pub mod run;
pub mod said;
pub mod session;
pub mod settings;
#[cfg(test)]
mod stand_ins;
pub mod state_folder;
pub mod status;
pub mod supervisor;
