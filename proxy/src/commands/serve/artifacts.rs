//! Serving artifacts: the cache, the listener before it, and the keeper of the proxy's own credentials.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tracing::info;

use super::{ended, stopped};
use crate::aws::SharedHttpClient;
use crate::cache::{Cache, CacheError, CacheFolder, Limits};
use crate::codeartifact::CodeArtifact;
use crate::config::{CodeArtifactUpstream, Config};
use crate::credentials::{Credentials, Ending, Keeper, Source};
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::origin::Origin;
use crate::remote::Remote;
use crate::server::{App, Bucket, CredentialsService, Listeners, Service, Surroundings, Wares};

/// What the cache may still write when the process stops.
const LAST_DISK_WORK: Duration = Duration::from_secs(5);
/// What the keeper of credentials may still do: it ends a renewal first, within a time of its own.
const LAST_RENEWAL: Duration = Duration::from_secs(10);

/// What only one process can have: the cache's lock, and the sockets.
pub(super) struct Reserved {
    cache: Cache,
    listeners: Listeners,
}

impl Reserved {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let limits = Limits {
            max_bytes: config.cache.max_size_bytes,
            min_free_bytes: config.cache.min_free_bytes,
        };
        let cache = Cache::open(CacheFolder::new(&config.cache.folder), limits)
            .map_err(|error| cache_problem(&error))?;
        let listeners = Listeners::bind(&config.listen)
            .map_err(|error| format!("{error}. {}", error.cure("PROXY_HOST", "PROXY_PORT")))?;
        Ok(Self { cache, listeners })
    }
}

/// Everything that serves artifacts, ready to do so.
pub(super) struct Artifacts {
    app: Arc<App>,
    fetchers: Vec<Arc<Fetcher>>,
    cache: Cache,
    listeners: Listeners,
    keeper: Keeper,
    served: Served,
    metrics: Arc<Metrics>,
}

/// What the log says at the start.
struct Served {
    repository: Option<String>,
    /// The proxy that is asked before S3.
    upstream: Option<String>,
    codeartifact: Option<CodeArtifact>,
}

impl Artifacts {
    pub(super) fn new(
        reserved: Reserved,
        config: &Config,
        (source, http): (Source, SharedHttpClient),
        containers: Option<CredentialsService>,
        metrics: &Arc<Metrics>,
        (vars, stop): (&impl Fn(&str) -> Option<String>, watch::Receiver<bool>),
    ) -> Self {
        let Reserved { cache, listeners } = reserved;
        let surroundings = Surroundings {
            listening: listeners.addresses(),
            signal_file: source.locations().signal_file.clone(),
            containers,
        };
        let (keeper, credentials) = Keeper::new(source, config.check_interval, vars);
        let keeper = if config.login_wait.is_zero() {
            keeper.unawaited()
        } else {
            keeper
        };
        // With a file, repositories may come while the process runs.
        let may_be_wanted = !config.codeartifact.is_empty() || config.file.is_some();
        let codeartifact = may_be_wanted.then(|| {
            CodeArtifact::new(
                config,
                credentials.clone(),
                &http,
                &cache,
                Arc::clone(metrics),
            )
        });
        let bucket = config.has_bucket().then(|| {
            let at_aws = (credentials.clone(), http);
            bucket(config, at_aws, &cache, metrics)
        });
        let of_bucket = bucket.as_ref();
        let served = Served {
            repository: of_bucket.map(|_| config.repository()),
            upstream: of_bucket
                .and_then(|bucket| bucket.origin.upstream())
                .map(|(url, _)| url.to_owned()),
            codeartifact: codeartifact.clone(),
        };
        let fetchers = of_bucket.map(|bucket| &bucket.fetcher);
        let fetchers = fetchers
            .into_iter()
            .chain(codeartifact.iter().flat_map(CodeArtifact::fetchers));
        let fetchers = fetchers.cloned().collect();
        let wares = Wares {
            bucket,
            codeartifact,
            cache: cache.clone(),
            credentials,
        };
        let app = App::new(config, wares, Arc::clone(metrics), surroundings, stop);
        Self {
            app,
            fetchers,
            cache,
            listeners,
            keeper,
            served,
            metrics: Arc::clone(metrics),
        }
    }

    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Serves until told to stop, then lets downloads, renewals and disk work end.
    pub(super) async fn serve(self, stop: watch::Receiver<bool>) {
        let Self {
            app,
            fetchers,
            cache,
            listeners,
            keeper,
            served,
            metrics,
        } = self;
        let stopping = stopped(stop.clone()).map(|()| Ending::Shutdown);
        let keeping = tokio::spawn(keeper.run(stopping));
        let (nothing_is_stored, end_of_storing) = watch::channel(false);
        let caching = tokio::spawn(cache.run(stopped(end_of_storing)));
        served.say(&listeners.addresses());
        let connections = metrics.open_connections.clone();
        listeners
            .serve(Service::new(&app), None, connections, stopped(stop))
            .await;
        land_downloads(&fetchers).await;
        nothing_is_stored.send_replace(true);
        ended(keeping, "credentials", LAST_RENEWAL).await;
        ended(caching, "cache", LAST_DISK_WORK).await;
    }
}

impl Served {
    fn say(&self, addresses: &[SocketAddr]) {
        for address in addresses {
            if let Some(repository) = &self.repository {
                info!("serving {repository} on http://{address}/");
            }
            let table = self.codeartifact.as_ref().map(CodeArtifact::table);
            for upstream in table.iter().flat_map(|table| table.upstreams()) {
                let CodeArtifactUpstream {
                    alias,
                    domain,
                    repository,
                    formats,
                    ..
                } = &upstream.config;
                let formats: Vec<_> = formats.iter().map(|format| format.name()).collect();
                let formats = formats.join(", ");
                info!(
                    "serving CodeArtifact {domain}/{repository} ({formats}) on \
                     http://{address}/codeartifact/{alias}/"
                );
            }
        }
        if let Some(url) = &self.upstream {
            info!("asking {url} before S3");
        }
    }
}

fn bucket(
    config: &Config,
    (credentials, http): (Credentials, SharedHttpClient),
    cache: &Cache,
    metrics: &Arc<Metrics>,
) -> Bucket {
    let origin = Arc::new(Origin::new(config, credentials, http, Arc::clone(metrics)));
    let remote: Arc<dyn Remote> = Arc::clone(&origin) as _;
    let repository = config.repository();
    Bucket {
        fetcher: Fetcher::new(&repository, config.metadata_ttl, cache.clone(), remote),
        origin,
    }
}

/// Lets downloads end that lack little more than their commit: their clients have all bytes, and
/// the next process shall have them, too.
async fn land_downloads(fetchers: &[Arc<Fetcher>]) {
    const MOST: Duration = Duration::from_secs(2);
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let downloads = || {
        fetchers
            .iter()
            .map(|fetcher| fetcher.downloads())
            .sum::<usize>()
    };
    let landed = async {
        while downloads() > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(MOST, landed).await.is_err() {
        info!(
            downloads = downloads(),
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
