//! What went wrong lately, for people: noted where an error becomes an answer, or ends one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::status;
use crate::credentials::now;
use crate::error::{Error, Trouble};

/// So many kinds of trouble are remembered.
const MOST: usize = 20;
/// Longer texts are cut, in bytes: others' words may be long.
const LONGEST: usize = 600;

/// The newest troubles. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(Arc<Mutex<VecDeque<Noted>>>);

/// One kind of trouble: answers with the same title and the same cure. What happened names the key, or S3's
/// ids, and is another text each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// In one line.
    pub(super) title: &'static str,
    /// Whether it passes by itself, wherever it is.
    pub(super) is_passing: bool,
    /// As it was last told.
    pub(super) trouble: Trouble,
    /// Whom it met last.
    pub(super) key: String,
    pub(super) count: u64,
    pub(super) first: SystemTime,
    pub(super) last: SystemTime,
}

impl Troubles {
    /// Notes why `key` could not be had. What the bucket does not have is no trouble.
    pub(super) fn note(&self, error: &Error, key: &str) {
        if let Some((title, trouble)) = status::trouble(error) {
            let is_passing = matches!(error, Error::Unavailable(_));
            self.note_at(title, is_passing, &trouble, key, now());
        }
    }

    fn note_at(
        &self,
        title: &'static str,
        is_passing: bool,
        trouble: &Trouble,
        key: &str,
        at: SystemTime,
    ) {
        let trouble = Trouble {
            reason: cut(&trouble.reason),
            cure: cut(&trouble.cure),
            command: trouble.command.clone(),
        };
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &Noted| known.title == title && known.trouble.cure == trouble.cure;
        let known = noted.iter().position(is_same);
        let known = known.and_then(|index| noted.remove(index));
        noted.truncate(MOST - 1);
        noted.push_front(Noted {
            title,
            is_passing,
            key: key.to_owned(),
            count: known.as_ref().map_or(0, |known| known.count) + 1,
            first: known.map_or(at, |known| known.first),
            last: at,
            trouble,
        });
    }

    /// The newest one first.
    pub(super) fn newest(&self) -> Vec<Noted> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().cloned().collect()
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", &text[..end])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn trouble(reason: &str, cure: &str) -> Trouble {
        Trouble {
            reason: reason.to_owned(),
            cure: cure.to_owned(),
            command: None,
        }
    }

    #[test]
    fn the_same_trouble_of_many_keys_is_told_once_with_its_count_and_its_last_key() {
        let troubles = Troubles::default();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        for (seconds, cure, key) in [(1, "x", "a"), (2, "y", "b"), (3, "x", "c")] {
            let reason = format!("S3 denies {key}");
            let trouble = trouble(&reason, cure);
            troubles.note_at("title", true, &trouble, key, at(seconds));
        }
        let [x, y] = &troubles.newest()[..] else {
            panic!("two kinds");
        };
        assert_eq!(
            (x.trouble.reason.as_str(), x.key.as_str()),
            ("S3 denies c", "c")
        );
        assert_eq!((x.count, x.first, x.last), (2, at(1), at(3)));
        assert_eq!((y.count, y.first, y.last), (1, at(2), at(2)));
    }

    #[test]
    fn only_so_many_are_kept_and_none_is_long() {
        let troubles = Troubles::default();
        for number in 0..100 {
            let text = format!("{number}{}", "ü".repeat(1000));
            let trouble = trouble(&text, &text);
            troubles.note_at("title", true, &trouble, "key", UNIX_EPOCH);
        }
        let newest = troubles.newest();
        assert_eq!(newest.len(), MOST);
        assert!(newest[0].trouble.reason.starts_with("99ü"));
        assert!(newest.iter().all(|noted| noted.trouble.reason.len() < 700));
    }

    #[test]
    fn what_is_missing_is_no_trouble() {
        let troubles = Troubles::default();
        troubles.note(&Error::NotFound, "a");
        troubles.note(&Error::MissingOrDenied, "a");
        assert!(troubles.newest().is_empty());
        troubles.note(&Error::Denied("no".to_owned()), "a");
        assert_eq!(troubles.newest().len(), 1);
    }
}
