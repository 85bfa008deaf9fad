//! `benches/instructions.sh`: how many instructions the release program spends on a request, a path at a time.
//!
//! The shipped program, `bazel-proxy serve`, runs under callgrind; a client asks it for one thing again and again, and
//! the counts of each round are dumped apart, so that its start, and what it does once a second, do not count. Time
//! plays no part: a loaded machine counts the same as an idle one.

mod annotate;
mod baseline;
mod client;
mod measure;
mod origin;
mod paths;
mod program;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use baseline::Baseline;
use measure::{Bench, Measurement};
use paths::{PATHS, Path};
use tools::Tools;

/// What goes wrong is told to a person, who needs no more than its text.
type Outcome<T> = Result<T, String>;

/// Counts the instructions of a request, and fails where they are more than the baseline allows.
#[derive(Parser)]
struct Arguments {
    /// Writes what was counted as the new baseline, instead of comparing it
    #[arg(long, conflicts_with = "top")]
    accept: bool,
    /// Prints the functions that one path spends its instructions in
    #[arg(long, value_name = "PATH")]
    top: Option<String>,
    /// How many functions that is
    #[arg(long, value_name = "NUMBER", default_value_t = 40, requires = "top")]
    functions: usize,
    /// With --top, keeps callgrind's file here, for kcachegrind and the like
    #[arg(long, value_name = "FILE", requires = "top")]
    keep: Option<PathBuf>,
    /// Counts these paths only
    #[arg(value_name = "PATH", conflicts_with_all = ["top", "accept"])]
    only: Vec<String>,
    /// The committed baseline
    #[arg(long, value_name = "FILE", default_value = "benches/instructions.toml")]
    baseline: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("instructions: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing is above the baseline.
fn run(arguments: &Arguments) -> Outcome<bool> {
    let tools = Tools::find()?;
    if let Some(name) = &arguments.top {
        let path = paths::named(name)?;
        let mut bench = Bench::start(&tools)?;
        let measurement = bench.measure(path)?;
        println!("{measurement}\n");
        annotate::print(&measurement, arguments.functions, arguments.keep.as_deref())?;
        return Ok(true);
    }
    let chosen = if arguments.only.is_empty() {
        PATHS.iter().collect()
    } else {
        let named = arguments.only.iter().map(|name| paths::named(name));
        named.collect::<Outcome<Vec<&Path>>>()?
    };
    // Before the minute that counting takes.
    let before = if arguments.accept {
        None
    } else {
        Some(Baseline::read(&arguments.baseline)?)
    };
    let mut bench = Bench::start(&tools)?;
    let mut measured: Vec<Measurement> = Vec::new();
    for path in chosen {
        let measurement = bench.measure(path)?;
        println!("{measurement}");
        measured.push(measurement);
    }
    if let Some(baseline) = before {
        return Ok(baseline.judge(&measured, &tools));
    }
    Baseline::of(&measured, &tools).write(&arguments.baseline)?;
    println!("accepted: {}", arguments.baseline.display());
    Ok(true)
}
