//! `bazel-proxy check`: every step that serving needs, each with its cure.
//!
//! A step that cannot be tried because of an earlier one is said to be skipped. A token whose renewal
//! is due is really renewed, as by the proxy that serves; the host is never asked for a login.

mod cache;
mod codeartifact;
mod credentials;
mod report;
mod services;
mod sso;
mod upstream;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use program::report::Report;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::CheckArgs;
use crate::config::{Config, FileConfig, SourceKind};
use crate::container_credentials::SharedVars;
use crate::server::Tls;

/// 128 + SIGINT, as shells count.
const EXIT_INTERRUPTED: u8 = 130;
/// Longer than a renewal takes behind another process's.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(40);

pub(super) fn run(args: &CheckArgs, vars: SharedVars) -> ExitCode {
    let profile = args.profile.clone();
    let vars: SharedVars = Arc::new(move |name: &str| match (name, &profile) {
        ("AWS_PROFILE", Some(profile)) => Some(profile.clone()),
        _ => vars(name),
    });
    let mut report = Report::new();
    let config = match Config::from_vars(&|name| vars(name)) {
        Ok(config) => config,
        Err(faults) => {
            for fault in &faults.list {
                report.failed("configuration", &super::one_line(fault), &fault.cure);
            }
            report.skipped(&["all else"], "there is no configuration to use");
            return ExitCode::from(super::EXIT_USAGE);
        }
    };
    report.passed("configuration", &describe(&config));
    for note in &config.notes {
        report.passed("note", note);
    }
    check_certificate(&config, &mut report);
    if config.serves_artifacts {
        cache::check(&config.cache, &mut report);
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let cure = "Raise the limits of this shell.";
            report.failed("runtime", &error.to_string(), cure);
            return report.exit_code();
        }
    };
    let code = runtime.block_on(check_aws(&config, &vars, report));
    runtime.shutdown_background();
    code
}

/// What containers are shown, where they ask over TLS.
fn check_certificate(config: &Config, report: &mut Report) {
    let Some(tls) = config
        .file
        .as_ref()
        .and_then(|file| file.server.tls.as_ref())
    else {
        return;
    };
    let file = tls.certificate_file.display();
    match Tls::load(tls) {
        Ok(_) => report.passed("server.tls", &format!("{file} and its key fit together")),
        Err(error) => {
            let cure = "Serving does not start without both files.";
            report.failed("server.tls", &error.to_string(), cure);
        }
    }
}

fn describe(config: &Config) -> String {
    let artifacts = config
        .has_bucket()
        .then(|| format!("{} in {}", config.repository(), config.region));
    let upstreams = config.codeartifact.iter();
    let upstreams = upstreams.map(|upstream| format!("CodeArtifact's `{}`", upstream.alias));
    let serves_containers = config
        .file
        .as_ref()
        .is_some_and(FileConfig::serves_containers);
    let file = config.file_path.as_ref().filter(|_| serves_containers);
    let file = file.map(|path| format!("credentials for containers by {}", path.display()));
    let all: Vec<_> = artifacts.into_iter().chain(upstreams).chain(file).collect();
    all.join("; ")
}

/// Whether containers are given what the proxy's own source gives, or roles on top of it.
fn uses_own_source(config: &Config) -> bool {
    let services = config.file.iter().flat_map(|file| &file.services);
    let mut kinds = services.map(|service| &service.source.kind);
    kinds.any(|kind| *kind == SourceKind::Own)
}

/// Ends early when interrupted, but not before a renewal of the token is written down.
async fn check_aws(config: &Config, vars: &SharedVars, mut report: Report) -> ExitCode {
    let read = |name: &str| vars(name);
    let (source, http) = super::source(config, &read);
    let steps = async {
        if config.has_bucket() {
            upstream::check(config, &mut report).await;
        }
        if config.serves_artifacts || uses_own_source(config) {
            credentials::check(config, &source, http, &read, &mut report).await;
        }
        services::check(config, &source, vars, &mut report).await;
        report.exit_code()
    };
    let code = tokio::select! {
        code = steps => code,
        () = interrupted() => ExitCode::from(EXIT_INTERRUPTED),
    };
    tokio::select! {
        () = source.finish_renewals(RENEWAL_PATIENCE) => code,
        // Whoever asks twice does not want to wait.
        () = interrupted() => ExitCode::from(EXIT_INTERRUPTED),
    }
}

/// Ends with SIGINT or SIGTERM.
async fn interrupted() {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        // Then the system ends the process by itself.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
