//! Credentials for containers, as an ECS task gets them: which token stands for which service, and what
//! that service is given.
//!
//! ```text
//! main file ─► watched ─┐
//! folders ───► dynamic ─┴─► reload ─► merge ─► registry ─► watch<Table> ─► server (knows HTTP)
//!                                                 │           └─► Service ─► Supply ─► Issued
//!                                                 └─► keepers: one for each source and role in use
//! ```
//!
//! A request is answered from the [`Table`] in force and from what a keeper has published: no file, no call.

mod dynamic;
mod issued;
mod keepers;
mod merge;
mod registry;
mod reload;
mod supply;
mod table;
mod token;
mod watched;

use std::sync::Arc;

use tokio::sync::watch;

pub use issued::Issued;
pub use keepers::{Keepers, Wanted};
pub use merge::{Clash, Conflict, Merged};
pub use reload::{Reload, SharedVars, services_of};
pub use supply::Supply;
pub use table::{Service, Surroundings, Table};
pub use token::{SHORTEST_TOKEN, Tokens};

/// What is in force; cheap to clone.
#[derive(Clone, Debug)]
pub struct InForce(watch::Receiver<Arc<Table>>);

impl InForce {
    /// A view of what is published.
    #[must_use]
    pub fn new(tables: watch::Receiver<Arc<Table>>) -> Self {
        Self(tables)
    }

    /// The table of the moment.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.borrow())
    }
}
