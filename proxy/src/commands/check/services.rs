//! The services of the configuration file: what of them is in force, and whether there are credentials for
//! each and for each role that it may ask for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use program::report::Report;
use sso_session::date;
use tokio::sync::watch;

use super::report::failed_with;
use crate::config::{Config, RenewalConfig, ServiceConfig};
use crate::container_credentials::{Issued, SharedVars, Supply, Wanted, services_of};
use crate::credentials::{Keeper, Source};
use crate::error::Error;

/// Longer than a keeper's one attempt.
const PATIENCE: Duration = Duration::from_secs(50);
/// So many sources and roles are tried at once.
const AT_ONCE: usize = 8;

type Tried = Result<Arc<Issued>, Error>;

pub(super) async fn check(config: &Config, own: &Source, vars: &SharedVars, report: &mut Report) {
    let Some((path, file)) = crate::commands::configuration_file(config) else {
        return;
    };
    let (_, renewal) = watch::channel(file.renewal);
    let (merged, troubles) = services_of(&path, file, Arc::clone(vars));
    for trouble in &troubles {
        report.failed("services", trouble, "Mend that file.");
    }
    for conflict in &merged.conflicts {
        let cure = "Services need names and tokens of their own.";
        report.failed("services", &conflict.to_string(), cure);
    }
    let wanted = merged.services.iter().flat_map(wanted_by);
    let wanted = wanted.map(|(_, wanted)| wanted);
    // Each once, however many services share it.
    let wanted: HashSet<Wanted> = wanted.collect();
    let tried = stream::iter(wanted)
        .map(|wanted| attempt(wanted, config, own, vars, renewal.clone()))
        .buffer_unordered(AT_ONCE);
    let tried: HashMap<Wanted, Tried> = tried.collect().await;
    for service in &merged.services {
        for (role, wanted) in wanted_by(service) {
            if let Some(outcome) = tried.get(&wanted) {
                tell(service, role.as_deref(), outcome, report);
            }
        }
    }
}

/// What a service is given, and what it may ask for beside that.
fn wanted_by(service: &ServiceConfig) -> impl Iterator<Item = (Option<String>, Wanted)> {
    let others = service.allowed_roles.iter().cloned().map(Some);
    let roles = std::iter::once(service.role.clone()).chain(others);
    roles.map(move |role| {
        let arn = role.as_ref().map(|role| role.role_arn.clone());
        let wanted = Wanted {
            source: service.source.clone(),
            role,
        };
        (arn, wanted)
    })
}

async fn attempt(
    wanted: Wanted,
    config: &Config,
    own: &Source,
    vars: &SharedVars,
    renewal: watch::Receiver<RenewalConfig>,
) -> (Wanted, Tried) {
    let source = own.for_service(&wanted.source, wanted.role.clone());
    let read = |name: &str| vars(name);
    let (keeper, credentials) = Keeper::new(source, config.check_interval, &read);
    // What the host is told is for the proxy that serves.
    let keeper = keeper.silent().for_containers(renewal);
    let keeping = tokio::spawn(keeper.run(std::future::pending()));
    let looked_at = credentials.looked_at(PATIENCE).await;
    let role_arn = wanted.role.as_ref().map(|role| role.role_arn.clone());
    let tried = match looked_at {
        Ok(_) => Supply::new(role_arn, credentials).issue().await,
        Err(error) => Err(error),
    };
    keeping.abort();
    (wanted, tried)
}

fn tell(service: &ServiceConfig, role: Option<&str>, outcome: &Tried, report: &mut Report) {
    let step = format!("service {}", service.name);
    match outcome {
        Ok(issued) => {
            let role = role.unwrap_or("the source's own credentials");
            let until = date::format(issued.expires_at);
            report.passed(&step, &format!("{role}, until {until}"));
        }
        Err(error) => failed_with(report, &step, error),
    }
}
