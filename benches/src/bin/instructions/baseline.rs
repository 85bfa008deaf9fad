//! The committed counts, and what is said of newer ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::Outcome;
use crate::measure::Measurement;
use crate::paths;
use crate::tools::Tools;

/// In percent of the baseline: counts of the same code are within 1 %, and a compiler may move them by a few.
const ALLOWANCE_PERCENT: u64 = 10;

const HEAD: &str = "\
# Instructions of the release program for one request, as benches/instructions.sh counts them. A count that is more than
# 10 % above its number fails .ci/run. To accept new ones: benches/instructions.sh --accept
";

/// What was accepted, and with what it was counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Baseline {
    tools: BTreeMap<String, String>,
    instructions: BTreeMap<String, u64>,
}

/// What a count is beside its baseline.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    AsBefore,
    Above,
    Below,
}

impl Verdict {
    fn of(before: u64, now: u64) -> Self {
        let (before, now) = (u128::from(before), u128::from(now));
        let allowance = u128::from(ALLOWANCE_PERCENT);
        if now * 100 > before * (100 + allowance) {
            Self::Above
        } else if now * 100 < before * (100 - allowance) {
            Self::Below
        } else {
            Self::AsBefore
        }
    }
}

impl Baseline {
    pub(crate) fn of(measured: &[Measurement], tools: &Tools) -> Self {
        let counts = measured
            .iter()
            .map(|measurement| (measurement.path.name.to_owned(), measurement.instructions));
        Self {
            tools: versions(tools),
            instructions: counts.collect(),
        }
    }

    pub(crate) fn read(file: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(file).map_err(|error| {
            format!(
                "{}: {error}. benches/instructions.sh --accept writes it.",
                file.display()
            )
        })?;
        Self::parse(&text)
            .and_then(|baseline| {
                baseline
                    .instructions
                    .keys()
                    .try_for_each(|name| paths::named(name).map(drop))?;
                Ok(baseline)
            })
            .map_err(|problem| {
                format!(
                    "{}: {problem}. benches/instructions.sh --accept writes it anew.",
                    file.display()
                )
            })
    }

    /// Tables of `name = value`, which is as much of TOML as is written here.
    fn parse(text: &str) -> Outcome<Self> {
        let mut baseline = Self {
            tools: BTreeMap::new(),
            instructions: BTreeMap::new(),
        };
        let mut table = "";
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = || format!("line {number} is not understood: {line}");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                table = name.strip_suffix(']').ok_or_else(wrong)?;
                continue;
            }
            let (name, value) = line.split_once(" = ").ok_or_else(wrong)?;
            match table {
                "instructions" => {
                    let value = value.replace('_', "").parse().map_err(|_| wrong())?;
                    baseline.instructions.insert(name.to_owned(), value);
                }
                "counted-with" => {
                    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                    let value = value.ok_or_else(wrong)?.to_owned();
                    baseline.tools.insert(name.to_owned(), value);
                }
                _ => return Err(wrong()),
            }
        }
        Ok(baseline)
    }

    pub(crate) fn write(&self, file: &Path) -> Outcome<()> {
        File::create(file)
            .and_then(|mut created| created.write_all(self.text().as_bytes()))
            .map_err(|error| format!("{}: {error}", file.display()))
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n[instructions]\n");
        for (name, count) in &self.instructions {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{name} = {}", grouped(*count));
        }
        text.push_str("\n[counted-with]\n");
        for (name, version) in &self.tools {
            let _written = writeln!(text, "{name} = \"{version}\"");
        }
        text
    }

    /// Prints what has changed; whether nothing is above the allowance.
    pub(crate) fn judge(&self, measured: &[Measurement], tools: &Tools) -> bool {
        let counts: Vec<_> = measured
            .iter()
            .map(|measurement| (measurement.path.name, measurement.instructions))
            .collect();
        let (lines, passed) = self.compare(&counts, &versions(tools));
        print!("{lines}");
        passed
    }

    fn compare(&self, counts: &[(&str, u64)], tools: &BTreeMap<String, String>) -> (String, bool) {
        let mut said = String::new();
        let (mut above, mut below) = (false, false);
        for (name, now) in counts {
            let Some(before) = self.instructions.get(*name) else {
                let _written = writeln!(said, "{name}: not in the baseline");
                above = true;
                continue;
            };
            let verdict = match Verdict::of(*before, *now) {
                Verdict::AsBefore => continue,
                Verdict::Above => {
                    above = true;
                    "MORE"
                }
                Verdict::Below => {
                    below = true;
                    "fewer"
                }
            };
            let _written = writeln!(
                said,
                "{name}: {verdict} instructions than the baseline: {} instead of {}, {} of it",
                grouped(*now),
                grouped(*before),
                ratio(*now, *before)
            );
        }
        if above {
            for (name, now) in tools {
                let before = self.tools.get(name).map_or("nothing", String::as_str);
                if before != now {
                    let _written = writeln!(
                        said,
                        "This may be why: {name} is {now}, and was {before} for the baseline."
                    );
                }
            }
            said.push_str(
                "Where they are spent: benches/instructions.sh --top PATH\n\
                 If that is what it costs: benches/instructions.sh --accept, and commit benches/instructions.toml\n",
            );
        } else if below {
            said.push_str(
                "The baseline should be lowered: benches/instructions.sh --accept, and commit benches/instructions.toml\n",
            );
        } else {
            let _written = writeln!(said, "all within {ALLOWANCE_PERCENT} % of the baseline");
        }
        (said, !above)
    }
}

