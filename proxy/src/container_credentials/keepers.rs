//! Who keeps the credentials of all services: one task for each source and role in use, shared by all
//! services that want the same.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{Instrument as _, error, info_span, warn};

use super::Supply;
use crate::config::{RenewalConfig, RoleConfig, SourceConfig, SourceKind};
use crate::credentials::{Credentials, Ending, Keeper, Source};

/// Whose credentials are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Where they begin.
    pub source: SourceConfig,
    /// The role on top of that.
    pub role: Option<Arc<RoleConfig>>,
}

/// Ends when a keeper is no longer wanted, or the process stops.
pub(super) type Stopped = BoxFuture<'static, Ending>;

/// A keeper that was not started yet: its view, and its work.
pub(super) type Begun = (Credentials, BoxFuture<'static, ()>);

type Begin = Box<dyn Fn(&Wanted, Stopped) -> Begun + Send + Sync>;

/// All keepers that work for services.
pub struct Keepers {
    begin: Begin,
    working: HashMap<Wanted, Working>,
    tasks: JoinSet<()>,
    renewal: watch::Sender<RenewalConfig>,
}

struct Working {
    supply: Arc<Supply>,
    /// Dropped, it ends the task; its value says why.
    stop: watch::Sender<Ending>,
}

impl Keepers {
    /// None yet. Each will start from `own`, the source that the proxy itself uses, or beside it.
    pub fn new(
        own: Source,
        check_interval: Duration,
        vars: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let (renewal, renewals) = watch::channel(RenewalConfig::default());
        let begin = move |wanted: &Wanted, stopped| -> Begun {
            let source = own.for_service(&wanted.source, wanted.role.clone());
            let (keeper, credentials) = Keeper::new(source, check_interval, &vars);
            let keeper = keeper.for_containers(renewals.clone());
            (credentials, Box::pin(keeper.run(stopped)))
        };
        Self {
            renewal,
            ..Self::begun_by(begin)
        }
    }

    /// From now on, all renew as this says; what they have is none the worse for it.
    pub(super) fn renew_by(&self, renewal: RenewalConfig) {
        self.renewal.send_replace(renewal);
    }

    /// As `begin` says.
    pub(super) fn begun_by(
        begin: impl Fn(&Wanted, Stopped) -> Begun + Send + Sync + 'static,
    ) -> Self {
        Self {
            begin: Box::new(begin),
            working: HashMap::new(),
            tasks: JoinSet::new(),
            renewal: watch::Sender::default(),
        }
    }

    /// What is supplied of those credentials; they are fetched from now on, if they were not before.
    pub(super) fn supply(&mut self, wanted: &Wanted) -> Arc<Supply> {
        if let Some(working) = self.working.get(wanted) {
            return Arc::clone(&working.supply);
        }
        let (stop, stopped) = watch::channel(Ending::Unwanted);
        let (credentials, work) = (self.begin)(wanted, Box::pin(end(stopped)));
        let role_arn = wanted.role.as_ref().map(|role| role.role_arn.clone());
        let span = info_span!("container_credentials", of = %wanted);
        self.tasks.spawn(work.instrument(span));
        let supply = Arc::new(Supply::new(role_arn, credentials));
        let working = Working {
            supply: Arc::clone(&supply),
            stop,
        };
        self.working.insert(wanted.clone(), working);
        supply
    }

    /// Ends all but these. Renewals under way are finished behind it.
    pub(super) fn retain(&mut self, wanted: &HashSet<Wanted>) {
        self.working.retain(|kept, _| wanted.contains(kept));
        while let Some(ended) = self.tasks.try_join_next() {
            report(ended);
        }
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.working.len()
    }

    /// Ends all, and waits for renewals under way, within `patience`.
    pub(super) async fn finish(mut self, patience: Duration) {
        for (_, Working { stop, .. }) in self.working.drain() {
            stop.send_replace(Ending::Shutdown);
        }
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                report(ended);
            }
        };
        if timeout(patience, ended).await.is_err() {
            let left = self.tasks.len();
            warn!(left, "keepers of credentials hang and are left behind");
        }
    }
}

/// Waits for the end of the sender, and says why it ended.
async fn end(mut stopped: watch::Receiver<Ending>) -> Ending {
    while stopped.changed().await.is_ok() {}
    *stopped.borrow()
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a keeper of credentials ended unexpectedly");
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source.kind {
            SourceKind::Own => f.write_str("the proxy's own source")?,
            SourceKind::Profile { name, .. } => write!(f, "profile `{name}`")?,
            SourceKind::Keys(_) => f.write_str("keys")?,
        }
        match &self.role {
            Some(role) => write!(f, " as {}", role.role_arn),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Keepers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.working.keys()).finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::credentials::State;

    /// Keepers that never have credentials, how many have begun, and how many have ended.
    pub(in crate::container_credentials) fn idle() -> (Keepers, Arc<AtomicUsize>, Arc<AtomicUsize>)
    {
        let begun: Arc<AtomicUsize> = Arc::default();
        let ended: Arc<AtomicUsize> = Arc::default();
        let (starts, ends) = (Arc::clone(&begun), Arc::clone(&ended));
        let keepers = Keepers::begun_by(move |_, stopped| {
            let (states, _) = watch::channel(State::Refreshing);
            starts.fetch_add(1, Ordering::Relaxed);
            let credentials = Credentials::published_by(&states);
            let ends = Arc::clone(&ends);
            let work = async move {
                stopped.await;
                drop(states);
                ends.fetch_add(1, Ordering::Relaxed);
            };
            (credentials, Box::pin(work))
        });
        (keepers, begun, ended)
    }

    fn wanted(profile: &str) -> Wanted {
        Wanted {
            source: SourceConfig {
                region: None,
                kind: SourceKind::Profile {
                    name: profile.to_owned(),
                    config_file: None,
                },
            },
            role: None,
        }
    }

    /// Lets those that are wanted begin: one that never had its turn has nothing to end.
    pub(in crate::container_credentials) async fn begins() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_want_the_same_share_a_keeper() {
        let (mut keepers, begun, _) = idle();
        let one = keepers.supply(&wanted("one"));
        assert!(Arc::ptr_eq(&one, &keepers.supply(&wanted("one"))));
        assert!(!Arc::ptr_eq(&one, &keepers.supply(&wanted("two"))));
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert_eq!(keepers.count(), 2);
    }

    #[tokio::test]
    async fn a_keeper_that_nobody_wants_ends_and_begins_anew_when_wanted() {
        let (mut keepers, begun, ended) = idle();
        let first = keepers.supply(&wanted("one"));
        keepers.supply(&wanted("two"));
        begins().await;
        keepers.retain(&HashSet::from([wanted("two")]));
        while ended.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(keepers.count(), 1);
        let again = keepers.supply(&wanted("one"));
        assert!(!Arc::ptr_eq(&first, &again), "nothing old is given");
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        begins().await;
        keepers.finish(Duration::from_secs(5)).await;
        assert_eq!(ended.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_keeper_that_hangs_is_left_behind() {
        let mut keepers = Keepers::begun_by(|_, _| {
            let (states, _) = watch::channel(State::Refreshing);
            let credentials = Credentials::published_by(&states);
            (credentials, Box::pin(std::future::pending()))
        });
        keepers.supply(&wanted("one"));
        begins().await;
        let began = tokio::time::Instant::now();
        keepers.finish(Duration::from_secs(5)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }
}
