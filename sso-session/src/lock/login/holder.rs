//! Who has the lock, for a person.

use std::fmt;
use std::time::SystemTime;

use super::folder::Sight;
use super::owner::Owner;
use crate::date;

/// Somebody who has the lock, or had it when it was killed. Its `Display` reads after "held by".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    who: Who,
    /// Since when it has the lock, where that can be told.
    pub since: Option<SystemTime>,
    /// The profile that it logs in with, once it does.
    pub profile: Option<String>,
    /// Whether it is known to be dead: whoever needs the lock next takes it over.
    pub is_gone: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Process { pid: u32, host: String },
    Nobody,
    Nameless,
}

impl Holder {
    pub(super) fn of(sight: Option<&Sight>) -> Self {
        match sight {
            Some(Sight::Owned(owner)) => Self::of_owner(owner),
            Some(Sight::Nobodys) => Self::new(Who::Nobody, None),
            Some(Sight::Nameless { modified, .. }) => {
                Self::new(Who::Nameless, date::from_epoch_seconds(modified.0))
            }
            // It is about to write its name.
            None => Self::new(Who::Nameless, None),
        }
    }

    /// Whether it is a program that only knows `mkdir`: whether that lives cannot be told.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.who == Who::Nameless
    }

    fn of_owner(owner: &Owner) -> Self {
        let who = Who::Process {
            pid: owner.pid,
            host: owner.host.clone(),
        };
        Self {
            profile: owner.login.as_ref().map(|login| login.profile.clone()),
            is_gone: owner.is_gone(),
            ..Self::new(who, owner.since)
        }
    }

    fn new(who: Who, since: Option<SystemTime>) -> Self {
        Self {
            is_gone: who == Who::Nobody,
            who,
            since,
            profile: None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Process { pid, host } => write!(formatter, "process {pid} on {host}")?,
            Who::Nobody => formatter.write_str("nobody: its owner was killed")?,
            Who::Nameless => formatter.write_str("a program that gives no name")?,
        }
        match self.since {
            Some(since) => write!(formatter, ", since {}", date::format(since)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_in_words() {
        let owner = Owner {
            pid: 4711,
            host: "laptop".to_owned(),
            since: date::from_epoch_seconds(1_767_323_045),
            ..Owner::new()
        };
        let named = Sight::Owned(Box::new(owner));
        let nameless = Sight::Nameless {
            inode: 1,
            modified: (1_767_323_045, 0),
        };
        let told = [Some(&named), Some(&nameless), Some(&Sight::Nobodys), None];
        assert_eq!(
            told.map(|sight| Holder::of(sight).to_string()),
            [
                "process 4711 on laptop, since 2026-01-02T03:04:05Z",
                "a program that gives no name, since 2026-01-02T03:04:05Z",
                "nobody: its owner was killed",
                "a program that gives no name",
            ]
        );
    }
}
