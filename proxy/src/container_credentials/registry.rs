//! Brings services into force: makes tables of them, and keeps what did not change.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use super::keepers::{Keepers, Wanted};
use super::merge::InForceBefore;
use super::token::Tokens;
use super::{InForce, Service, Surroundings, Table};
use crate::config::{RenewalConfig, ServiceConfig};

/// The services in force, with their keepers.
#[derive(Debug)]
pub(super) struct Registry {
    keepers: Keepers,
    in_force: Vec<(ServiceConfig, Arc<Service>)>,
    tables: watch::Sender<Arc<Table>>,
}

impl Registry {
    /// Nothing is in force yet.
    pub(super) fn new(keepers: Keepers) -> Self {
        let (tables, _) = watch::channel(Arc::default());
        Self {
            keepers,
            in_force: Vec::new(),
            tables,
        }
    }

    /// A view of what is in force.
    pub(super) fn view(&self) -> InForce {
        InForce::new(self.tables.subscribe())
    }

    /// Who is in force now.
    pub(super) fn names(&self) -> InForceBefore {
        let names = self.in_force.iter();
        names
            .map(|(config, _)| {
                let known = (config.name.clone(), Arc::clone(&config.place.file));
                (known, config.token.secret.clone())
            })
            .collect()
    }

    /// Brings these into force, which have names and tokens of their own, instead of those before. What
    /// changed has nothing of what it had before.
    pub(super) fn bring(
        &mut self,
        services: Vec<ServiceConfig>,
        renewal: RenewalConfig,
        surroundings: Surroundings,
    ) {
        let before: HashMap<String, _> = std::mem::take(&mut self.in_force)
            .into_iter()
            .map(|(config, service)| (config.name.clone(), (config, service)))
            .collect();
        self.keepers.renew_by(renewal);
        let mut wanted = HashSet::new();
        for config in services {
            let service = self.service(&config, before.get(&config.name), &mut wanted);
            self.in_force.push((config, service));
        }
        tell_difference(&before, &self.in_force);
        let services = self.in_force.iter();
        let services = services.map(|(_, service)| Arc::clone(service)).collect();
        let table = Table::new(services).with(surroundings);
        self.tables.send_replace(Arc::new(table));
        self.keepers.retain(&wanted);
    }

    /// Ends all keepers, and waits for renewals under way, within `patience`.
    pub(super) async fn finish(self, patience: Duration) {
        self.keepers.finish(patience).await;
    }

    fn service(
        &mut self,
        config: &ServiceConfig,
        before: Option<&(ServiceConfig, Arc<Service>)>,
        wanted: &mut HashSet<Wanted>,
    ) -> Arc<Service> {
        let mut supply = |role| {
            let of = Wanted {
                source: config.source.clone(),
                role,
            };
            let supply = self.keepers.supply(&of);
            wanted.insert(of);
            supply
        };
        let own = supply(config.role.clone());
        let allowed = config.allowed_roles.iter().cloned();
        let allowed: Vec<_> = allowed.map(|role| supply(Some(role))).collect();
        if let Some((old, service)) = before
            && old == config
            && Arc::ptr_eq(&service.supply, &own)
        {
            return Arc::clone(service);
        }
        Arc::new(Service {
            name: config.name.clone(),
            tokens: tokens(config, before),
            supply: own,
            allowed,
            place: config.place.clone(),
        })
    }
}

/// A token that comes from a file and changed with it was rotated; any other one is replaced at once.
fn tokens(config: &ServiceConfig, before: Option<&(ServiceConfig, Arc<Service>)>) -> Arc<Tokens> {
    let (new, before) = match before {
        Some((old, service)) => (&config.token, Some((&old.token, &service.tokens))),
        None => (&config.token, None),
    };
    match before {
        Some((old, tokens)) if old.secret == new.secret => Arc::clone(tokens),
        Some((old, tokens)) if old.file.is_some() && old.file == new.file => {
            info!(
                service = config.name,
                "the token was rotated: the one before it is good for ten more minutes"
            );
            Arc::new(Tokens::rotated(&new.secret, tokens))
        }
        Some(_) | None => Arc::new(Tokens::new(&new.secret)),
    }
}

fn tell_difference(
    before: &HashMap<String, (ServiceConfig, Arc<Service>)>,
    now: &[(ServiceConfig, Arc<Service>)],
) {
    let mut removed: BTreeSet<&str> = before.keys().map(String::as_str).collect();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for (config, _) in now {
        removed.remove(config.name.as_str());
        match before.get(&config.name) {
            None => added.push(config.name.as_str()),
            Some((old, _)) if !old.says_the_same(config) => changed.push(config.name.as_str()),
            Some(_) => {}
        }
    }
    if added.is_empty() && changed.is_empty() && removed.is_empty() {
        return;
    }
    let removed: Vec<_> = removed.into_iter().collect();
    info!(
        services = now.len(),
        added = list(&added),
        changed = list(&changed),
        removed = list(&removed),
        "services for containers come into force"
    );
}

