//! The way out of this module: a download whose end is proof that all of it is right.

use bytes::Bytes;

use super::{ObjectHead, ObjectStream};
use crate::checksum::{Hasher, Verified};
use crate::error::Error;

/// An [`ObjectStream`] that gives away its last bytes only when all of them were verified.
pub struct VerifiedDownload {
    stream: ObjectStream,
    hasher: Option<Hasher>,
    verified: Option<Verified>,
}

impl VerifiedDownload {
    /// Takes a stream at its start.
    #[must_use]
    pub fn new(stream: ObjectStream) -> Self {
        let hasher = Hasher::new(stream.head().expected.clone());
        Self {
            stream,
            hasher: Some(hasher),
            verified: None,
        }
    }

    /// What was said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        self.stream.head()
    }

    /// The next bytes; `None` at the end.
    ///
    /// Fails with [`Error::Corrupt`] instead of the last bytes if the body is not what was
    /// promised.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = self.stream.next().await?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, &bytes) {
            hasher.update(bytes);
        }
        if let Some(hasher) = self.hasher.take_if(|hasher| hasher.is_complete()) {
            let verified = hasher.finish().map_err(|mismatch| {
                let why = mismatch.to_string();
                self.stream.blame(&why);
                Error::Corrupt(why)
            })?;
            self.stream.vouch();
            self.verified = Some(verified);
        }
        Ok(bytes)
    }

    /// The proof, once [`Self::next`] has given the last bytes.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }
}
