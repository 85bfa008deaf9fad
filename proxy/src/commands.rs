//! What each command does; `main` only chooses.

mod asking;
mod cache;
mod check;
mod credential_process;
mod env;
mod healthcheck;
mod schema;
mod serve;
mod services;
mod tls;
mod validate;
mod warm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use program::faults::{Fault, Faults};
use sso_session::location::Locations;

use crate::aws;
use crate::cli::{Cli, Command};
use crate::config::{Config, FileConfig};
use crate::container_credentials::SharedVars;
use crate::credentials::{Sessions, Source};

/// `EX_USAGE` of sysexits.h, for wrong configuration as for wrong usage.
const EXIT_USAGE: u8 = 64;

/// Runs the chosen command to its end.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let overrides = Overrides::of(&cli);
    let vars: SharedVars = Arc::new(move |name: &str| overrides.variable(name));
    let read = |name: &str| vars(name);
    if cli.validate_only {
        return with_config(&read, |config| validate::run(&config, &vars));
    }
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => with_config(&read, |config| serve::run(config, Arc::clone(&vars))),
        Command::Check(args) => check::run(&args, Arc::clone(&vars)),
        // The cache's commands need its folder only, and no bucket.
        Command::Cache { command } => cache::run(&command, &read),
        Command::Healthcheck => healthcheck::run(&read),
        Command::Env(args) => env::run(&args, &vars),
        Command::CredentialProcess(args) => credential_process::run(&args, &vars),
        Command::Warm(args) => warm::run(&args, &read),
        Command::Schema => schema::run(),
    }
}

/// The flags that are variables, too.
struct Overrides {
    log_level: Option<String>,
    config_file: Option<String>,
    is_dev: bool,
    host: Option<String>,
    port: Option<String>,
}

impl Overrides {
    fn of(cli: &Cli) -> Self {
        // A relative path on the command line is relative to the shell's folder, whatever its first letters.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let config = cli.config.as_ref().map(absolute);
        Self {
            log_level: cli.log_level.clone(),
            config_file: config.map(|path| path.to_string_lossy().into_owned()),
            is_dev: cli.dev,
            host: cli.host.clone(),
            port: cli.port.clone(),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let set = |name: &str| std::env::var(name).ok();
        let is_blank = |name: &str| set(name).is_none_or(|value| value.trim().is_empty());
        match name {
            "LOG_LEVEL" if self.log_level.is_some() => self.log_level.clone(),
            "LOG_LEVEL" if self.is_dev && is_blank(name) && is_blank("CREDPROXY_LOG_LEVEL") => {
                Some("debug".to_owned())
            }
            "BAZEL_PROXY_CONFIG_FILE" if self.config_file.is_some() => self.config_file.clone(),
            "PROXY_HOST" if self.host.is_some() => self.host.clone(),
            "PROXY_PORT" if self.port.is_some() => self.port.clone(),
            _ => set(name),
        }
    }
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

/// The configuration of a command that needs neither bucket nor services: whatever is wrong with the variables
/// of S3 and CodeArtifact, and with the configuration file, is not its concern.
fn config_without_bucket(vars: &impl Fn(&str) -> Option<String>) -> Result<Config, Faults> {
    // What is right may say where the proxy listens.
    Config::from_vars(vars).or_else(|_| {
        Config::from_vars(&|name| match name {
            "S3_BUCKET_NAME" => Some("unused".to_owned()),
            "BAZEL_PROXY_CONFIG_FILE" | "CREDPROXY_CONFIG_FILE" => None,
            name if name.starts_with("CODEARTIFACT_") => None,
            _ => vars(name),
        })
    })
}

/// The configuration of a command that is about services: whatever is wrong with the bucket, or with variables of
/// CodeArtifact, is not its concern. `None` where no configuration file is named.
fn config_with_services(vars: &impl Fn(&str) -> Option<String>) -> Option<Result<Config, Faults>> {
    let without_bucket = |name: &str| match name {
        "S3_BUCKET_NAME" => None,
        name if name.starts_with("CODEARTIFACT_") => None,
        _ => vars(name),
    };
    let named = Config::named_file(vars);
    named.map(|_| Config::from_vars(&without_bucket))
}

/// The configuration file in use, and what it says.
fn configuration_file(config: &Config) -> Option<(PathBuf, FileConfig)> {
    config.file_path.clone().zip(config.file.clone())
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
    format!("{}: {}", fault.subject, fault.problem)
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
