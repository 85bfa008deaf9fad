//! A cache of very many small objects, and the same files for nginx.

use std::path::Path;

use crate::failure::Failure;
use crate::origin::Origin;
use crate::servers::ProxyBuilder;
use crate::store::{Artifact, Store};

/// Of each object, in bytes: with its header it still fits into one block of the disk.
const OBJECT_BYTES: u64 = 1024;

/// The objects, and the origin that they are said to be from.
pub(crate) struct Crowd {
    /// The folders.
    pub(crate) store: Store,
    /// All that is in them.
    pub(crate) artifacts: Vec<Artifact>,
    origin: Origin,
}

impl Crowd {
    /// Writes `count` objects.
    pub(crate) fn gather(count: usize) -> Result<Self, Failure> {
        let origin = Origin::start()?;
        let mut store = Store::new(origin.address())?;
        let artifacts = store.add("crowd", count, OBJECT_BYTES)?;
        Ok(Self {
            store,
            artifacts,
            origin,
        })
    }

    /// A proxy over it.
    pub(crate) fn proxy(&self, program: &Path) -> ProxyBuilder {
        ProxyBuilder::new(program, self.origin.address()).cache(&self.store.cache())
    }
}
