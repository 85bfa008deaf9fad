//! Watches the token files, and publishes every change that was made in place once more by rename: the
//! AWS CLI writes in place, and a container may not see that before it restarts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sso_session::token::{Change, Reading, Republished, Sight, TokenFile};
use tracing::{info, warn};

/// More sessions than anybody has.
const MOST_FILES: usize = 32;

/// What was seen of each file.
#[derive(Debug, Default)]
pub(crate) struct TokenWatch {
    files: BTreeMap<PathBuf, Watched>,
}

/// A token that somebody else wrote in place, and that is published now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InPlace {
    path: PathBuf,
    /// There was none before, or none that could be used or renewed any more.
    was_needed: bool,
}

impl InPlace {
    /// Whether it is a login by hand. SDKs write in place, too, as often as they renew a token: so it is one only
    /// in the file of the session in sight, and only where that session needed a login, because somebody asks for
    /// one or because its token was of no use.
    pub(crate) fn is_login_by_hand(&self, in_sight: &Path, is_asked: bool) -> bool {
        self.path == in_sight && (is_asked || self.was_needed)
    }
}

#[derive(Debug)]
struct Watched {
    file: TokenFile,
    sight: Option<Sight>,
    life: Option<Life>,
    /// A failure is logged once.
    has_failed: bool,
}

/// What is kept of a token.
#[derive(Clone, Copy, Debug)]
struct Life {
    expires_at: SystemTime,
    can_be_renewed: bool,
}

impl TokenWatch {
    /// Watches a file from now on. What is there already is published, as it may have come while nobody
    /// watched.
    pub(crate) fn watch(&mut self, file: &TokenFile, now: SystemTime) {
        if self.files.contains_key(file.path()) || self.files.len() >= MOST_FILES {
            return;
        }
        let mut watched = Watched {
            file: file.clone(),
            sight: None,
            life: None,
            has_failed: false,
        };
        watched.publish(now);
        self.files.insert(file.path().to_owned(), watched);
    }

    /// Looks at all files, and publishes those that were changed in place, which are returned. Blocks on the
    /// disk.
    pub(crate) fn look(&mut self, now: SystemTime) -> Vec<InPlace> {
        let files = self.files.values_mut();
        files.filter_map(|watched| watched.look(now)).collect()
    }
}

impl Watched {
    fn look(&mut self, now: SystemTime) -> Option<InPlace> {
        let sight = match self.file.sight() {
            Ok(sight) => sight,
            Err(error) => {
                self.complain(&error);
                return None;
            }
        };
        let change = match (&self.sight, &sight) {
            (None, None) => return None,
            (Some(_), None) => Some(Change::Renamed),
            (None, Some(_)) => Some(Change::InPlace),
            (Some(before), Some(sight)) => sight.change_since(before),
        };
        match change {
            Some(Change::InPlace) => {
                let was_needed = !self.life.is_some_and(|life| life.is_of_use(now));
                self.publish(now).then(|| InPlace {
                    path: self.file.path().to_owned(),
                    was_needed,
                })
            }
            Some(Change::Renamed) => {
                self.sight = sight;
                self.take_note(now);
                None
            }
            None => {
                self.sight = sight;
                None
            }
        }
    }

    fn publish(&mut self, now: SystemTime) -> bool {
        match self.file.republish() {
            Ok(Republished::Done(sight)) => {
                info!(path = %self.file.path().display(), "a token is published by rename");
                self.sight = Some(sight);
                self.has_failed = false;
                self.take_note(now);
                true
            }
            // A writer is at work, or nothing is there: the next look sees it.
            Ok(
                Republished::NotAToken | Republished::ChangedMeanwhile | Republished::NothingThere,
            ) => false,
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    /// Notes how long the token of the moment is of use.
    fn take_note(&mut self, now: SystemTime) {
        match self.file.read() {
            Reading::Found(token) => {
                self.life = Some(Life {
                    expires_at: token.expires_at,
                    can_be_renewed: token.can_refresh(now),
                });
            }
            Reading::Absent => self.life = None,
            // A writer is at work: what was there counts.
            Reading::Unreadable(_) => {}
        }
    }

    fn complain(&mut self, error: &sso_session::disk::DiskError) {
        if !std::mem::replace(&mut self.has_failed, true) {
            warn!(%error, "a token cannot be published: containers may not see it");
        }
    }
}

impl Life {
    fn is_of_use(self, now: SystemTime) -> bool {
        self.can_be_renewed || now < self.expires_at
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests write as the AWS CLI does: in place"
)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    const LIVES: &str = "2026-01-02T04:00:00Z";
    const ENDED: &str = "2026-01-02T03:00:00Z";
    const RENEWABLE: &str = r#", "clientId": "i", "clientSecret": "s", "refreshToken": "r""#;

    /// 2026-01-02T03:04:05Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }

    fn token(access_token: &str, expires_at: &str, more: &str) -> String {
        format!(r#"{{"accessToken": "{access_token}", "expiresAt": "{expires_at}"{more}}}"#)
    }

    /// Whether a token that is written in place of `before` is taken for a login by hand.
    fn is_by_hand(before: Option<&str>, is_asked: bool) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        if let Some(before) = before {
            fs::write(file.path(), before).expect("written");
        }
        let mut watch = TokenWatch::default();
        watch.watch(&file, now());
        assert_eq!(watch.look(now()), [], "nothing has happened yet");
        fs::write(file.path(), token("new", LIVES, "")).expect("written");
        let changed = watch.look(now());
        assert_eq!(changed.len(), 1);
        let elsewhere = folder.path().join("other.json");
        assert!(!changed[0].is_login_by_hand(&elsewhere, true));
        changed[0].is_login_by_hand(file.path(), is_asked)
    }

    #[test]
    fn a_login_by_hand_is_one_that_was_needed() {
        assert!(is_by_hand(None, false), "nobody was signed in");
        assert!(is_by_hand(Some(&token("old", ENDED, "")), false));
        assert!(is_by_hand(Some(&token("old", LIVES, "")), true));
    }

    #[test]
    fn a_renewal_in_place_is_no_login_by_hand() {
        assert!(!is_by_hand(Some(&token("old", LIVES, "")), false));
        let renewable = token("old", ENDED, RENEWABLE);
        assert!(!is_by_hand(Some(&renewable), false));
    }

    #[test]
    fn a_token_that_is_half_written_counts_as_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        fs::write(file.path(), token("old", LIVES, "")).expect("written");
        let mut watch = TokenWatch::default();
        watch.watch(&file, now());
        fs::write(file.path(), "{").expect("written");
        assert_eq!(watch.look(now()), []);
        fs::write(file.path(), token("new", LIVES, "")).expect("written");
        let changed = watch.look(now());
        assert!(!changed[0].is_login_by_hand(file.path(), false));
    }
}
