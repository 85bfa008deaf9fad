//! Credentials for containers, as an ECS task gets them: which token stands for which service, and what
//! that service is given.
//!
//! ```text
//! configuration, files of dynamic services ─► reload ─► watch<Table> ─► server (knows HTTP)
//!                                               │          └─► Service ─► Supply ─► document
//!                                               └─► keepers: one for each source and role in use
//! ```
//!
//! A request is answered from the [`Table`] in force and from what a keeper has published: no file, no call.

mod issued;
mod supply;
mod table;
mod token;

use std::sync::Arc;

use tokio::sync::watch;

pub use issued::Issued;
pub use supply::Supply;
pub use table::{Service, Table};
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
