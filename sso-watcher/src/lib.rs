//! sso-watcher: logs in with AWS SSO when a build needs it, once, in the user's own session.
//!
//! ```text
//! cli ─► commands ─┬─► agent (the loop: eyes, hands, tokens, journal) ─► decision (pure: what to do, and when)
//!                  │             │
//!                  │             ▼
//!                  ├─► session (silent renewal, probe, proof) ─► sso-session, AWS
//!                  ├─► login ──► aws_cli (search, login, verdict) ──► launch
//!                  ├─► person ─► desktop (notification, question, terminals, presence)
//!                  ├─► status, state_folder
//!                  └─► supervisor (launchd, systemd), settings, logging
//! ```
//!
//! `decision` knows no file, process or clock; only `clock` reads clocks; every program of the system is
//! started by `run`, or is the login itself. Which system's programs those are is a value, `platform`.

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
