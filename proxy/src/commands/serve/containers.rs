//! What the configuration file asks for: credentials for containers, with a listener and those who keep them;
//! a listener for metrics; and whoever looks after the file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use super::{ended, stopped};
use crate::codeartifact::CodeArtifact;
use crate::config::{Config, FileConfig};
use crate::container_credentials::{InForce, Keepers, Reload, SharedVars};
use crate::credentials::Source;
use crate::metrics::Metrics;
use crate::server::{App, CredentialsService, Listeners, MetricsService, Tls};

/// What the keepers may still do, and a little more.
const LAST_RENEWALS: Duration = Duration::from_secs(11);

/// What only one process can have, and what may be missing: sockets and certificate.
pub(super) struct Reserved {
    credentials: Option<(Listeners, Option<Tls>)>,
    metrics: Option<Listeners>,
}

impl Reserved {
    pub(super) fn new(file: &FileConfig) -> Result<Self, String> {
        let credentials = file.serves_containers().then(|| of_credentials(file));
        let metrics = file.prometheus.as_ref().map(Listeners::bind).transpose();
        let metrics = metrics.map_err(|error| {
            let cure = error.cure("`metrics.prometheus.host`", "`metrics.prometheus.port`");
            format!("{error}. {cure}")
        })?;
        Ok(Self {
            credentials: credentials.transpose()?,
            metrics,
        })
    }
}

fn of_credentials(file: &FileConfig) -> Result<(Listeners, Option<Tls>), String> {
    let tls = file.server.tls.as_ref().map(Tls::load).transpose();
    let tls = tls.map_err(|error| error.to_string())?;
    let listeners = Listeners::bind(&file.server.listen)
        .map_err(|error| format!("{error}. {}", error.cure("`server.host`", "`server.port`")))?;
    Ok((listeners, tls))
}

/// Everything that the file asks for. The keepers of credentials are at work already.
pub(super) struct Containers {
    reserved: Reserved,
    config: Config,
    /// Where credentials are served.
    service: Option<CredentialsService>,
    in_force: InForce,
    reload: Reload,
    metrics: Arc<Metrics>,
}

impl Containers {
    pub(super) fn new(
        reserved: Reserved,
        config: &Config,
        (path, file): (PathBuf, FileConfig),
        own: Source,
        metrics: &Arc<Metrics>,
        vars: SharedVars,
    ) -> Self {
        let of_keepers = Arc::clone(&vars);
        let keepers = Keepers::new(own, config.check_interval, move |name| of_keepers(name));
        let (reload, in_force) = Reload::new(&path, file, config.serves_artifacts, keepers, vars);
        let service = reserved.credentials.as_ref().map(|_| {
            CredentialsService::new(in_force.clone(), &config.allowed_hosts, Arc::clone(metrics))
        });
        Self {
            reserved,
            config: config.clone(),
            service,
            in_force,
            reload,
            metrics: Arc::clone(metrics),
        }
    }

    pub(super) fn service(&self) -> Option<&CredentialsService> {
        self.service.as_ref()
    }

    /// Serves until told to stop, then lets renewals end.
    pub(super) async fn serve(self, app: Option<Arc<App>>, stop: watch::Receiver<bool>) {
        let Self {
            reserved,
            config,
            service,
            in_force,
            reload,
            metrics,
        } = self;
        let codeartifact = app.as_ref().and_then(|app| app.codeartifact()).cloned();
        let following = follow(reload.main_file(), &config, codeartifact);
        let reloading = tokio::spawn(reload.run(stopped(stop.clone())));
        let answering = async {
            let (Some((listeners, tls)), Some(service)) = (reserved.credentials, service.clone())
            else {
                return;
            };
            let services = in_force.table().services().len();
            let plural = if services == 1 { "" } else { "s" };
            let scheme = if tls.is_some() { "https" } else { "http" };
            for address in listeners.addresses() {
                info!("serving credentials of {services} service{plural} on {scheme}://{address}/");
            }
            let open = service.connections();
            let stopped = stopped(stop.clone());
            listeners.serve(service, tls, open, stopped).await;
        };
        let counting = async {
            if let Some(listeners) = reserved.metrics {
                for address in listeners.addresses() {
                    info!("serving metrics on http://{address}/metrics");
                }
                let open = metrics.open_connections.clone();
                let containers = service.clone();
                let service = MetricsService::new(metrics, app, containers, &config.allowed_hosts);
                let stopped = stopped(stop.clone());
                listeners.serve(service, None, open, stopped).await;
            }
        };
        let reloaded = async { ended(reloading, "the configuration file", LAST_RENEWALS).await };
        let ending = async {
            tokio::join!(answering, counting);
            stopped(stop.clone()).await;
            reloaded.await;
        };
        tokio::join!(ending, following);
    }
}

/// Serves those repositories of CodeArtifact that the file says, until nobody looks after it any more.
async fn follow(
    mut file: watch::Receiver<Arc<FileConfig>>,
    config: &Config,
    codeartifact: Option<CodeArtifact>,
) {
    let Some(codeartifact) = codeartifact else {
        return;
    };
    while file.changed().await.is_ok() {
        let upstreams = config.upstreams_with(&file.borrow_and_update());
        let table = codeartifact.table();
        let in_force = table.upstreams().iter().map(|upstream| &upstream.config);
        if in_force.eq(&upstreams) {
            continue;
        }
        let aliases = upstreams.iter().map(|upstream| upstream.alias.as_str());
        let aliases = aliases.collect::<Vec<_>>().join(", ");
        info!("serving these repositories of CodeArtifact from now on: {aliases}");
        codeartifact.replace(upstreams);
    }
}
