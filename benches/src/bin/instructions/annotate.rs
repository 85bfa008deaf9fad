//! Where the instructions of a path are spent, a request.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::baseline::grouped;
use crate::measure::Measurement;

/// Prints the dearest functions twice: by what they do themselves, and with all that they call. Keeps callgrind's file
/// as `keep`.
pub(crate) fn print(
    measurement: &Measurement,
    functions: usize,
    keep: Option<&Path>,
) -> Outcome<()> {
    let file = &measurement.dump.file;
    if let Some(keep) = keep {
        fs::copy(file, keep).map_err(|error| format!("{}: {error}", keep.display()))?;
    }
    let requests = u64::from(measurement.path.requests);
    for (counted, title) in [
        (Counted::Own, "by themselves"),
        (Counted::WithCalls, "with what they call"),
    ] {
        println!("{:>11}  {:>6}  functions, {title}", "a request", "%");
        for line in annotated(file, counted)?.iter().take(functions) {
            let a_request = line.instructions / requests;
            let tenths = line.instructions * 1000 / measurement.dump.instructions.max(1);
            println!(
                "{:>11}  {:>4}.{}  {}",
                grouped(a_request),
                tenths / 10,
                tenths % 10,
                line.function
            );
        }
        println!();
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Counted {
    Own,
    WithCalls,
}

struct Line {
    instructions: u64,
    function: String,
}

fn annotated(file: &Path, counted: Counted) -> Outcome<Vec<Line>> {
    let finished = file.with_extension("finished");
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    File::create(&finished)
        .and_then(|mut created| created.write_all(without_unfinished_calls(&text).as_bytes()))
        .map_err(|error| format!("{}: {error}", finished.display()))?;
    let output = Command::new("callgrind_annotate")
        .arg(match counted {
            Counted::Own => "--inclusive=no",
            Counted::WithCalls => "--inclusive=yes",
        })
        .args(["--auto=no", "--threshold=100"])
        .arg(&finished)
        .output()
        .map_err(|error| format!("callgrind_annotate: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // A function has a line for each file that code was inlined from: parts of its own instructions, but of its calls
    // one line has all and the others have parts.
    let mut functions: HashMap<String, u64> = HashMap::new();
    for line in text.lines().filter_map(parse) {
        let known = functions.entry(line.function).or_default();
        *known = match counted {
            Counted::Own => *known + line.instructions,
            Counted::WithCalls => line.instructions.max(*known),
        };
    }
    let mut lines: Vec<_> = functions
        .into_iter()
        .map(|(function, instructions)| Line {
            instructions,
            function,
        })
        .collect();
    lines.sort_by_key(|line| Reverse(line.instructions));
    if lines.is_empty() {
        return Err(format!(
            "callgrind_annotate names no function: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(lines)
}

/// Without the calls that were under way before and after the round, such as each thread's first: `callgrind_annotate`
/// takes what they cost (the line behind `calls=0`) for the caller's own.
fn without_unfinished_calls(dump: &str) -> String {
    let mut kept = String::with_capacity(dump.len());
    let mut lines = dump.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("calls=0 ") {
            lines.next();
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A line such as `1,234 (56.7%)  file:function [object]`.
fn parse(line: &str) -> Option<Line> {
    let (number, rest) = line.trim_start().split_once(' ')?;
    let instructions = number.replace(',', "").parse().ok()?;
    let (_, named) = rest.split_once(')')?;
    let named = named.trim();
    if named == "PROGRAM TOTALS" {
        return None;
    }
    let function = named
        .rsplit_once(" [")
        .map_or(named, |(function, _)| function);
    // Without the file, which is `???` or as long as the line.
    let function = function.split_once(':').map_or(function, |(_, name)| name);
    Some(Line {
        instructions,
        function: without_hash(function).to_owned(),
    })
}

/// Without the compiler's `::h0123456789abcdef`.
fn without_hash(function: &str) -> &str {
    match function.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name
        }
        Some(_) | None => function,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_unfinished_call_costs_is_left_out() {
        let dump = "fn=(1) clone\ncfn=(2)\ncalls=0 336\n100 2641533\n5 7\ncalls=3 1\n6 8\n";
        let kept = without_unfinished_calls(dump);
        assert_eq!(kept, "fn=(1) clone\ncfn=(2)\n5 7\ncalls=3 1\n6 8\n");
    }

    #[test]
    fn a_line_of_callgrind_annotate_is_a_number_and_a_function() {
        let line =
            parse(" 1,234 (56.78%)  ./a/b.rs:core::poll::h0123456789abcdef [/x/bazel-proxy]");
        let line = line.map(|line| (line.instructions, line.function));
        assert_eq!(line, Some((1234, "core::poll".to_owned())));
        assert!(parse("1,234 (100.0%)  PROGRAM TOTALS").is_none());
        assert!(parse("Profile data file 'x'").is_none());
    }
}
