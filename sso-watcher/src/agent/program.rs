//! The AWS CLI that logs in, searched again whenever a candidate changes. A search may take a minute, as
//! every candidate is asked for its version: nothing but a login waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as Turn;

use crate::aws_cli::AwsCli;
use crate::aws_cli::search::Search;

/// Finds it, and remembers what it found; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    search: Search,
    known: Arc<Mutex<Option<Known>>>,
    /// One search at a time.
    turn: Arc<Turn<()>>,
}

/// What a search found, and the candidates' fingerprint at that time.
#[derive(Clone, Debug)]
struct Known {
    stamp: u64,
    found: Result<AwsCli, String>,
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
        let known = self.known().clone().filter(|known| known.stamp == stamp);
        let Some(known) = known else {
            let program = self.clone();
            tokio::spawn(async move { program.find().await });
            return (None, stamp);
        };
        (known.found.err(), stamp)
    }

    /// The program, or what is wrong; with the cure.
    pub(crate) async fn find(&self) -> Result<AwsCli, String> {
        let _turn = self.turn.lock().await;
        let stamp = tokio::task::block_in_place(|| self.search.fingerprint());
        if let Some(known) = self.known().clone().filter(|known| known.stamp == stamp) {
            return known.found;
        }
        let finding = self.search.find().await;
        let found = finding.cli.map_err(|error| error.to_string());
        *self.known() = finding.is_settled.then(|| Known {
            stamp,
            found: found.clone(),
        });
        found
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
