//! What is now, for Prometheus: of every service, and under `CredProxy`'s names.

use super::{CredentialsService, Overview};
use crate::container_credentials::Table;
use crate::metrics::{Containers, Family};

/// Forgets the numbers of services that are gone, and begins those of new ones.
pub(super) fn keep_only(containers: &Containers, table: &Table) {
    containers.keep_only(table.services().iter().map(|service| service.name.as_str()));
}

impl CredentialsService {
    /// How every service stands.
    pub(in crate::server) fn overview(&self) -> Overview {
        Overview::of(&self.0.in_force.table(), self.0.metrics.containers())
    }

    /// To be called before the counters are gathered: it brings their series up to date.
    pub(in crate::server) fn families(&self) -> Vec<Family> {
        let (overview, table) = (self.overview(), self.0.in_force.table());
        keep_only(self.0.metrics.containers(), &table);
        let mut families = of_services(&overview);
        families.push(of_troubles(&table));
        families.extend(of_credproxy(overview.services.len()));
        families
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus knows no other numbers"
)]
fn of_services(overview: &Overview) -> Vec<Family> {
    let services = &overview.services;
    let mut ready = Family::gauge(
        "bazel_proxy_container_credentials_ready",
        "1 for a service that has credentials which have not ended, 0 for others.",
    );
    let mut expiry = Family::gauge(
        "bazel_proxy_container_credentials_expiry_timestamp_seconds",
        "When a service's credentials end; absent without any, or if they have no end.",
    );
    for service in services {
        let labels = [("service", service.name.as_str())];
        ready = ready.labelled(&labels, f64::from(u8::from(service.is_ready)));
        let end = service
            .expires_at
            .map(|end| sso_session::date::epoch_seconds(end) as f64);
        if let Some(end) = end {
            expiry = expiry.labelled(&labels, end);
        }
    }
    let count = Family::gauge(
        "bazel_proxy_container_credentials_services",
        "Services that credentials are handed out for.",
    )
    .number(services.len() as u64);
    vec![count, ready, expiry]
}

fn of_troubles(table: &Table) -> Family {
    let help = "Services, files and settings that are defined and not in force; the log says why.";
    let family = Family::gauge("bazel_proxy_container_credentials_not_in_force", help);
    family.number(table.troubles().len() as u64)
}

fn of_credproxy(services: usize) -> Vec<Family> {
    let version = [
        ("name", "bazel-proxy"),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    // Its code says `credproxy_app_info`, to which its library adds `_info`; its documentation `credproxy_info`.
    let infos = [
        "credproxy_app_info",
        "credproxy_app_info_info",
        "credproxy_info",
    ];
    let help = "CredProxy application information";
    let mut families: Vec<_> = infos
        .map(|name| Family::gauge(name, help).labelled(&version, 1.0))
        .into();
    let help = "Number of currently active services";
    families.push(Family::gauge("credproxy_active_services_total", help).number(services as u64));
    families
}
