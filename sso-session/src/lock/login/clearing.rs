//! A person asks for the lock to be removed, whoever left it.

use std::thread;
use std::time::{Duration, Instant};

use super::folder::Sight;
use super::{Holder, LoginLock};
use crate::lock::LockError;

/// An owner on another host that misses so many heartbeats is dead, where a person says so, too.
const MISSED_HEARTBEATS: u32 = 3;

/// How often such an owner is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a lock that was to be cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// It was left by somebody, and is removed.
    Removed,
    /// There was none.
    NothingThere,
    /// A login is under way, and was not disturbed.
    InUse(Holder),
}

impl LoginLock {
    /// Removes the lock unless a login runs under it, also if it is a foreign program's. Looks at the lock of
    /// another host for six seconds; else it waits for nothing.
    pub fn clear_dead(&self) -> Result<Cleared, LockError> {
        let guard = match self.guard() {
            Ok(guard) => guard,
            Err(LockError::FolderMissing(_)) => return Ok(Cleared::NothingThere),
            Err(error) => return Err(error),
        };
        let sight = self.folder.look()?;
        if guard.is_none() {
            return Ok(Cleared::InUse(Holder::of(sight.as_ref())));
        }
        match sight {
            None => Ok(Cleared::NothingThere),
            Some(sight) if self.is_in_use(&sight)? => Ok(Cleared::InUse(Holder::of(Some(&sight)))),
            Some(_) => {
                self.folder.remove()?;
                Ok(Cleared::Removed)
            }
        }
    }

    /// Whether something lives behind a lock whose guard is free.
    fn is_in_use(&self, sight: &Sight) -> Result<bool, LockError> {
        match sight {
            Sight::Owned(owner) if owner.is_of_this_host() => Ok(owner.living_login().is_some()),
            Sight::Owned(_) => self.changes(sight),
            Sight::Nobodys | Sight::Nameless { .. } => Ok(false),
        }
    }

    fn changes(&self, sight: &Sight) -> Result<bool, LockError> {
        let begin = Instant::now();
        while begin.elapsed() < self.heartbeat * MISSED_HEARTBEATS {
            if self.folder.look()?.as_ref() != Some(sight) {
                return Ok(true);
            }
            thread::sleep(LOOK.min(self.heartbeat));
        }
        Ok(false)
    }
}
