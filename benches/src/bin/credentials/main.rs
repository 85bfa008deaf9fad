//! `benches/credentials.sh`: containers that ask for credentials at a constant rate, while those are renewed.
//!
//! ```text
//! load (requests at fixed times) ─► bazel-proxy (services with roles of their own) ─► simulated-aws (short lives)
//! ```

mod client;
mod load;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use load::{Load, Outcome};
use servers::Servers;

/// What goes wrong is told to a person, who needs no more than its text.
type Told<T> = Result<T, String>;

/// No answer that counts may be later, for 99 in 100.
const GOAL: Duration = Duration::from_millis(5);

/// Asks for credentials at a constant rate, and prints how late the answers were.
#[derive(Debug, Parser)]
#[command(name = "credentials")]
struct Arguments {
    /// Requests a second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For how long, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Services, each with a token and a role of its own
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    services: u32,
    /// Connections that are kept
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=512))]
    connections: u32,
    /// How long credentials live, in seconds; they are renewed at half of it
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..=3600))]
    life: u32,
    /// The folder of the programs
    #[arg(long, value_name = "FOLDER", default_value = "target/release")]
    programs: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("credentials: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every request was answered with credentials. A missed goal of time fails nothing: on a busy machine
/// it says little.
fn run(arguments: &Arguments) -> Told<bool> {
    let servers = Servers::start(&arguments.programs, arguments.services, arguments.life)?;
    let load = Load {
        address: servers.address(),
        tokens: servers.tokens().to_vec(),
        rate: arguments.rate,
        duration: Duration::from_secs(arguments.seconds.into()),
        connections: arguments.connections,
    };
    let begun = servers.processor_time()?;
    let outcome = load.run()?;
    let used = servers.processor_time()?.saturating_sub(begun);
    print(&outcome, used);
    Ok(outcome.errors.is_empty())
}

fn print(outcome: &Outcome, used: Duration) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let [p50, p99, p999, most] = [500, 990, 999, 1000].map(|at| outcome.late_by(at));
    let answers = u32::try_from(outcome.answers()).unwrap_or(u32::MAX);
    let rate = f64::from(answers) / outcome.took.as_secs_f64();
    println!("requests         {}", outcome.answers());
    println!("rate             {rate:.0} a second");
    println!("errors           {}", outcome.errors.len());
    println!("renewals seen    {}", outcome.renewals());
    println!("p50              {:.2} ms", milliseconds(p50));
    let is_met = if p99 < GOAL { "met" } else { "MISSED" };
    let goal = milliseconds(GOAL);
    println!(
        "p99              {:.2} ms (goal: under {goal} ms, {is_met})",
        milliseconds(p99)
    );
    println!("p99.9            {:.2} ms", milliseconds(p999));
    println!("latest           {:.2} ms", milliseconds(most));
    let share = used.as_secs_f64() / outcome.took.as_secs_f64();
    println!("proxy's CPU      {share:.2} cores");
    for error in outcome.errors.iter().take(5) {
        println!("error            {error}");
    }
}
