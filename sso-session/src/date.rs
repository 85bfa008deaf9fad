//! Dates as the tools around AWS SSO write them: many forms in, one form out.
//!
//! The Rust SDK rejects `UTC` and numeric offsets, so only `2026-01-02T03:04:05Z` is written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::DateTime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// 0001-01-01T00:00:00Z, the first second that Python's dates know.
const FIRST_SECOND: i64 = -62_135_596_800;

/// 9999-12-31T23:59:59Z, the last second with a year of four digits.
const LAST_SECOND: i64 = 253_402_300_799;

/// Reads a date with a zone; the years 1 to 9999, beyond which an offset is cut.
///
/// Known forms: `…Z` (AWS CLI, Go), `….950104Z` (granted, JavaScript), `…UTC` (botocore), `…+00:00`
/// (Python's `isoformat`). A date without a zone means a different time to everyone, and is none.
#[must_use]
pub fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let (nanosecond, zone) = fraction(rest)?;
    let offset_seconds = offset_seconds(zone.trim_start())?;
    let narrow = |number: i32| i8::try_from(number).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok().filter(|year| *year > 0)?,
        narrow(month)?,
        narrow(day)?,
        narrow(hour)?,
        narrow(minute)?,
        // A leap second is the one before it.
        narrow(if second == 60 { 59 } else { second })?,
        nanosecond,
    )
    .ok()?;
    let since = civil.duration_since(EPOCH) - SignedDuration::from_secs(offset_seconds);
    let first = SignedDuration::from_secs(FIRST_SECOND);
    let last = SignedDuration::from_secs(LAST_SECOND);
    let since = since.clamp(first, last);
    if since.is_negative() {
        UNIX_EPOCH.checked_sub(since.unsigned_abs())
    } else {
        UNIX_EPOCH.checked_add(since.unsigned_abs())
    }
}

/// Writes `2026-01-02T03:04:05Z`. Fractions are cut; years stay within 0001 and 9999.
#[must_use]
pub fn format(time: SystemTime) -> String {
    let seconds = epoch_seconds(time).clamp(FIRST_SECOND, LAST_SECOND);
    let civil = EPOCH
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

/// The same time without its fraction of a second, as it is written.
#[must_use]
pub fn whole_seconds(time: SystemTime) -> SystemTime {
    from_epoch_seconds(epoch_seconds(time)).unwrap_or(time)
}

/// Whole seconds since 1970, rounded down.
#[must_use]
pub fn epoch_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let begun = u64::from(before.subsec_nanos() > 0);
            i64::try_from(before.as_secs() + begun).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

/// The time that many seconds after 1970, if the system can express it.
#[must_use]
pub fn from_epoch_seconds(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    }
}

/// Three numbers of just so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i32; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(digits) {
        *number = digits_only(parts.next()?, length)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn digits_only(text: &str, length: usize) -> Option<i32> {
    let right = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

/// The nanoseconds of `.950104`, of any length, and what follows.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else {
        return Some((0, text));
    };
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, zone) = rest.split_at(end);
    let nanoseconds = format!("{digits:0<9}").get(..9)?.parse().ok()?;
    (!digits.is_empty()).then_some((nanoseconds, zone))
}

/// Seconds east of Greenwich: `Z`, `UTC`, `GMT`, `+01:00`, `-0130`, `+01`.
fn offset_seconds(zone: &str) -> Option<i64> {
    if ["Z", "UTC", "GMT"]
        .iter()
        .any(|name| zone.eq_ignore_ascii_case(name))
    {
        return Some(0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let (hours, minutes) = (digits_only(hours, 2)?, digits_only(minutes, 2)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_in_the_wild_is_one_form_afterwards() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.950104Z",
            "2026-01-02T03:04:05.9501041234567890123456789Z",
            "2026-01-02T03:04:05UTC",
            "2026-01-02T03:04:05 UTC",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05.1+0000",
            "2026-01-02T04:04:05+01:00",
            "2026-01-01T21:34:05-0530",
            "2026-01-02T05:04:05+02",
            "2026-01-02t03:04:05z",
            "2026-01-02 03:04:05Z",
            " 2026-01-02T03:04:05Z\n",
        ] {
            let written = parse(text).map(format);
            assert_eq!(written.as_deref(), Some("2026-01-02T03:04:05Z"), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+1",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05PST",
            "2026-02-30T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:04:61Z",
            "0000-01-02T03:04:05Z",
            "+026-01-02T03:04:05Z",
            "2026-01-02T03:04:05ZZ",
            "２０２６-01-02T03:04:05Z",
            "2026-01-0é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn absurd_times_are_written_as_the_nearest_year_of_four_digits() {
        let farthest = UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert_eq!(format(farthest), "9999-12-31T23:59:59Z");
        let earliest = UNIX_EPOCH - Duration::from_secs(1 << 60);
        assert_eq!(format(earliest), "0001-01-01T00:00:00Z");
        let beyond = parse("9999-12-31T23:59:59-05:00").map(format);
        assert_eq!(beyond.as_deref(), Some("9999-12-31T23:59:59Z"));
        let leap = parse("2016-12-31T23:59:60Z").map(format);
        assert_eq!(leap.as_deref(), Some("2016-12-31T23:59:59Z"));
        let before_1970 = UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(format(before_1970), "1969-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_second(seconds in FIRST_SECOND..=LAST_SECOND) {
            let time = from_epoch_seconds(seconds).expect("in range");
            prop_assert_eq!(parse(&format(time)), Some(time));
            prop_assert_eq!(epoch_seconds(time), seconds);
        }

        #[test]
        fn fractions_are_cut_downwards(seconds in FIRST_SECOND..LAST_SECOND, nanos in 0_u32..1_000_000_000) {
            let whole = from_epoch_seconds(seconds).expect("in range");
            let time = whole + Duration::from_nanos(u64::from(nanos));
            prop_assert_eq!(whole_seconds(time), whole);
            prop_assert_eq!(format(time), format(whole));
        }

        #[test]
        fn any_text_is_a_date_or_none(text in "\\PC{0,40}") {
            let _parsed = parse(&text);
        }
    }
}