/// Names for a line of the log, which has to end somewhere.
fn list(names: &[&str]) -> Option<String> {
    const MOST_NAMES: usize = 20;
    let (first, further) = names.split_at(names.len().min(MOST_NAMES));
    let text = first.join(", ");
    match (names.is_empty(), further.len()) {
        (true, _) => None,
        (false, 0) => Some(text),
        (false, further) => Some(format!("{text} and {further} more")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::Ordering;

    use sso_session::secret::Secret;

    use super::*;
    use crate::config::{Place, RoleConfig, SourceConfig, SourceKind, TokenConfig};
    use crate::container_credentials::keepers::tests::{begins, idle};

    fn role(name: &str) -> Arc<RoleConfig> {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        Arc::new(RoleConfig::new(arn, "test"))
    }

    fn service(name: &str, role_name: &str) -> ServiceConfig {
        ServiceConfig {
            name: name.to_owned(),
            token: TokenConfig {
                secret: Secret::new(format!("token-of-the-{name}")),
                file: None,
            },
            source: SourceConfig {
                region: None,
                kind: SourceKind::Own,
            },
            role: Some(role(role_name)),
            allowed_roles: Vec::new(),
            place: Place {
                file: Path::new("main").into(),
                line: 1,
                column: 1,
            },
        }
    }

    fn with_token(token: &str, file: Option<&str>) -> ServiceConfig {
        ServiceConfig {
            token: TokenConfig {
                secret: Secret::new(token),
                file: file.map(PathBuf::from),
            },
            ..service("a", "r")
        }
    }

    fn bring(registry: &mut Registry, services: &[ServiceConfig]) -> Arc<Table> {
        registry.bring(
            services.to_vec(),
            RenewalConfig::default(),
            Surroundings::default(),
        );
        registry.view().table()
    }

    fn name<'a>(table: &'a Table, token: &str) -> Option<&'a str> {
        let service = table.by_authorization(token.as_bytes())?;
        Some(&service.name)
    }

    #[test]
    fn a_line_of_the_log_ends_somewhere() {
        assert_eq!(list(&[]), None);
        assert_eq!(list(&["a", "b"]).as_deref(), Some("a, b"));
        let many = list(&["a"; 23]).expect("a text");
        assert!(many.ends_with("a, a and 3 more"), "{many}");
    }

    #[tokio::test]
    async fn what_did_not_change_is_not_touched() {
        let (keepers, begun, _) = idle();
        let mut registry = Registry::new(keepers);
        let (a, b) = (service("a", "shared"), service("b", "shared"));
        let first = bring(&mut registry, &[a.clone(), b]);
        assert_eq!(begun.load(Ordering::Relaxed), 1, "they share one");
        let second = bring(&mut registry, &[a, service("c", "other")]);
        let of = |table: &Table| Arc::clone(table.by_name("a").expect("it is there"));
        assert!(Arc::ptr_eq(&of(&first), &of(&second)));
        assert!(second.by_name("b").is_none());
        assert_eq!(name(&second, "token-of-the-b"), None);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn another_role_is_another_supply_at_once() {
        let (keepers, _, ended) = idle();
        let mut registry = Registry::new(keepers);
        let first = bring(&mut registry, &[service("a", "old")]);
        begins().await;
        let second = bring(&mut registry, &[service("a", "new")]);
        let supply = |table: &Table| Arc::clone(&table.by_name("a").expect("it is there").supply);
        assert!(!Arc::ptr_eq(&supply(&first), &supply(&second)));
        let arn = "arn:aws:iam::123456789012:role/new";
        assert_eq!(supply(&second).role_arn(), Some(arn));
        while ended.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn another_way_to_renew_takes_nothing_away() {
        let (keepers, begun, _) = idle();
        let mut registry = Registry::new(keepers);
        let services = [service("a", "r")];
        let before = bring(&mut registry, &services);
        let renewal = RenewalConfig {
            least_ahead: Some(Duration::from_mins(30)),
            ..RenewalConfig::default()
        };
        registry.bring(services.to_vec(), renewal, Surroundings::default());
        let after = registry.view().table();
        assert!(Arc::ptr_eq(&before.services()[0], &after.services()[0]));
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_place_that_moves_changes_nothing_else() {
        let (keepers, begun, _) = idle();
        let mut registry = Registry::new(keepers);
        let mut moved = service("a", "r");
        moved.place.line = 9;
        assert!(moved.says_the_same(&service("a", "r")));
        assert!(!moved.says_the_same(&service("a", "other")));
        let first = bring(&mut registry, &[service("a", "r")]);
        let second = bring(&mut registry, &[moved]);
        let (first, second) = (&first.services()[0], &second.services()[0]);
        assert!(Arc::ptr_eq(&first.supply, &second.supply));
        assert!(Arc::ptr_eq(&first.tokens, &second.tokens));
        assert_eq!(second.place.line, 9);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_token_from_a_file_overlaps_and_any_other_does_not() {
        for (before, after, overlaps) in [
            (Some("f"), Some("f"), true),
            (None, None, false),
            (Some("f"), Some("g"), false),
            (Some("f"), None, false),
            (None, Some("f"), false),
        ] {
            let (keepers, ..) = idle();
            let mut registry = Registry::new(keepers);
            bring(&mut registry, &[with_token("the-old-token-of-it", before)]);
            let table = bring(&mut registry, &[with_token("the-new-token-of-it", after)]);
            let old = name(&table, "the-old-token-of-it");
            assert_eq!(old.is_some(), overlaps, "{before:?} {after:?}");
            assert_eq!(name(&table, "the-new-token-of-it"), Some("a"));
        }
    }

    #[tokio::test]
    async fn a_rotation_survives_further_changes_of_the_configuration() {
        let (keepers, ..) = idle();
        let mut registry = Registry::new(keepers);
        bring(
            &mut registry,
            &[with_token("the-old-token-of-it", Some("f"))],
        );
        let rotated = with_token("the-new-token-of-it", Some("f"));
        bring(&mut registry, std::slice::from_ref(&rotated));
        let table = bring(&mut registry, &[rotated, service("b", "r")]);
        assert_eq!(name(&table, "the-old-token-of-it"), Some("a"));
    }
}
