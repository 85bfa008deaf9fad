//! `bazel-proxy serve`: boot order, then run until told to stop.
//!
//! Artifacts and what a configuration file asks for are served side by side, or either alone.

mod artifacts;
mod containers;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use opentelemetry_otlp::ExporterBuildError;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::container_credentials::SharedVars;
use crate::logging;
use crate::metrics::Metrics;
use crate::telemetry::Telemetry;
use artifacts::Artifacts;
use containers::Containers;

/// 128 + SIGINT, as shells count.
const EXIT_INTERRUPTED: i32 = 130;

pub(super) fn run(config: Config, vars: SharedVars) -> ExitCode {
    let runtime = super::runtime();
    let telemetry = match &runtime {
        Ok(runtime) => traces(&config, runtime.handle()),
        Err(_) => Ok(None),
    };
    let tracer = telemetry.as_ref().ok().and_then(Option::as_ref);
    logging::install(&config.log, tracer.map(Telemetry::tracer));
    let telemetry = telemetry.unwrap_or_else(|error| {
        warn!(%error, "there will be no traces");
        None
    });
    for note in &config.notes {
        warn!("{note}");
    }
    raise_file_limit();
    let served = runtime
        .map_err(|error| format!("no runtime: {error}"))
        .and_then(|runtime| {
            let served = runtime.block_on(serve(config, vars));
            if let Some(telemetry) = telemetry {
                telemetry.finish();
            }
            // Disk work that hangs on a failing disk must not keep the process.
            runtime.shutdown_timeout(Duration::from_secs(5));
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            error!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn traces(config: &Config, runtime: &Handle) -> Result<Option<Telemetry>, ExporterBuildError> {
    let start = |traces| Telemetry::start(traces, config.ca_bundle.as_deref(), runtime.clone());
    config.traces.as_ref().map(start).transpose()
}

async fn serve(config: Config, vars: SharedVars) -> Result<(), String> {
    let stop = stop_signal().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let file = super::configuration_file(&config);
    // All that can fail comes before any renewal begins: one that is cut off may cost the session.
    let for_artifacts = config
        .serves_artifacts
        .then(|| artifacts::Reserved::new(&config))
        .transpose()?;
    let for_containers = file
        .as_ref()
        .map(|(_, file)| containers::Reserved::new(file))
        .transpose()?;

    let metrics = Arc::new(Metrics::new());
    let read = |name: &str| vars(name);
    let (source, http) = super::source(&config, &read);
    let source = source.counted_by(Arc::clone(&metrics));
    let containers = for_containers.zip(file).map(|(reserved, file)| {
        let (own, vars) = (source.clone(), Arc::clone(&vars));
        Containers::new(reserved, &config, file, own, &metrics, vars)
    });
    let service = containers.as_ref().and_then(Containers::service).cloned();
    let artifacts = for_artifacts.map(|reserved| {
        let at_aws = (source, http);
        let rim = (&read, stop.clone());
        Artifacts::new(reserved, &config, at_aws, service, &metrics, rim)
    });

    let app = artifacts.as_ref().map(Artifacts::app).cloned();
    let serving_artifacts = async {
        if let Some(artifacts) = artifacts {
            artifacts.serve(stop.clone()).await;
        }
    };
    let serving_containers = async {
        if let Some(containers) = containers {
            containers.serve(app, stop.clone()).await;
        }
    };
    tokio::join!(serving_artifacts, serving_containers);
    info!("stopped");
    Ok(())
}

/// Waits for a background task to end, at most `patience`.
async fn ended(task: JoinHandle<()>, name: &str, patience: Duration) {
    match tokio::time::timeout(patience, task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, name, "a background task ended unexpectedly"),
        Err(_) => warn!(name, "a background task hangs and is left behind"),
    }
}

/// Becomes true at SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping: running answers may end");
        sender.send_replace(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Whoever asks twice does not want to wait.
        std::process::exit(EXIT_INTERRUPTED);
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it everything.
    let _outcome = stop.wait_for(|stop| *stop).await;
}

/// A connection, a file and a call to S3 each need a descriptor; shells give 1024 by default.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
        } else {
            Ok(())
        }
    });
    if let Err(error) = raised {
        warn!(%error, "the limit of open files could not be raised");
    }
}
