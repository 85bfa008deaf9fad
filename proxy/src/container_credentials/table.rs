//! The services in force.

use std::sync::Arc;

use super::Supply;
use super::token::{Presented, Tokens};
use crate::config::Place;

/// All services. Never changed, but replaced as a whole.
#[derive(Debug, Default)]
pub struct Table {
    services: Vec<Arc<Service>>,
}

/// One service.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What its clients say.
    pub tokens: Tokens,
    /// What they are given.
    pub supply: Arc<Supply>,
    /// What they may ask for beside it, by role.
    pub allowed: Vec<Arc<Supply>>,
    /// Where it is defined.
    pub place: Place,
}

impl Table {
    /// Of services with names and tokens of their own.
    #[must_use]
    pub fn new(services: Vec<Arc<Service>>) -> Self {
        Self { services }
    }

    /// All of them.
    #[must_use]
    pub fn services(&self) -> &[Arc<Service>] {
        &self.services
    }

    /// The service of that name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The service whose token an `Authorization` header holds. All are compared, so that the time tells
    /// nothing.
    #[must_use]
    pub fn by_authorization(&self, header: &[u8]) -> Option<&Arc<Service>> {
        let presented = Presented::of_header(header);
        let mut found = None;
        for service in &self.services {
            if bool::from(service.tokens.accept(&presented)) {
                found = Some(service);
            }
        }
        found
    }
}

impl Service {
    /// What is given for a role that it may have.
    #[must_use]
    pub fn supply_of(&self, role_arn: &str) -> Option<&Arc<Supply>> {
        let mut all = std::iter::once(&self.supply).chain(&self.allowed);
        all.find(|supply| supply.role_arn() == Some(role_arn))
    }
}
