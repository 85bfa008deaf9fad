//! The way out of this module: a download whose end is proof that all of it is right.

use bytes::Bytes;

use super::{ObjectHead, ObjectStream};
use crate::checksum::{Digests, Hasher, Mismatch, Tally, Verified};
use crate::error::Error;

/// An [`ObjectStream`] that gives away its last bytes only when all of them were verified.
pub struct VerifiedDownload {
    stream: ObjectStream,
    /// Received, but not asked for yet.
    ahead: Option<Bytes>,
    hasher: Option<Hasher>,
    verified: Option<Verified>,
}

/// A download whose digests somebody else computes: what it gives is as it was received, and
/// [`Self::check`] and [`Self::verify`] say whether the last bytes may be given away.
pub struct Reception {
    stream: ObjectStream,
    ahead: Option<Bytes>,
    tally: Tally,
}

impl VerifiedDownload {
    /// Takes a stream at its start.
    #[must_use]
    pub fn new(stream: ObjectStream) -> Self {
        let hasher = Hasher::new(stream.head().expected.clone());
        Self {
            stream,
            ahead: None,
            hasher: Some(hasher),
            verified: None,
        }
    }

    /// What was said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        self.stream.head()
    }

    /// Receives the first bytes, if there was no need for them yet.
    pub async fn look_ahead(&mut self) -> Result<(), Error> {
        if self.ahead.is_none() {
            self.ahead = self.stream.next().await?;
        }
        Ok(())
    }

    /// The next bytes; `None` at the end.
    ///
    /// Fails with [`Error::Corrupt`] instead of the last bytes if the body is not what was
    /// promised.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = next(&mut self.ahead, &mut self.stream).await?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, &bytes) {
            hasher.update(bytes);
        }
        if let Some(hasher) = self.hasher.take_if(|hasher| hasher.is_complete()) {
            self.verified = Some(judged(&self.stream, hasher.finish())?);
            self.stream.vouch();
        }
        Ok(bytes)
    }

    /// The proof, once [`Self::next`] has given the last bytes.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// The same, before any byte was asked for, with the digests left to the caller.
    #[must_use]
    pub fn receive(self) -> (Reception, Digests) {
        let expected = self.stream.head().expected.clone();
        let (tally, digests) = Hasher::new(expected).split();
        let reception = Reception {
            stream: self.stream,
            ahead: self.ahead,
            tally,
        };
        (reception, digests)
    }
}

impl Reception {
    /// What was said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        self.stream.head()
    }

    /// The next bytes, not verified; `None` at the promised length.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = next(&mut self.ahead, &mut self.stream).await?;
        if let Some(bytes) = &bytes {
            self.tally.update(bytes);
        }
        Ok(bytes)
    }

    /// Whether the origin has promised what only digests can tell.
    #[must_use]
    pub fn needs_digests(&self) -> bool {
        self.tally.needs_digests()
    }

    /// Compares the body with what is promised beside digests.
    pub fn check(&self) -> Result<(), Error> {
        judged(&self.stream, self.tally.check())?;
        if !self.needs_digests() {
            self.stream.vouch();
        }
        Ok(())
    }

    /// Compares the body with all that is promised.
    pub fn verify(&self, digests: Digests) -> Result<Verified, Error> {
        let verified = judged(&self.stream, self.tally.finish(digests))?;
        self.stream.vouch();
        Ok(verified)
    }

    /// Lets go of the connection: all has been received.
    #[must_use]
    pub fn into_tally(self) -> Tally {
        self.tally
    }
}

async fn next(
    ahead: &mut Option<Bytes>,
    stream: &mut ObjectStream,
) -> Result<Option<Bytes>, Error> {
    match ahead.take() {
        Some(bytes) => Ok(Some(bytes)),
        None => stream.next().await,
    }
}

/// Blames whoever has sent what is not as promised.
fn judged<T>(stream: &ObjectStream, outcome: Result<T, Mismatch>) -> Result<T, Error> {
    outcome.map_err(|mismatch| {
        let why = mismatch.to_string();
        stream.blame(&why);
        Error::Corrupt(why)
    })
}
