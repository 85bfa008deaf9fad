//! The agent's parts against the real AWS CLIs.
//!
//! Skipped, with a message, where a CLI is not installed (`tests/install-clients.sh` does that); with
//! `REAL_CLIENTS=required` its absence is a failure.

mod logins;
mod world;
