//! AWS SSO (IAM Identity Center) sessions as the files that everyone on a machine shares: the contract
//! of the proxy, in its container, and the agent that logs in, on the host.
//!
//! ```text
//! location ─► config ────► whose session: start URL, account, role, chain of roles
//!        ├──► token, registration ─► disk (one door: temp, fsync, rename)
//!        ├──► signal ──────────────► disk
//!        └──► lock ─► refresh ─► oidc ─► verdict (what an answer means)
//!              │         └─────► token            ▲
//!              │      portal (role credentials) ──┘
//!              └► process (which one is meant, though ids are given out again)
//! http_client ──► oidc, portal
//! ```
//!
//! No HTTP server, no environment, no memory of its own: variables and times come in as arguments,
//! and files are read afresh each time.

pub mod config;
pub mod date;
pub mod disk;
mod document;
pub mod failure;
pub mod http_client;
pub mod location;
pub mod lock;
mod nonce;
pub mod oidc;
pub mod portal;
pub mod process;
pub mod refresh;
pub mod registration;
pub mod secret;
pub mod signal;
pub mod token;
pub mod verdict;
