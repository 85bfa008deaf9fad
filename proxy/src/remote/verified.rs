//! The way out of this module: a download whose end is proof that all of it is right.

use bytes::Bytes;

use super::{Body, ObjectHead, Witness};
use crate::checksum::{Digests, Hasher, Mismatch, Tally, Verified};
use crate::error::Error;

/// A [`Body`] that gives away its last bytes only when all of them were verified.
pub struct VerifiedDownload {
    stream: Box<dyn Body>,
    /// Received, but not asked for yet.
    ahead: Option<Bytes>,
    hasher: Option<Hasher>,
    verified: Option<Verified>,
}

/// A download whose digests somebody else computes: what it gives is as it was received, and
/// [`Self::check`] and [`Self::verify`] say whether the last bytes may be given away.
pub struct Reception {
    stream: Box<dyn Body>,
    ahead: Option<Bytes>,
    tally: Tally,
}

/// What is left of a [`Reception`] whose bytes were given away before all digests were known: no
/// connection and no place among the calls, but still a word on whoever has sent them.
pub struct Judge {
    tally: Tally,
    witness: Box<dyn Witness>,
}

impl VerifiedDownload {
    /// Takes a stream at its start.
    #[must_use]
    pub fn new(stream: Box<dyn Body>) -> Self {
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
            self.verified = Some(proven(&*self.stream.witness(), hasher.finish())?);
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

    /// Compares the body with what is promised beside digests. Whoever has sent it is vouched for only if
    /// that is all that is promised: a digest may still be wrong.
    pub fn check(&self) -> Result<(), Error> {
        let witness = self.stream.witness();
        let witness = &*witness;
        if self.tally.has_digests_promised() {
            judged(witness, self.tally.check())
        } else {
            proven(witness, self.tally.check())
        }
    }

    /// Compares the body with all that is promised.
    pub fn verify(&self, digests: Digests) -> Result<Verified, Error> {
        proven(&*self.stream.witness(), self.tally.finish(digests))
    }

    /// Lets go of the connection and its place among the calls: all has been received.
    #[must_use]
    pub fn into_judge(self) -> Judge {
        Judge {
            tally: self.tally,
            witness: self.stream.witness(),
        }
    }
}

impl Judge {
    /// Compares the body with all that is promised.
    pub fn verify(&self, digests: Digests) -> Result<Verified, Error> {
        proven(&*self.witness, self.tally.finish(digests))
    }
}

async fn next(
    ahead: &mut Option<Bytes>,
    stream: &mut Box<dyn Body>,
) -> Result<Option<Bytes>, Error> {
    match ahead.take() {
        Some(bytes) => Ok(Some(bytes)),
        None => stream.next().await,
    }
}

/// Vouches for whoever has sent what is as promised in all, and blames them for what is not.
fn proven<T>(witness: &dyn Witness, outcome: Result<T, Mismatch>) -> Result<T, Error> {
    let proof = judged(witness, outcome)?;
    witness.vouch();
    Ok(proof)
}

/// Blames whoever has sent what is not as promised.
fn judged<T>(witness: &dyn Witness, outcome: Result<T, Mismatch>) -> Result<T, Error> {
    outcome.map_err(|mismatch| {
        let why = mismatch.to_string();
        witness.blame(&why);
        Error::Corrupt(why)
    })
}
