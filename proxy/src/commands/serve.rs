//! `bazel-proxy serve`: boot order, then run until told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use opentelemetry_otlp::ExporterBuildError;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::cache::{Cache, CacheError, CacheFolder, Limits};
use crate::config::Config;
use crate::credentials::Keeper;
use crate::fetch::Fetcher;
use crate::logging;
use crate::metrics::Metrics;
use crate::origin::Origin;
use crate::server::{App, Listeners, Service, Surroundings};
use crate::telemetry::Telemetry;

/// What the cache may still write when the process stops.
const LAST_DISK_WORK: Duration = Duration::from_secs(5);
/// What the keeper of credentials may still do: it ends a renewal first, within a time of its own.
const LAST_RENEWAL: Duration = Duration::from_secs(10);
/// 128 + SIGINT, as shells count.
const EXIT_INTERRUPTED: i32 = 130;

pub(super) fn run(config: Config, vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
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

async fn serve(config: Config, vars: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let stop = stop_signal().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let limits = Limits {
        max_bytes: config.cache.max_size_bytes,
        min_free_bytes: config.cache.min_free_bytes,
    };
    let cache = Cache::open(CacheFolder::new(&config.cache.folder), limits)
        .map_err(|error| cache_problem(&error))?;
    let listeners = Listeners::bind(&config.listen)
        .map_err(|error| format!("{error}. Set PROXY_PORT or PROXY_HOST to something free."))?;
    let metrics = Arc::new(Metrics::new());
    let (source, http) = super::source(&config, vars);
    let source = source.counted_by(Arc::clone(&metrics));
    let surroundings = Surroundings {
        listening: listeners.addresses(),
        signal_file: source.locations().signal_file.clone(),
        containers: None,
    };
    let (keeper, credentials) = Keeper::new(source, config.check_interval, vars);
    let origin = Arc::new(Origin::new(
        &config,
        credentials,
        http,
        Arc::clone(&metrics),
    ));
    let repository = config.repository();
    let fetcher = Fetcher::new(&repository, config.metadata_ttl, cache.clone(), origin);
    let connections = metrics.open_connections.clone();
    let app = App::new(
        &config,
        Arc::clone(&fetcher),
        metrics,
        surroundings,
        stop.clone(),
    );

    let keeping = tokio::spawn(keeper.run(stopped(stop.clone())));
    let (nothing_is_stored, end_of_storing) = watch::channel(false);
    let caching = tokio::spawn(cache.run(stopped(end_of_storing)));
    for address in listeners.addresses() {
        info!("serving {repository} on http://{address}/");
    }
    if let Some((url, _)) = fetcher.origin().upstream() {
        info!("asking {url} before S3");
    }
    listeners
        .serve(Service::new(&app), None, connections, stopped(stop))
        .await;
    land_downloads(&fetcher).await;
    nothing_is_stored.send_replace(true);
    for (task, name, patience) in [
        (keeping, "credentials", LAST_RENEWAL),
        (caching, "cache", LAST_DISK_WORK),
    ] {
        match tokio::time::timeout(patience, task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, name, "a background task ended unexpectedly"),
            Err(_) => warn!(name, "a background task hangs and is left behind"),
        }
    }
    info!("stopped");
    Ok(())
}

/// Lets downloads end that lack little more than their commit: their clients have all bytes, and
/// the next process shall have them, too.
async fn land_downloads(fetcher: &Fetcher) {
    const MOST: Duration = Duration::from_secs(2);
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let landed = async {
        while fetcher.downloads() > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(MOST, landed).await.is_err() {
        info!(
            downloads = fetcher.downloads(),
            "downloads still under way are given up"
        );
    }
}

fn cache_problem(error: &CacheError) -> String {
    let cure = match error {
        CacheError::InUse(_) => "Stop the other one, or give each its own CACHE_DIR.",
        CacheError::Io { .. } | CacheError::NoRoom { .. } => {
            "Set CACHE_DIR to a folder that can be written."
        }
    };
    format!("the cache cannot be used: {error}. {cure}")
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