fn versions(tools: &Tools) -> BTreeMap<String, String> {
    [
        ("rustc", &tools.rustc),
        ("valgrind", &tools.valgrind),
        ("libc", &tools.libc),
    ]
    .into_iter()
    .map(|(name, version)| (name.to_owned(), version.clone()))
    .collect()
}

/// `1_234_567`, as TOML and people read it.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// With two decimals; both are counts, far from where that would overflow.
fn ratio(now: u64, before: u64) -> String {
    let hundredths = u128::from(now) * 100 / u128::from(before.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        Baseline {
            tools: BTreeMap::from([("rustc".to_owned(), "rustc 1.95.0".to_owned())]),
            instructions: BTreeMap::from([("hit".to_owned(), 41_000)]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = baseline().text();
        assert!(text.contains("hit = 41_000"), "{text}");
        assert_eq!(Baseline::parse(&text), Ok(baseline()));
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let problem = Baseline::parse("[instructions]\nhit: 3\n");
        assert_eq!(problem, Err("line 2 is not understood: hit: 3".into()));
        assert!(Baseline::parse("[instructions]\nhit = many\n").is_err());
        assert!(Baseline::parse("hit = 3\n").is_err());
    }

    #[test]
    fn a_tenth_more_passes_and_anything_above_fails() {
        let same = baseline().tools;
        let passes = |now| baseline().compare(&[("hit", now)], &same).1;
        assert!(passes(41_000) && passes(45_100) && passes(1));
        assert!(!passes(45_101));
    }

    #[test]
    fn a_failure_names_path_numbers_ratio_cure_and_another_compiler() {
        let newer = BTreeMap::from([("rustc".to_owned(), "rustc 1.96.0".to_owned())]);
        let (said, passed) = baseline().compare(&[("hit", 82_000)], &newer);
        assert!(!passed);
        for part in [
            "hit: MORE",
            "82_000 instead of 41_000, 2.00 of it",
            "--accept",
            "rustc 1.96.0",
        ] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }

    #[test]
    fn fewer_is_said_and_passes() {
        let (said, passed) = baseline().compare(&[("hit", 20_000)], &baseline().tools);
        assert!(passed && said.contains("should be lowered"), "{said}");
    }

    #[test]
    fn a_path_that_nobody_accepted_fails() {
        assert!(!baseline().compare(&[("head", 1)], &baseline().tools).1);
    }
}
