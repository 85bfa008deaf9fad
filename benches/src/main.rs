//! `benches/compare.sh`: the proxy beside nginx, over the same files and the same origin, in one run.
//!
//! ```text
//! rows ─► servers (nginx, the proxy) ─► origin
//!    ├──► load, http (what asks them)
//!    └──► report (medians of ratios of rounds that follow each other)
//! ```

mod crowd;
mod failure;
mod files;
mod http;
mod interrupt;
mod load;
mod origin;
mod report;
mod rows;
mod servers;
mod settings;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use failure::{Failure, While as _};
use report::{Row, Section, Style};
use settings::Settings;

/// Measures the proxy beside nginx, and prints their ratios.
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Arguments {
    /// What to measure; everything unless named
    #[arg(value_enum)]
    groups: Vec<Group>,
    /// How often each pair of values is taken, one server after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// How long each throughput is measured, in seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=60))]
    seconds: Option<u16>,
    /// The proxy's program
    #[arg(
        long,
        value_name = "PATH",
        default_value = "target/release/bazel-proxy"
    )]
    proxy: PathBuf,
    /// Print tables of Markdown
    #[arg(long)]
    markdown: bool,
    /// Fewer rounds, sizes and connection counts: about three minutes
    #[arg(long)]
    quick: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Hits of 1, 4 and 64 KiB
    Small,
    /// Hits of 1, 16 and 256 MiB
    Large,
    /// Misses one at a time, against the origin itself
    Misses,
    /// 100 clients that want the same object at once
    Herd,
    /// A build's 3,000 artifacts, cold and warm
    Resolve,
    /// Memory at rest, under load, and with 1,000 requests that wait
    Memory,
    /// From the start of the process to its first answer
    Start,
    /// The cost of a hit with few and with many objects in the cache
    Flat,
}

impl Group {
    fn measure(self, settings: &Settings) -> Result<Vec<Section>, Failure> {
        match self {
            Self::Small => rows::small::measure(settings),
            Self::Large => rows::large::measure(settings),
            Self::Misses => rows::misses::measure(settings),
            Self::Herd => rows::herd::measure(settings),
            Self::Resolve => rows::resolve::measure(settings),
            Self::Memory => rows::memory::measure(settings),
            Self::Start => rows::start::measure(settings),
            Self::Flat => rows::flat::measure(settings),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let prepared = interrupt::end_servers_with_us().and_then(|()| raise_file_limit());
    match prepared.and_then(|()| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("compare: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// A missed goal fails nothing: on a busy machine it says little, and the table says it anyway.
fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = settings(arguments)?;
    let style = if arguments.markdown {
        Style::Markdown
    } else {
        Style::Text
    };
    let groups = match arguments.groups.as_slice() {
        [] => Group::value_variants(),
        named => named,
    };
    let (mut with_goal, mut met) = (0, 0);
    for group in groups {
        let begun = Instant::now();
        for section in group.measure(&settings)? {
            report::print(&section, style);
            let goals = || section.rows.iter().filter_map(Row::is_met);
            with_goal += goals().count();
            met += goals().filter(|met| *met).count();
        }
        eprintln!("{group:?}: {} s", begun.elapsed().as_secs());
    }
    println!("\n{met} of {with_goal} goals met.");
    Ok(())
}

/// For 1,000 connections here and as many in a server; shells give 1024 by default, and children inherit it.
fn raise_file_limit() -> Result<(), Failure> {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    raised.when(|| "raising the limit of open files".to_owned())
}

fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    let (rounds, seconds) = if arguments.quick { (2, 1) } else { (3, 1) };
    let proxy = arguments.proxy.canonicalize().map_err(|error| {
        let path = arguments.proxy.display();
        Failure::new(format!(
            "{path}: {error}; build it with `cargo build --release -p bazel-proxy`, or name it with --proxy"
        ))
    })?;
    Ok(Settings {
        proxy,
        rounds: arguments.rounds.unwrap_or(rounds).into(),
        measure_for: Duration::from_secs(arguments.seconds.unwrap_or(seconds).into()),
        quick: arguments.quick,
        crowd: OnceLock::new(),
    })
}
