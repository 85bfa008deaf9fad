//! HTTP: what clients ask is answered here, and nowhere else.
//!
//! ```text
//! accept ─► connection (reset on abort) ─► service ─► access ─► hosts ─┬─► artifact in memory ─► content
//!                                                                      ├─► codeartifact ─► hold ─► artifact
//!                                                                      └─► peers ─┬─► health, numbers, page
//!                                                                                 └─► hold ─► listing
//!                                                                                      └─► artifact ─► content
//!    │      ┌─► credentials (for containers)
//!    └──────┴─► scrape (metrics alone)
//! ```
//!
//! Each listener has a service of its own behind the same accept loop, with TLS before it where that is wanted.

mod accept;
mod access;
mod answering;
mod app;
mod artifact;
mod browsers;
mod codeartifact;
mod conditions;
mod connection;
mod content;
mod credentials;
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
mod scrape;
mod service;
mod status;
mod tls;
mod troubles;
mod verdict;

pub use accept::{BindError, Listeners};
pub use answering::{Answers, Bounds, Client};
pub use app::{App, Bucket, Wares};
pub use credentials::CredentialsService;
pub use page::Surroundings;
pub use scrape::MetricsService;
pub use service::Service;
pub use tls::{Tls, TlsError};
pub use verdict::{Source, Verdict};
