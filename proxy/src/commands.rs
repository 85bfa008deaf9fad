//! What each command does; `main` only chooses.

mod asking;
mod cache;
mod check;
mod credential_process;
mod env;
mod healthcheck;
mod serve;
mod services;
mod warm;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use program::faults::{Fault, Faults};
use sso_session::location::Locations;

use crate::aws;
use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::container_credentials::SharedVars;
use crate::credentials::{Sessions, Source};

/// `EX_USAGE` of sysexits.h, for wrong configuration as for wrong usage.
const EXIT_USAGE: u8 = 64;

/// Runs the chosen command to its end.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let log_level = cli.log_level;
    let vars = move |name: &str| match name {
        "LOG_LEVEL" if log_level.is_some() => log_level.clone(),
        _ => std::env::var(name).ok(),
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => with_config(&vars, |config| serve::run(config, shared(vars.clone()))),
        Command::Check(args) => check::run(&args, shared(vars)),
        // The cache's commands need its folder only, and no bucket.
        Command::Cache { command } => cache::run(&command, &vars),
        Command::Healthcheck => healthcheck::run(&vars),
        Command::Env(args) => env::run(&args, &shared(vars)),
        Command::CredentialProcess(args) => credential_process::run(&args, &shared(vars)),
        Command::Warm(args) => warm::run(&args, &vars),
    }
}

fn shared(vars: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> SharedVars {
    Arc::new(vars)
}

fn with_config(
    vars: &impl Fn(&str) -> Option<String>,
    run: impl FnOnce(Config) -> ExitCode,
) -> ExitCode {
    match Config::from_vars(vars) {
        Ok(config) => run(config),
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// The configuration of a command that needs no bucket: whatever is wrong with S3's variables is
/// not its concern.
fn config_without_bucket(vars: &impl Fn(&str) -> Option<String>) -> Result<Config, Faults> {
    Config::from_vars(&|name| match name {
        "S3_BUCKET_NAME" => Some("unused".to_owned()),
        _ => vars(name),
    })
}

/// Where the proxy of this configuration is asked: one that listens on all addresses, on loopback.
fn own_address(config: &Config) -> SocketAddr {
    let ip = match config.listen.addresses.first() {
        Some(ip) if !ip.is_unspecified() => *ip,
        Some(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(IpAddr::V4(_)) | None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    SocketAddr::new(ip, config.listen.port)
}

/// Where the configured profile's credentials come from, and the HTTP client of all AWS calls.
fn source(
    config: &Config,
    vars: &impl Fn(&str) -> Option<String>,
) -> (Source, aws::SharedHttpClient) {
    let http = aws::http_client(config.ca_bundle.as_deref());
    let locations = Locations::from_vars(vars);
    let sessions = Sessions::new(locations, config.renewal_threshold, http.clone());
    let (profile, region) = (config.profile.clone(), config.region.clone());
    let source = Source::new(profile, region, http.clone(), sessions, vars);
    (source, http)
}

/// One line for a fault, in `check`.
fn one_line(fault: &Fault) -> String {
    format!("{}: {}", fault.variable, fault.problem)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    /// Fewer than a worker's own queue has places for (256): what is ready beyond that goes through a queue
    /// with a lock, which 512 busy connections would fill again and again.
    const EVENTS_AT_ONCE: usize = 128;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_io_events_per_tick(EVENTS_AT_ONCE)
        .build()
}
