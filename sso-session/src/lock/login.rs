//! The lock around a login: at most one on a host, whoever is killed when.
//!
//! ```text
//! <state>/login.guard             flocked while somebody logs in: the kernel drops it with the process
//!        /login.lock/             there all that time, for tools that only know mkdir
//!                   /owner.json   who, a heartbeat, and the login's process group
//! ```
//!
//! | guard | folder | then |
//! |---|---|---|
//! | another process's | | busy |
//! | ours | absent | made |
//! | ours | a process of this host owns it | it is dead: taken over, with the login that may have outlived it |
//! | ours | one of another host owns it (a shared home) | dead after 60 s without a heartbeat |
//! | ours | nobody's: one of ours was killed half-way | taken at once |
//! | ours | nameless: a foreign tool's | dead after 15 minutes without a change |
//!
//! How long something has not changed is measured by this process's own clock: no step of a wall clock
//! gives a lock away, or keeps one.

mod clearing;
mod folder;
mod guard;
mod holder;
mod owner;

#[cfg(test)]
mod contention;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::observation::Observation;
use super::{HostGuard, LockError};
use folder::{Folder, Sight};
use owner::Owner;

pub use clearing::Cleared;
pub use guard::LoginGuard;
pub use holder::Holder;
pub use owner::RunningLogin;

/// How often an owner shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Another host's owner without a heartbeat for so long is dead, or asleep with its login.
const REMOTE_IS_DEAD_AFTER: Duration = Duration::from_mins(1);

/// Longer than any login takes: the AWS CLI gives up after ten minutes.
pub const NAMELESS_IS_DEAD_AFTER: Duration = Duration::from_mins(15);

/// The one login lock of a state folder; cheap to clone. Keep it between attempts: what it has seen of an
/// owner that may be dead counts in the next one.
///
/// All methods block on the disk, and wait for nobody.
#[derive(Clone, Debug)]
pub struct LoginLock {
    guard_path: PathBuf,
    folder: Folder,
    heartbeat: Duration,
    seen: Observation<Sight>,
}

/// What became of an attempt to take the lock.
#[derive(Debug)]
pub enum Acquired {
    /// It is ours.
    Ours(LoginGuard),
    /// It is ours, and the login of an owner that was killed still runs. The lock goes on naming it until
    /// [`LoginGuard::began`] or [`LoginGuard::ended`] says otherwise.
    Orphan(LoginGuard, RunningLogin),
    /// Somebody else has it.
    Busy(Holder),
}

impl LoginLock {
    /// Names the files; touches nothing yet.
    #[must_use]
    pub fn new(state_folder: impl AsRef<Path>) -> Self {
        let state_folder = state_folder.as_ref();
        Self {
            guard_path: state_folder.join("login.guard"),
            folder: Folder::new(state_folder.join("login.lock")),
            heartbeat: HEARTBEAT,
            seen: Observation::default(),
        }
    }

    /// Takes the lock, or says who has it. The state folder must exist.
    pub fn try_acquire(&self) -> Result<Acquired, LockError> {
        let Some(guard) = self.guard()? else {
            return self.busy();
        };
        let sight = self.folder.look()?;
        let unchanged = self.seen.note(sight.as_ref());
        let mut us = Owner::new();
        if !self.take(sight.as_ref(), unchanged, &mut us)? {
            return self.busy();
        }
        let orphan = us.login.clone();
        let guard = LoginGuard::new(guard, self.folder.clone(), us, self.heartbeat)?;
        Ok(match orphan {
            Some(login) => Acquired::Orphan(guard, login),
            None => Acquired::Ours(guard),
        })
    }

    #[cfg(test)]
    fn hurried(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Takes the folder, which looks so for so long; whether it could be had.
    fn take(
        &self,
        sight: Option<&Sight>,
        unchanged: Duration,
        us: &mut Owner,
    ) -> Result<bool, LockError> {
        let from = match sight {
            None => return self.make(us),
            Some(Sight::Owned(owner)) => {
                // We have the guard, so no process of this host is its owner any more.
                if !owner.is_of_this_host() && unchanged < REMOTE_IS_DEAD_AFTER {
                    return Ok(false);
                }
                us.login = owner.living_login().cloned();
                Some(&**owner)
            }
            Some(Sight::Nameless { .. }) if unchanged < NAMELESS_IS_DEAD_AFTER => return Ok(false),
            Some(Sight::Nobodys | Sight::Nameless { .. }) => None,
        };
        tracing::warn!(
            lock = %self.folder.path().display(),
            holder = %Holder::of(sight),
            "the login lock is taken over from one that is dead"
        );
        Ok(self.folder.hand_over(from, us)?)
    }

    fn make(&self, us: &mut Owner) -> Result<bool, LockError> {
        if !self.folder.make()? {
            return Ok(false);
        }
        let taken = self.folder.hand_over(None, us);
        Ok(taken.inspect_err(|_| self.folder.unmake())?)
    }

    /// Who has the lock, or left it; `None` if it is free. Takes nothing.
    pub fn look(&self) -> Result<Option<Holder>, LockError> {
        let sight = self.folder.look()?;
        Ok(sight.as_ref().map(|sight| Holder::of(Some(sight))))
    }

    fn busy(&self) -> Result<Acquired, LockError> {
        let sight = self.folder.look()?;
        Ok(Acquired::Busy(Holder::of(sight.as_ref())))
    }

    fn guard(&self) -> Result<Option<HostGuard>, LockError> {
        HostGuard::try_acquire(&self.guard_path).map_err(LockError::creating)
    }
}
