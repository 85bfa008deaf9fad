//! HTTP: what clients ask is answered here, and nowhere else.
//!
//! ```text
//! accept ─► connection (reset on abort) ─► access ─► hosts ─► peers ─► router ─► health, numbers, page
//!                                                                           └──► hold ─► listing
//!                                                                                └──► artifact ─► conditions, range ─► body
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
mod html;
mod listing;
mod negotiation;
mod numbers;
mod page;
mod peers;
pub mod range;
mod router;
mod status;
mod troubles;
mod verdict;

pub use accept::{BindError, Listeners};
pub use page::Surroundings;
pub use router::{App, router};
pub use verdict::{Source, Verdict};
