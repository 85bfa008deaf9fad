//! Which of all services that are defined come into force. Pure: no file, no task.
//!
//! * Those of the main file always do, in its order.
//! * A dynamic one does unless its name or its token is taken. Of two dynamic ones the one in force stays;
//!   else the first by the paths of their files. When the other one is gone, the one that waits comes in.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sso_session::secret::Secret;

use crate::config::{MOST_ROLES, Place, ServiceConfig};

/// What comes into force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// No two have the same name or token.
    pub services: Vec<ServiceConfig>,
    /// What does not, and why.
    pub conflicts: Vec<Conflict>,
}

/// A service that is defined and not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its name.
    pub service: String,
    /// Where it is defined.
    pub place: Place,
    /// What it has in common with another.
    pub clash: Clash,
}

/// Why a service is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// The service defined there is called the same.
    Name(Place),
    /// The service of that name, defined there, has the same token.
    Token(String, Place),
    /// There are [`MOST_ROLES`] before it.
    TooMany,
}

/// Who was in force before: the tokens of names, each with the file that it came from.
pub(super) type InForceBefore = HashMap<(String, Arc<Path>), Secret>;

/// What comes into force of the main file's services and those of `dynamic` files.
#[must_use]
pub(super) fn merge(
    main: &[ServiceConfig],
    dynamic: &[(PathBuf, &[ServiceConfig])],
    before: &InForceBefore,
) -> Merged {
    let mut waiting: Vec<_> = dynamic
        .iter()
        .flat_map(|(path, services)| services.iter().map(move |service| (path, service)))
        .map(|(path, service)| {
            let known = (service.name.clone(), Arc::clone(&service.place.file));
            // With another token than before, it may not take that of one in force.
            let rank = match before.get(&known) {
                Some(token) if *token == service.token.secret => Rank::Unchanged,
                Some(_) => Rank::OtherToken,
                None => Rank::New,
            };
            (rank, path, service)
        })
        .collect();
    // Stable: services of one file stay in its order.
    waiting.sort_by_key(|(rank, path, _)| (*rank, *path));
    let dynamic = waiting.into_iter().map(|(_, _, service)| service);
    let mut taken = Taken::default();
    for service in main.iter().chain(dynamic) {
        taken.add(service);
    }
    taken.merged
}

/// Who comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Unchanged,
    OtherToken,
    New,
}

#[derive(Default)]
struct Taken<'a> {
    names: HashMap<&'a str, &'a ServiceConfig>,
    tokens: HashMap<&'a str, &'a ServiceConfig>,
    roles: usize,
    merged: Merged,
}

impl<'a> Taken<'a> {
    fn add(&mut self, service: &'a ServiceConfig) {
        if let Some(clash) = self.clash(service) {
            self.merged.conflicts.push(Conflict {
                service: service.name.clone(),
                place: service.place.clone(),
                clash,
            });
            return;
        }
        self.names.insert(&service.name, service);
        self.tokens.insert(service.token.secret.expose(), service);
        self.roles += service.roles();
        self.merged.services.push(service.clone());
    }

