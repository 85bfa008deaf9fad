//! HTTP: what clients ask is answered here, and nowhere else.
//!
//! ```text
//! accept ─► connection (reset on abort) ─► access ─► hosts ─► router ─► health, numbers
//!                                                                 └──► hold ─► listing
//!                                                                      └──► artifact ─► conditions, range ─► body
//! ```

mod accept;
mod access;
mod artifact;
mod body;
mod conditions;
mod connection;
mod health;
mod hold;
mod hosts;
mod listing;
mod numbers;
pub mod range;
mod router;
mod status;
mod verdict;

pub use accept::{BindError, Listeners};
pub use router::{App, router};
pub use verdict::{Source, Verdict};
