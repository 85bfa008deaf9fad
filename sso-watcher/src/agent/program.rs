//! The AWS CLI that logs in, searched again whenever a candidate changes. A search may take a minute, as
//! every candidate is asked for its version: nothing but a login waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use crate::aws_cli::AwsCli;
use crate::aws_cli::search::Search;

/// That none was found counts for so long: a script's CLI may come back though the script stays as it is.
const FAILURE_HOLDS: Duration = Duration::from_mins(1);
/// One that was found behind another that did not answer in time, for so long: the machine may have been busy,
/// or asleep.
const SECOND_CHOICE_HOLDS: Duration = Duration::from_secs(5);

/// Finds it, and remembers what it found; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    search: Search,
    known: Arc<Mutex<Option<Known>>>,
    /// One search at a time.
    turn: Arc<Turn<()>>,
}

/// What a search found.
#[derive(Clone, Debug)]
struct Known {
    /// The candidates' fingerprint at that time.
    stamp: u64,
    found: Result<AwsCli, String>,
    /// When it is to be asked again though no candidate changes; none for never.
    expires: Option<Instant>,
}

impl Known {
    fn holds(&self, stamp: u64) -> bool {
        self.stamp == stamp && self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

impl Program {
    pub(crate) fn new(search: Search) -> Self {
        Self {
            search,
            known: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// What is known to be wrong with it, and a number that changes with the candidates. Begins a search
    /// if one is due, and does not wait for it. Blocks on the disk.
    pub(crate) fn look(&self) -> (Option<String>, u64) {
        let stamp = self.search.fingerprint();
        let known = self.known().clone();
        if !known.as_ref().is_some_and(|known| known.holds(stamp)) {
            self.search_aside();
        }
        let known = known.filter(|known| known.stamp == stamp);
        (known.and_then(|known| known.found.err()), stamp)
    }

    fn search_aside(&self) {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            let program = self.clone();
            tokio::spawn(async move {
                let _known_now = program.search_now().await;
                drop(turn);
            });
        }
    }

    /// The program, or what is wrong; with the cure.
    pub(crate) async fn find(&self) -> Result<AwsCli, String> {
        let _turn = self.turn.lock().await;
        let stamp = tokio::task::block_in_place(|| self.search.fingerprint());
        let known = self.known().clone();
        match known.filter(|known| known.holds(stamp)) {
            Some(known) => known.found,
            None => self.search_now().await,
        }
    }

    async fn search_now(&self) -> Result<AwsCli, String> {
        let stamp = tokio::task::block_in_place(|| self.search.fingerprint());
        let finding = self.search.find().await;
        let holds = match &finding.cli {
            Ok(_) if finding.is_settled => None,
            Ok(_) => Some(SECOND_CHOICE_HOLDS),
            Err(_) => Some(FAILURE_HOLDS),
        };
        let found = finding.cli.map_err(|error| error.to_string());
        *self.known() = Some(Known {
            stamp,
            found: found.clone(),
            expires: holds.map(|holds| Instant::now() + holds),
        });
        found
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
