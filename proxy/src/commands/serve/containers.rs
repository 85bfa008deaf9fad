//! Serving credentials to containers: the listener, who keeps them, and who looks after the configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use super::{ended, stopped};
use crate::config::{Config, FileConfig};
use crate::container_credentials::{InForce, Keepers, Reload, SharedVars};
use crate::credentials::Source;
use crate::metrics::Metrics;
use crate::server::{App, CredentialsService, Listeners, MetricsService, Tls};

/// What the keepers may still do, and a little more.
const LAST_RENEWALS: Duration = Duration::from_secs(11);

/// What only one process can have, and what may be missing: sockets and certificate.
pub(super) struct Reserved {
    listeners: Listeners,
    tls: Option<Tls>,
    metrics: Option<Listeners>,
}

impl Reserved {
    pub(super) fn new(file: &FileConfig) -> Result<Self, String> {
        let tls = file.server.tls.as_ref().map(Tls::load).transpose();
        let tls = tls.map_err(|error| error.to_string())?;
        let listeners = Listeners::bind(&file.server.listen).map_err(|error| {
            format!("{error}. {}", error.cure("`server.host`", "`server.port`"))
        })?;
        let metrics = file.prometheus.as_ref().map(Listeners::bind).transpose();
        let metrics = metrics.map_err(|error| {
            let cure = error.cure("`metrics.prometheus.host`", "`metrics.prometheus.port`");
            format!("{error}. {cure}")
        })?;
        Ok(Self {
            listeners,
            tls,
            metrics,
        })
    }
}

/// Everything that serves credentials. Their keepers are at work already.
pub(super) struct Containers {
    reserved: Reserved,
    service: CredentialsService,
    in_force: InForce,
    reload: Reload,
    metrics: Arc<Metrics>,
    hosts: Vec<String>,
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
        let (reload, in_force) = Reload::new(&path, file, keepers, vars);
        let service =
            CredentialsService::new(in_force.clone(), &config.allowed_hosts, Arc::clone(metrics));
        Self {
            reserved,
            service,
            in_force,
            reload,
            metrics: Arc::clone(metrics),
            hosts: config.allowed_hosts.clone(),
        }
    }

    pub(super) fn service(&self) -> &CredentialsService {
        &self.service
    }

    /// Serves until told to stop, then lets renewals end.
    pub(super) async fn serve(self, app: Option<Arc<App>>, stop: watch::Receiver<bool>) {
        let Reserved {
            listeners,
            tls,
            metrics: numbers,
        } = self.reserved;
        let reloading = tokio::spawn(self.reload.run(stopped(stop.clone())));
        let services = self.in_force.table().services().len();
        let plural = if services == 1 { "" } else { "s" };
        let scheme = if tls.is_some() { "https" } else { "http" };
        for address in listeners.addresses() {
            info!("serving credentials of {services} service{plural} on {scheme}://{address}/");
        }
        let open = self.service.connections();
        let answering = listeners.serve(self.service.clone(), tls, open, stopped(stop.clone()));
        let counting = async {
            if let Some(listeners) = numbers {
                for address in listeners.addresses() {
                    info!("serving metrics on http://{address}/metrics");
                }
                let containers = Some(self.service.clone());
                let open = self.metrics.open_connections.clone();
                let service = MetricsService::new(self.metrics, app, containers, &self.hosts);
                listeners.serve(service, None, open, stopped(stop)).await;
            }
        };
        tokio::join!(answering, counting);
        ended(reloading, "credentials for containers", LAST_RENEWALS).await;
    }
}
