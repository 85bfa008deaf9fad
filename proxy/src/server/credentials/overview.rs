//! How every service stands: for readiness, the status page and the numbers.

use std::sync::Arc;
use std::time::SystemTime;

use crate::container_credentials::{Service, Table};
use crate::credentials::StateName;
use crate::error::Trouble;
use crate::metrics::{Containers, Last};

/// All services in force, in their order.
#[derive(Debug)]
pub(in crate::server) struct Overview {
    pub(in crate::server) services: Vec<ServiceOverview>,
    /// How much of the configuration is not in force.
    pub(in crate::server) not_in_force: usize,
}

/// One service, as seen from its own credentials; roles that it may ask for beside them are not looked at.
#[derive(Debug)]
pub(in crate::server) struct ServiceOverview {
    pub(in crate::server) name: String,
    /// The keeper's state.
    pub(in crate::server) state: &'static str,
    /// Whether there are credentials that have not ended.
    pub(in crate::server) is_ready: bool,
    /// The role that is assumed for it.
    pub(in crate::server) role_arn: Option<String>,
    /// The end of the credentials in use.
    pub(in crate::server) expires_at: Option<SystemTime>,
    /// Why there are none, or what keeps them from being renewed.
    pub(in crate::server) trouble: Option<Arc<Trouble>>,
    pub(in crate::server) last: Option<Last>,
}

impl Overview {
    pub(super) fn of(table: &Table, numbers: &Containers) -> Self {
        let of = |service: &Arc<Service>| ServiceOverview::of(service, numbers);
        Self {
            services: table.services().iter().map(of).collect(),
            not_in_force: table.troubles().len(),
        }
    }
}

impl ServiceOverview {
    pub(super) fn of(service: &Service, numbers: &Containers) -> Self {
        let credentials = service.supply.credentials();
        let state = credentials.state();
        let report = credentials.report();
        let valid = state.valid();
        let ahead = valid.and(report.login_ahead.or(report.renewal_trouble));
        let clock = valid.and_then(|valid| service.supply.clock_trouble(valid));
        Self {
            name: service.name.clone(),
            state: match &clock {
                Some(_) => StateName::ClockSkew.label(),
                None => state.name(),
            },
            is_ready: valid.is_some_and(|valid| !valid.has_expired()),
            role_arn: service.supply.role_arn().map(str::to_owned),
            expires_at: valid.and_then(|valid| valid.credentials.expiry()),
            trouble: clock.or_else(|| state.trouble().cloned()).or(ahead),
            last: numbers.last_issued(&service.name),
        }
    }

    /// The role without its account, which is not everybody's to know.
    pub(super) fn role_name(&self) -> Option<&str> {
        self.role_arn.as_deref()?.rsplit('/').next()
    }
}