    fn clash(&self, service: &ServiceConfig) -> Option<Clash> {
        if let Some(other) = self.names.get(service.name.as_str()) {
            return Some(Clash::Name(other.place.clone()));
        }
        if let Some(other) = self.tokens.get(service.token.secret.expose()) {
            return Some(Clash::Token(other.name.clone(), other.place.clone()));
        }
        (self.roles + service.roles() > MOST_ROLES).then_some(Clash::TooMany)
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            place,
            clash,
        } = self;
        write!(f, "{place}: service `{service}` is not in force: ")?;
        match clash {
            Clash::Name(other) => write!(
                f,
                "{other} defines one of this name. Give one of them another name"
            ),
            Clash::Token(name, other) => write!(
                f,
                "it has the token of `{name}`, {other}. Give each a token of its own"
            ),
            Clash::TooMany => write!(
                f,
                "there are {MOST_ROLES} services and allowed roles before it. Remove some"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceConfig, SourceKind, TokenConfig};

    fn service(file: &str, name: &str, token: &str) -> ServiceConfig {
        ServiceConfig {
            name: name.to_owned(),
            token: TokenConfig {
                secret: Secret::new(token),
                file: None,
            },
            source: SourceConfig {
                region: None,
                kind: SourceKind::Own,
            },
            role: None,
            allowed_roles: Vec::new(),
            place: Place {
                file: Path::new(file).into(),
                line: 3,
                column: 5,
            },
        }
    }

    fn file(services: &[ServiceConfig]) -> (PathBuf, &[ServiceConfig]) {
        (services[0].place.file.to_path_buf(), services)
    }

    fn in_force(merged: &Merged) -> Vec<(&str, &str)> {
        let services = merged.services.iter();
        services
            .map(|service| {
                let file = service.place.file.to_str().expect("a text");
                (service.name.as_str(), file)
            })
            .collect()
    }

    fn before(merged: &Merged) -> InForceBefore {
        let services = merged.services.iter();
        services
            .map(|service| {
                let known = (service.name.clone(), Arc::clone(&service.place.file));
                (known, service.token.secret.clone())
            })
            .collect()
    }

    fn conflicts(merged: &Merged) -> Vec<String> {
        merged.conflicts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn services_without_conflicts_all_come_in() {
        let main = [service("main", "a", "1"), service("main", "b", "2")];
        let one = [service("d/1", "c", "3"), service("d/1", "d", "4")];
        let merged = merge(&main, &[file(&one)], &InForceBefore::new());
        let expected = [("a", "main"), ("b", "main"), ("c", "d/1"), ("d", "d/1")];
        assert_eq!(in_force(&merged), expected);
        assert!(merged.conflicts.is_empty());
    }

    #[test]
    fn a_static_service_beats_a_dynamic_one_even_if_that_was_there_before() {
        let dynamic = [service("d/1", "a", "secret-one")];
        let alone = merge(&[], &[file(&dynamic)], &InForceBefore::new());
        assert_eq!(in_force(&alone), [("a", "d/1")]);
        let main = [service("main", "a", "secret-two")];
        let merged = merge(&main, &[file(&dynamic)], &before(&alone));
        assert_eq!(in_force(&merged), [("a", "main")]);
        let told = "d/1:3:5: service `a` is not in force: main:3:5 defines one of this name. Give \
                    one of them another name";
        assert_eq!(conflicts(&merged), [told]);
    }

    #[test]
    fn a_token_is_of_one_service_and_is_not_told() {
        let main = [service("main", "a", "a-secret-token")];
        let dynamic = [service("d/1", "b", "a-secret-token")];
        let merged = merge(&main, &[file(&dynamic)], &InForceBefore::new());
        assert_eq!(in_force(&merged), [("a", "main")]);
        let told = "d/1:3:5: service `b` is not in force: it has the token of `a`, main:3:5. Give \
                    each a token of its own";
        assert_eq!(conflicts(&merged), [told]);
    }

    #[test]
    fn of_two_dynamic_ones_the_one_in_force_stays() {
        let (first, second) = ([service("d/1", "a", "1")], [service("d/2", "a", "2")]);
        let both = [file(&first), file(&second)];
        let none_before = merge(&[], &both, &InForceBefore::new());
        assert_eq!(in_force(&none_before), [("a", "d/1")]);
        let alone = merge(&[], &[file(&second)], &InForceBefore::new());
        let merged = merge(&[], &both, &before(&alone));
        assert_eq!(in_force(&merged), [("a", "d/2")]);
        assert_eq!(merged.conflicts.len(), 1);
    }

    #[test]
    fn a_changed_token_takes_none_that_is_in_force_and_gives_no_name_away() {
        let (first, second) = ([service("d/1", "a", "1")], [service("d/2", "b", "2")]);
        let both = merge(&[], &[file(&first), file(&second)], &InForceBefore::new());
        let greedy = [service("d/1", "a", "2")];
        let merged = merge(&[], &[file(&greedy), file(&second)], &before(&both));
        assert_eq!(in_force(&merged), [("b", "d/2")]);
        assert!(matches!(&merged.conflicts[0].clash, Clash::Token(owner, _) if owner == "b"));
        let waiting = [service("d/0", "b", "3")];
        let rotated = [service("d/2", "b", "4")];
        let merged = merge(&[], &[file(&waiting), file(&rotated)], &before(&both));
        assert_eq!(in_force(&merged), [("b", "d/2")]);
    }

    #[test]
    fn who_waits_comes_in_when_the_other_is_gone() {
        let (first, second) = ([service("d/1", "a", "1")], [service("d/2", "a", "2")]);
        let both = merge(&[], &[file(&first), file(&second)], &InForceBefore::new());
        let merged = merge(&[], &[file(&second)], &before(&both));
        assert_eq!(in_force(&merged), [("a", "d/2")]);
        assert!(merged.conflicts.is_empty());
    }

    #[test]
    fn a_file_whose_name_looks_like_a_static_service_touches_none() {
        let main = [service("main", "web", "1")];
        let dynamic = [service("d/web.yaml", "other", "2")];
        let both = merge(&main, &[file(&dynamic)], &InForceBefore::new());
        let merged = merge(&main, &[], &before(&both));
        assert_eq!(in_force(&merged), [("web", "main")]);
    }

    #[test]
    fn there_is_a_bound() {
        let many: Vec<_> = (0..=MOST_ROLES)
            .map(|number| service("d/1", &format!("s{number}"), &format!("t{number}")))
            .collect();
        let merged = merge(&[], &[file(&many)], &InForceBefore::new());
        assert_eq!(merged.services.len(), MOST_ROLES);
        assert_eq!(merged.conflicts.len(), 1);
        assert_eq!(merged.conflicts[0].clash, Clash::TooMany);
    }
}
