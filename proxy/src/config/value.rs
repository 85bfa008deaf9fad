//! One reader for all variables: parses a value, or notes a fault and goes on with the default.

use std::str::FromStr;
use std::time::Duration;

use super::{Fault, Faults};

/// Timers cannot count everything that a `Duration` can hold.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Reads variables and gathers faults.
pub(super) struct Reader<'a, F> {
    vars: &'a F,
    faults: Vec<Fault>,
}

impl<'a, F: Fn(&str) -> Option<String>> Reader<'a, F> {
    pub(super) fn new(vars: &'a F) -> Self {
        Self {
            vars,
            faults: Vec::new(),
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Faults> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(Faults(self.faults))
        }
    }

    pub(super) fn fault(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.faults.push(Fault {
            variable,
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    /// The trimmed value; empty counts as unset.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        let value = (self.vars)(variable)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    pub(super) fn is_set(&self, variable: &str) -> bool {
        self.text(variable).is_some()
    }

    /// Items separated by commas or white space.
    pub(super) fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        let items = text.split([',', ' ', '\t']).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    pub(super) fn number<N: FromStr>(
        &mut self,
        variable: &'static str,
        default: N,
        expected: &str,
    ) -> N {
        let Some(text) = self.text(variable) else {
            return default;
        };
        text.parse().unwrap_or_else(|_| {
            self.fault(
                variable,
                format!("`{text}` is not {expected}"),
                format!("give {expected}"),
            );
            default
        })
    }

    /// Seconds, or a number with `ms`, `s`, `m` or `h`.
    pub(super) fn duration(
        &mut self,
        variable: &'static str,
        default: Duration,
        least: Duration,
    ) -> Duration {
        let Some(text) = self.text(variable) else {
            return default;
        };
        match parse_duration(&text) {
            Some(duration) if (least..=LONGEST).contains(&duration) => duration,
            Some(duration) => {
                let (what, cure) = if duration < least {
                    ("short", format!("at least {least:?}"))
                } else {
                    ("long", "at most a year".to_owned())
                };
                self.fault(variable, format!("`{text}` is too {what}"), cure);
                default
            }
            None => {
                let problem = format!("`{text}` is not a duration");
                self.fault(
                    variable,
                    problem,
                    "give seconds (60), or a number with ms, s, m or h",
                );
                default
            }
        }
    }

    /// Bytes, or a number with `K`, `M`, `G` or `T` (powers of 1024; `KiB`, `KB` alike).
    pub(super) fn size(&mut self, variable: &'static str, default: u64) -> u64 {
        let Some(text) = self.text(variable) else {
            return default;
        };
        parse_size(&text).unwrap_or_else(|| {
            let problem = format!("`{text}` is not a size");
            self.fault(
                variable,
                problem,
                "give bytes, or a number with KiB, MiB, GiB or TiB",
            );
            default
        })
    }
}

fn split_number(text: &str) -> Option<(f64, String)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_number(text)?;
    let seconds = match unit.as_str() {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a configured size needs no more than 52 bits of precision, and is checked to be in range"
)]
fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let factor: u64 = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    let bytes = number * factor as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_unless_they_say_otherwise() {
        assert_eq!(parse_duration("60"), Some(Duration::from_mins(1)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_mins(2)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_hours(1)));
        for wrong in ["", "-1", "soon", "1d", "1e999"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_otherwise() {
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("20GiB"), Some(20 << 30));
        assert_eq!(parse_size("1.5 G"), Some(3 << 29));
        assert_eq!(parse_size("512mb"), Some(512 << 20));
        for wrong in ["", "GiB", "-1", "20 apples", "99999999999T"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }
}
