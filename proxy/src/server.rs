//! HTTP: what clients ask is answered here, and nowhere else.
//!
//! ```text
//! accept ─► connection (reset on abort) ─► service ─► access ─► hosts ─┬─► artifact in memory ─► content
//!                                                                      └─► peers ─┬─► health, numbers, page
//!                                                                                 └─► hold ─► listing
//!                                                                                      └─► artifact ─► content
//! ```

mod accept;
mod access;
mod app;
mod artifact;
mod conditions;
mod connection;
mod content;
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
mod service;
mod status;
mod troubles;
mod verdict;

pub use accept::{BindError, Listeners};
pub use app::App;
pub use page::Surroundings;
pub use service::Service;
pub use verdict::{Source, Verdict};
