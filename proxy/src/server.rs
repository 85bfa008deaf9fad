//! HTTP: what clients ask is answered here, and nowhere else.
//!
//! ```text
//! accept ─► connection (reset on abort) ─► hosts ─► peers ─► router ─► health
//!                                                        └──► hold ─► listing
//!                                                             └──► artifact ─► conditions, range ─► body
//! ```

mod accept;
mod artifact;
mod body;
mod conditions;
mod connection;
mod health;
mod hold;
mod hosts;
mod listing;
mod numbers;
mod peers;
pub mod range;
mod router;
mod status;

pub use accept::{BindError, Listeners};
pub use router::{App, router};
