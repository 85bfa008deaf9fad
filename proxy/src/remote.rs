//! The far side of a fetch: whoever has the objects that [`Fetcher`](crate::fetch::Fetcher) looks for. S3
//! ([`Origin`](crate::origin::Origin)) is one, CodeArtifact another.
//!
//! What comes over is a [`Body`] that mends itself; what leaves this module is a [`VerifiedDownload`], whose
//! end is proof that all of it is right.

mod verified;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use verified::{Reception, VerifiedDownload};

use crate::artifact::{ArtifactKey, Freshness};
use crate::checksum::Expected;
use crate::error::Error;
use crate::object::ObjectAttributes;

/// What is said of an object before its body.
#[derive(Clone, Debug)]
pub struct ObjectHead {
    /// Length and validators.
    pub attributes: ObjectAttributes,
    /// What its body must be.
    pub expected: Expected,
}

/// The outcome of asking whether a cached copy is still good.
pub enum Revalidation {
    /// It is.
    NotModified,
    /// There is a newer one, on its way.
    Changed(Box<dyn Body>),
}

/// Who has objects by key.
pub trait Remote: Send + Sync + 'static {
    /// Starts a download, whose body follows as a stream that mends itself.
    fn get(self: Arc<Self>, key: ArtifactKey) -> BoxFuture<'static, Result<Box<dyn Body>, Error>>;

    /// Asks for an object's attributes, without its body.
    fn head(
        self: Arc<Self>,
        key: ArtifactKey,
    ) -> BoxFuture<'static, Result<ObjectAttributes, Error>> {
        // Where nothing else than a download tells.
        Box::pin(async move { Ok(self.get(key).await?.head().attributes.clone()) })
    }

    /// Asks whether a copy is still good, giving up after `patience`: the copy can be served.
    fn revalidate(
        self: Arc<Self>,
        key: ArtifactKey,
        copy: ObjectAttributes,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Revalidation, Error>>;

    /// [`Error::LoginRequired`] where it is known already that nothing can be fetched without one.
    fn refuse_without_login(&self) -> Result<(), Error>;

    /// Whether what a key names may change. Any text may be asked about; every hit asks.
    fn freshness(&self, key: &str) -> Freshness;

    /// Since when copies of a mutable object that were validated before are known to be old.
    fn changed_at(&self, _key: &str) -> Option<SystemTime> {
        None
    }

    /// Whether a copy of a mutable object, stored or confirmed at that time, is known to be old, however young it is.
    fn is_old(&self, key: &str, validated_at: SystemTime) -> bool {
        let changed_at = self.changed_at(key);
        changed_at.is_some_and(|changed_at| validated_at <= changed_at)
    }

    /// Whether it is remembered for a moment that there is no such object.
    fn remembers_missing(&self) -> bool {
        true
    }
}

/// The body of one object on its way, from its start.
pub trait Body: Send + Sync {
    /// What was said before it.
    fn head(&self) -> &ObjectHead;

    /// The next bytes; `None` at the promised length, never before it.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>>;

    /// Who has sent what has come so far.
    fn witness(&self) -> Box<dyn Witness>;
}

/// Whoever has had a part in a body: outlives its connection, to be told how the body has turned out.
pub trait Witness: Send {
    /// The body has turned out right.
    fn vouch(&self) {}

    /// The body has turned out wrong.
    fn blame(&self, _why: &str) {}
}

/// A sender for whom nothing follows from what has turned out of a body.
pub struct NoWitness;

impl Witness for NoWitness {}
