//! One reader for all variables: parses a value, or notes a fault and goes on with the default.

mod checked;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::Program;
use crate::faults::{Fault, Faults, Subject};

/// A year: timers cannot count everything that a `Duration` can hold.
pub const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Reads variables and gathers faults.
pub struct Reader<'a> {
    program: Program,
    vars: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// Reads through a function, so that tests never touch the process's environment.
    pub fn new(program: Program, vars: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            program,
            vars,
            faults: Vec::new(),
        }
    }

    /// The value that was made of all variables, if none of them is at fault.
    pub fn finish<T>(self, value: T) -> Result<T, Faults> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(Faults {
                program: self.program,
                list: self.faults,
            })
        }
    }

    /// Notes what is wrong with a variable, and what to write instead. No secrets.
    pub fn fault(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.push(Fault {
            subject: Subject::Variable(variable),
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    /// Notes a fault of something else than a variable, or of several.
    pub fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The trimmed value; empty counts as unset.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<String> {
        let value = (self.vars)(variable)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// Whether there is a value.
    #[must_use]
    pub fn is_set(&self, variable: &str) -> bool {
        self.text(variable).is_some()
    }

    /// Items separated by commas or white space.
    #[must_use]
    pub fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        let items = text.split([',', ' ', '\t']).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    /// A number of the type; `expected` says which are meant.
    pub fn number<N: FromStr>(&mut self, variable: &'static str, default: N, expected: &str) -> N {
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

    /// A number within bounds.
    pub fn number_within<N: FromStr + PartialOrd + Display + Copy>(
        &mut self,
        variable: &'static str,
        default: N,
        bounds: RangeInclusive<N>,
    ) -> N {
        let expected = format!("a number from {} to {}", bounds.start(), bounds.end());
        let number = self.number(variable, default, &expected);
        if bounds.contains(&number) {
            return number;
        }
        let problem = format!("`{number}` is not {expected}");
        self.fault(variable, problem, format!("give {expected}"));
        default
    }

    /// Seconds, or a number with `ms`, `s`, `m` or `h`; within bounds that end at [`LONGEST`].
    pub fn duration(
        &mut self,
        variable: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(text) = self.text(variable) else {
            return default;
        };
        let (problem, cure) = match duration_of(&text) {
            Some(duration) if bounds.contains(&duration) => return duration,
            Some(duration) if duration < *bounds.start() => {
                let cure = format!("at least {:?}", bounds.start());
                (format!("`{text}` is too short"), cure)
            }
            Some(_) => {
                let cure = if *bounds.end() == LONGEST {
                    "at most a year".to_owned()
                } else {
                    format!("at most {:?}", bounds.end())
                };
                (format!("`{text}` is too long"), cure)
            }
            None => (
                format!("`{text}` is not a duration"),
                "give seconds (60), or a number with ms, s, m or h".to_owned(),
            ),
        };
        self.fault(variable, problem, cure);
        default
    }

    /// Bytes, or a number with `K`, `M`, `G` or `T` (powers of 1024; `KiB`, `KB` alike).
    pub fn size(&mut self, variable: &'static str, default: u64) -> u64 {
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

/// Seconds, or a number with `ms`, `s`, `m` or `h`.
#[must_use]
pub fn duration_of(text: &str) -> Option<Duration> {
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
        assert_eq!(duration_of("60"), Some(Duration::from_mins(1)));
        assert_eq!(duration_of("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration_of("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration_of("2m"), Some(Duration::from_mins(2)));
        assert_eq!(duration_of("1h"), Some(Duration::from_hours(1)));
        for wrong in ["", "-1", "soon", "1d", "1e999"] {
            assert_eq!(duration_of(wrong), None, "{wrong}");
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
