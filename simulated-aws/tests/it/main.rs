//! The simulated AWS under the real SDK.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod codeartifact;
mod errors;
mod faults;
mod identity;
mod listing;
mod objects;
mod setup;
mod sso;
mod sts;
