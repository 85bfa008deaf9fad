//! Conditional requests, as RFC 9110 §13.2.2 orders them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{ETagCondition, Timestamp};

/// The conditions of a request.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the headers are named so")]
pub(crate) struct Conditions<'a> {
    pub(crate) if_match: Option<&'a ETagCondition>,
    pub(crate) if_none_match: Option<&'a ETagCondition>,
    pub(crate) if_modified_since: Option<&'a Timestamp>,
    pub(crate) if_unmodified_since: Option<&'a Timestamp>,
}

/// What the conditions make of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Proceed,
    NotModified,
    PreconditionFailed,
}

impl Conditions<'_> {
    /// Judges an object by its entity tag, without quotes, and its time. Tags outrank times.
    pub(crate) fn judge(&self, etag: &str, modified: SystemTime) -> Outcome {
        let modified = whole_seconds(modified);
        let fails = match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !names(condition, etag),
            (None, Some(since)) => modified > *since,
            (None, None) => false,
        };
        let known = match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => names(condition, etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        match (fails, known) {
            (true, _) => Outcome::PreconditionFailed,
            (false, true) => Outcome::NotModified,
            (false, false) => Outcome::Proceed,
        }
    }
}

fn names(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(named) => named.value() == etag,
    }
}

/// HTTP's times have no fractions, so a file's own would always look newer.
fn whole_seconds(time: SystemTime) -> Timestamp {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_tag_outranks_a_time() {
        let same = ETagCondition::ETag(ETag::Strong("tag".to_owned()));
        let other = ETagCondition::ETag(ETag::Strong("other".to_owned()));
        let modified = at(1_000) + Duration::from_millis(500);
        let (early, late) = (Timestamp::from(at(999)), Timestamp::from(at(1_000)));
        let judge = |conditions: Conditions<'_>| conditions.judge("tag", modified);

        let none = Conditions::default;
        assert_eq!(judge(none()), Outcome::Proceed);
        assert_eq!(
            judge(Conditions {
                if_none_match: Some(&same),
                ..none()
            }),
            Outcome::NotModified
        );
        assert_eq!(
            judge(Conditions {
                if_modified_since: Some(&late),
                ..none()
            }),
            Outcome::NotModified
        );
        assert_eq!(
            judge(Conditions {
                if_modified_since: Some(&early),
                ..none()
            }),
            Outcome::Proceed
        );
        let both = Conditions {
            if_none_match: Some(&other),
            if_modified_since: Some(&late),
            ..none()
        };
        assert_eq!(judge(both), Outcome::Proceed);
        let failed = Outcome::PreconditionFailed;
        assert_eq!(
            judge(Conditions {
                if_match: Some(&other),
                ..none()
            }),
            failed
        );
        assert_eq!(
            judge(Conditions {
                if_unmodified_since: Some(&early),
                ..none()
            }),
            failed
        );
        let both = Conditions {
            if_match: Some(&same),
            if_unmodified_since: Some(&early),
            ..none()
        };
        assert_eq!(judge(both), Outcome::Proceed);
    }
}
