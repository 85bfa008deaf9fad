//! A part of an object, and how it is asked for.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;

use super::Origin;
use super::call::Refusal;
use super::operation::Operation;
use crate::artifact::ArtifactKey;
use crate::error::Error;

/// Bytes of an object from `start` up to, and without, `end`. There is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Of the whole object.
    pub(super) length: u64,
}

/// What S3 sends for an extent.
pub(super) enum Sent {
    /// It.
    Extent(ByteStream),
    /// The whole object: an S3, or something before it, that knows no ranges.
    Whole,
}

/// Whether an answer has to tell the whole object's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToldLength {
    /// Of bytes that are fetched beside others.
    Needed,
    /// It may say `*` (RFC 9110, 14.4): a resumption goes on with an object whose length was promised, and
    /// without it there is no other way to the end.
    MayBeMissing,
}

impl Extent {
    pub(super) fn bytes(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The value of `Range`.
    pub(super) fn range(self) -> String {
        let start = self.start;
        if self.end == self.length {
            return format!("bytes={start}-");
        }
        format!("bytes={start}-{}", self.last())
    }

    /// Whether it is what a `Content-Range` announces.
    fn is(self, content_range: &str, told: ToldLength) -> bool {
        let of = content_range.strip_prefix(&format!("bytes {}-{}/", self.start, self.last()));
        of.is_some_and(|length| match told {
            ToldLength::MayBeMissing if length == "*" => true,
            ToldLength::MayBeMissing | ToldLength::Needed => length == self.length.to_string(),
        })
    }

    fn last(self) -> u64 {
        self.end.saturating_sub(1)
    }

    /// Asks S3 for it, of the object with this entity tag only.
    pub(super) async fn get(
        self,
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        etag: &str,
        told: ToldLength,
        patience: Duration,
    ) -> Result<Sent, Refusal> {
        let answer = origin.call(Operation::GetObject, patience, |client| {
            client
                .get_object()
                .bucket(&origin.bucket)
                .key(origin.s3_key(key))
                .range(self.range())
                .if_match(etag)
                .send()
        });
        self.read(answer.await?, etag, told)
    }

    fn read(self, answer: GetObjectOutput, etag: &str, told: ToldLength) -> Result<Sent, Refusal> {
        // Not every S3 honours If-Match.
        if answer.e_tag().is_some_and(|given| given != etag) {
            return Err(Error::Changed.into());
        }
        match answer.content_range() {
            None => Ok(Sent::Whole),
            Some(range) if self.is(range, told) => Ok(Sent::Extent(answer.body)),
            Some(range) => Err(Error::Corrupt(format!(
                "S3 was asked for {} and sends {range}",
                self.range()
            ))
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: Extent = Extent {
        start: 5,
        end: 8,
        length: 10,
    };

    #[test]
    fn an_extent_is_asked_for_by_its_last_byte_unless_that_is_the_objects() {
        assert_eq!(MIDDLE.range(), "bytes=5-7");
        let rest = Extent { end: 10, ..MIDDLE };
        assert_eq!(rest.range(), "bytes=5-");
        assert!(rest.is("bytes 5-9/10", ToldLength::Needed));
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let answer = |range: Option<&str>, etag: &str| {
            let answer = GetObjectOutput::builder().e_tag(etag);
            let answer = answer.set_content_range(range.map(str::to_owned)).build();
            MIDDLE.read(answer, "\"a\"", ToldLength::Needed)
        };
        let right = Some("bytes 5-7/10");
        assert!(matches!(answer(right, "\"a\""), Ok(Sent::Extent(_))));
        assert!(matches!(answer(None, "\"a\""), Ok(Sent::Whole)));
        let changed = answer(right, "\"b\"");
        assert!(matches!(changed, Err(Refusal::Error(Error::Changed))));
        for other in [
            "bytes 4-7/10",
            "bytes 5-8/10",
            "bytes 5-7/11",
            "bytes 5-7/*",
        ] {
            let other = answer(Some(other), "\"a\"");
            assert!(matches!(other, Err(Refusal::Error(Error::Corrupt(_)))));
        }
    }

    #[test]
    fn a_resumption_does_without_the_objects_length_but_not_with_another_one() {
        let is = |range: &str| MIDDLE.is(range, ToldLength::MayBeMissing);
        assert!(is("bytes 5-7/10"));
        assert!(is("bytes 5-7/*"));
        for other in [
            "bytes 4-7/*",
            "bytes 5-8/*",
            "bytes 5-7/11",
            "bytes 5-7/",
            "bytes 5-7",
            "bytes */10",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
