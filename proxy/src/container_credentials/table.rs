//! The services in force.

use std::sync::Arc;

use subtle::{Choice, ConditionallySelectable as _};

use super::Supply;
use super::token::{Presented, Tokens};
use crate::config::Place;

/// All services. Never changed, but replaced as a whole.
#[derive(Debug, Default)]
pub struct Table {
    services: Vec<Arc<Service>>,
    surroundings: Surroundings,
}

/// What comes into force with services.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What of the configuration is not in force, and why: files that cannot be read, services that are in
    /// each other's way, changes that wait for a restart. A text each, without secrets.
    pub troubles: Vec<String>,
    /// `server.allowed_hosts`.
    pub allowed_hosts: Vec<String>,
    /// `server.log_health_checks`.
    pub log_health_checks: bool,
}

/// One service.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What its clients say.
    pub tokens: Arc<Tokens>,
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
        Self {
            services,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, with what else is in force and what is not.
    #[must_use]
    pub fn with(self, surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            ..self
        }
    }

    /// All of them.
    #[must_use]
    pub fn services(&self) -> &[Arc<Service>] {
        &self.services
    }

    /// What of the configuration is not in force, and why.
    #[must_use]
    pub fn troubles(&self) -> &[String] {
        &self.surroundings.troubles
    }

    /// Names that may stand in a `Host` header.
    #[must_use]
    pub fn allowed_hosts(&self) -> &[String] {
        &self.surroundings.allowed_hosts
    }

    /// Whether each look at a page for health is a line of the log.
    #[must_use]
    pub fn logs_health_checks(&self) -> bool {
        self.surroundings.log_health_checks
    }

    /// The service of that name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The service whose token an `Authorization` header holds. All are compared, so that the time tells
    /// nothing. A token in force beats one that another service had before.
    #[must_use]
    pub fn by_authorization(&self, header: &[u8]) -> Option<&Arc<Service>> {
        let presented = Presented::of_header(header);
        let (mut place, mut found) = (0_u32, Choice::from(0));
        let (mut place_before, mut found_before) = (0_u32, Choice::from(0));
        for (index, service) in (0_u32..).zip(&self.services) {
            let accepted = service.tokens.accept(&presented);
            place.conditional_assign(&index, accepted.current);
            place_before.conditional_assign(&index, accepted.overlapping);
            found |= accepted.current;
            found_before |= accepted.overlapping;
        }
        let place = u32::conditional_select(&place_before, &place, found);
        bool::from(found | found_before)
            .then(|| self.services.get(usize::try_from(place).ok()?))
            .flatten()
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sso_session::secret::Secret;
    use tokio::sync::watch;

    use super::*;
    use crate::credentials::{Credentials, State};

    fn service(name: &str, tokens: Tokens) -> Arc<Service> {
        let (states, _) = watch::channel(State::Refreshing);
        let supply = |role: &str| {
            let credentials = Credentials::published_by(&states);
            Arc::new(Supply::new(Some(role.to_owned()), credentials))
        };
        Arc::new(Service {
            name: name.to_owned(),
            tokens: Arc::new(tokens),
            supply: supply(&format!("arn:aws:iam::123456789012:role/{name}")),
            allowed: vec![supply("arn:aws:iam::123456789012:role/other")],
            place: Place {
                file: Path::new("services.yaml").into(),
                line: 1,
                column: 1,
            },
        })
    }

    fn tokens(token: &str) -> Tokens {
        Tokens::new(&Secret::new(token))
    }

    fn name<'a>(table: &'a Table, header: &str) -> Option<&'a str> {
        let service = table.by_authorization(header.as_bytes())?;
        Some(&service.name)
    }

    #[test]
    fn each_token_leads_to_its_service() {
        assert_eq!(name(&Table::default(), "token-of-the-first"), None);
        let table = Table::new(vec![
            service("first", tokens("token-of-the-first")),
            service("second", tokens("token-of-the-second")),
        ]);
        assert_eq!(name(&table, "token-of-the-first"), Some("first"));
        assert_eq!(name(&table, "Bearer token-of-the-second"), Some("second"));
        assert_eq!(name(&table, "token-of-the-third"), None);
        assert_eq!(name(&table, ""), None);
        let second = table.by_name("second").expect("it is there");
        assert_eq!(second.name, "second");
        assert!(table.by_name("third").is_none());
    }

    #[tokio::test]
    async fn a_token_in_force_beats_one_that_another_had_before() {
        let rotated = Tokens::rotated(
            &Secret::new("the-new-token-of-a"),
            &tokens("the-old-token-of-a"),
        );
        let a = service("a", rotated);
        let b = service("b", tokens("the-old-token-of-a"));
        for services in [vec![Arc::clone(&a), Arc::clone(&b)], vec![b, a]] {
            let table = Table::new(services);
            assert_eq!(name(&table, "the-old-token-of-a"), Some("b"));
            assert_eq!(name(&table, "the-new-token-of-a"), Some("a"));
        }
    }

    #[test]
    fn a_service_gives_its_own_role_and_those_that_it_allows() {
        let service = service("own", tokens("token-of-the-service"));
        for role in ["own", "other"] {
            let arn = format!("arn:aws:iam::123456789012:role/{role}");
            assert!(service.supply_of(&arn).is_some(), "{role}");
        }
        let foreign = service.supply_of("arn:aws:iam::123456789012:role/foreign");
        assert!(foreign.is_none());
    }
}
