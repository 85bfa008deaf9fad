//! Range requests (RFC 9110, section 14): one range of bytes; several are answered in full.

/// Which bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOutcome {
    /// All of them: no range, one that cannot be read, or several.
    Full,
    /// From `start` up to, not including, `end`.
    Partial {
        /// The first byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
    },
    /// 416: nothing of it exists.
    NotSatisfiable,
}

/// Reads a `Range` header for a body of `length` bytes.
#[must_use]
pub fn parse(header: Option<&str>, length: u64) -> RangeOutcome {
    let set = header.and_then(|header| {
        let (unit, set) = header.split_once('=')?;
        unit.trim()
            .eq_ignore_ascii_case("bytes")
            .then(|| set.trim())
    });
    let Some((first, last)) = set.and_then(|set| set.split_once('-')) else {
        return RangeOutcome::Full;
    };
    match (number(first), number(last)) {
        (Number::Absent, Number::Given(suffix)) => {
            partial(length.saturating_sub(suffix), length, length)
        }
        (Number::Given(start), Number::Absent) => partial(start, length, length),
        (Number::Given(start), Number::Given(last)) if start <= last => {
            partial(start, last.saturating_add(1).min(length), length)
        }
        (Number::Given(_) | Number::Absent | Number::Unreadable, _) => RangeOutcome::Full,
    }
}

fn partial(start: u64, end: u64, length: u64) -> RangeOutcome {
    if start < end && end <= length {
        RangeOutcome::Partial { start, end }
    } else {
        RangeOutcome::NotSatisfiable
    }
}

enum Number {
    Given(u64),
    Absent,
    Unreadable,
}

fn number(text: &str) -> Number {
    let text = text.trim();
    if text.is_empty() {
        return Number::Absent;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Unreadable;
    }
    // More digits than fit are still a number: one beyond every body.
    Number::Given(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ten(header: &str) -> RangeOutcome {
        parse(Some(header), 10)
    }

    #[test]
    fn one_range_in_each_of_its_forms() {
        assert_eq!(
            of_ten("bytes=0-0"),
            RangeOutcome::Partial { start: 0, end: 1 }
        );
        assert_eq!(
            of_ten("bytes=2-5"),
            RangeOutcome::Partial { start: 2, end: 6 }
        );
        assert_eq!(
            of_ten("bytes=7-"),
            RangeOutcome::Partial { start: 7, end: 10 }
        );
        assert_eq!(
            of_ten("bytes=-3"),
            RangeOutcome::Partial { start: 7, end: 10 }
        );
        assert_eq!(
            of_ten("bytes=-30"),
            RangeOutcome::Partial { start: 0, end: 10 }
        );
        assert_eq!(
            of_ten("Bytes = 8-99999999999999999999"),
            RangeOutcome::Partial { start: 8, end: 10 }
        );
    }

    #[test]
    fn what_does_not_exist_cannot_be_satisfied() {
        assert_eq!(of_ten("bytes=10-"), RangeOutcome::NotSatisfiable);
        assert_eq!(
            of_ten("bytes=99999999999999999999-"),
            RangeOutcome::NotSatisfiable
        );
        assert_eq!(of_ten("bytes=-0"), RangeOutcome::NotSatisfiable);
        assert_eq!(parse(Some("bytes=0-"), 0), RangeOutcome::NotSatisfiable);
    }

    #[test]
    fn what_cannot_be_read_is_answered_in_full() {
        for header in [
            "bytes=0-1,3-4",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=-",
            "bytes=",
            "items=0-1",
            "0-1",
            "",
        ] {
            assert_eq!(of_ten(header), RangeOutcome::Full, "{header}");
        }
        assert_eq!(parse(None, 10), RangeOutcome::Full);
    }
}
