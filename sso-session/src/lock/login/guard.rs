//! The lock while it is ours.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::folder::Folder;
use super::owner::{Owner, RunningLogin};
use crate::date;
use crate::disk::DiskError;
use crate::lock::{HostGuard, LockError};

/// The lock, until dropped. Dropping gives it back, and blocks on the disk for that, as all methods do.
///
/// If a login still runs under it then, the folder stays, so that the next attempt finds that login.
#[derive(Debug)]
pub struct LoginGuard {
    held: Arc<Held>,
    /// Dropped to end the heartbeat.
    stop: Option<Sender<()>>,
    beating: Option<JoinHandle<()>>,
    /// Given back last.
    _host_guard: HostGuard,
}

#[derive(Debug)]
struct Held {
    folder: Folder,
    owner: Mutex<Owner>,
}

impl LoginGuard {
    pub(super) fn new(
        host_guard: HostGuard,
        folder: Folder,
        owner: Owner,
        heartbeat: Duration,
    ) -> Result<Self, LockError> {
        let held = Arc::new(Held {
            folder,
            owner: Mutex::new(owner),
        });
        let (stop, stopped) = mpsc::channel();
        // From here on, dropping it gives the lock back.
        let mut guard = Self {
            held: Arc::clone(&held),
            stop: Some(stop),
            beating: None,
            _host_guard: host_guard,
        };
        let path = held.folder.path().to_owned();
        let spawned = thread::Builder::new()
            .name("login-lock".to_owned())
            .spawn(move || beat(&held, heartbeat, &stopped));
        guard.beating = Some(spawned.map_err(DiskError::at("beating for the lock", &path))?);
        Ok(guard)
    }

    /// Notes the login that now runs under the lock, so that a successor finds it if we are killed.
    ///
    /// # Errors
    /// It is not noted: the login must be ended. [`LockError::Lost`] if the lock is not ours any more.
    pub fn began(&mut self, mut login: RunningLogin) -> Result<(), LockError> {
        // As it can be read again: what is read is compared with what was written.
        let seconds = login.deadline.map(date::epoch_seconds);
        login.deadline = seconds.and_then(date::from_epoch_seconds);
        self.note(Some(login))
    }

    /// Notes that no login runs under the lock any more.
    ///
    /// # Errors
    /// As [`Self::began`]; then a successor finds that it is over by itself.
    pub fn ended(&mut self) -> Result<(), LockError> {
        self.note(None)
    }

    fn note(&mut self, login: Option<RunningLogin>) -> Result<(), LockError> {
        if self.held.update(|owner| owner.login = login)? {
            Ok(())
        } else {
            Err(LockError::Lost(self.path().to_owned()))
        }
    }

    /// Whether nobody has removed it, or has taken us for dead.
    #[must_use]
    pub fn is_still_ours(&self) -> bool {
        let ours = self.held.owner();
        self.held.current(&ours).is_ok_and(|now| now.is_some())
    }

    /// The lock's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.held.folder.path()
    }
}

impl Drop for LoginGuard {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A heartbeat under way ends first.
        let _ended = self.beating.take().map(JoinHandle::join);
        if let Err(error) = self.held.give_back() {
            tracing::warn!(%error, "the login lock stays until the next login");
        }
    }
}

impl Held {
    fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file says, if that is us.
    fn current(&self, ours: &Owner) -> Result<Option<Owner>, DiskError> {
        let current = self.folder.owner()?;
        Ok(current.filter(|owner| owner.nonce == ours.nonce))
    }

    /// Shows a sign of life, and what has changed; whether the lock is still ours.
    fn update(&self, change: impl FnOnce(&mut Owner)) -> Result<bool, DiskError> {
        let mut owner = self.owner();
        change(&mut owner);
        match self.current(&owner)? {
            Some(current) => {
                owner.heartbeat = current.heartbeat.wrapping_add(1);
                self.folder.hand_over(Some(&current), &mut owner)
            }
            None => Ok(false),
        }
    }

    fn give_back(&self) -> Result<(), DiskError> {
        match self.current(&self.owner())? {
            Some(owner) if owner.living_login().is_some() => {
                let lock = self.folder.path().display();
                tracing::warn!(%lock, "a login still runs: the lock stays for who comes next");
                Ok(())
            }
            Some(_) => self.folder.remove(),
            None => Ok(()),
        }
    }
}

/// Shows signs of life until it is stopped or the lock is lost.
fn beat(held: &Held, interval: Duration, stop: &Receiver<()>) {
    let mut is_failing = false;
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        match held.update(|_| ()) {
            Ok(true) => is_failing = false,
            Ok(false) => {
                let lock = held.folder.path().display();
                tracing::warn!(%lock, "the login lock was removed, or taken over by another host");
                return;
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "the login lock shows no sign of life");
                }
                is_failing = true;
            }
        }
    }
}
