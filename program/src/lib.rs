//! What bazel-proxy and sso-watcher have in common as programs: the environment with `.env` in it,
//! variables and their faults, the log's limits, and the lines of a check.
//!
//! ```text
//! dotenv ─► environment ─► reader ─► the program's configuration, or all faults at once
//! ```
//!
//! Which variables there are, and what they mean, is each program's own.

pub mod command_line;
pub mod dotenv;
pub mod environment;
pub mod faults;
pub mod logging;
pub mod reader;
pub mod report;
pub mod variable;

/// Who reads variables, and what its users are told about where those come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name, as typed.
    pub name: &'static str,
    /// Where variables come from: whole sentences, the end of every report of faults.
    pub variables_come_from: &'static str,
}
