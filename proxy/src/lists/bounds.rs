//! What a reader has found so far: bounded.

use std::collections::BTreeMap;

use super::{Entry, Format, List, ListError};

/// A monorepo's lock file names some tens of thousands.
const MOST_ENTRIES: usize = 1_000_000;

#[derive(Default)]
pub(super) struct Found {
    entries: Vec<Entry>,
    left_out: BTreeMap<&'static str, usize>,
}

impl Found {
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), ListError> {
        if self.entries.len() == MOST_ENTRIES {
            return Err(ListError::TooLong(MOST_ENTRIES));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Counts something that is not asked for, by the reason.
    pub(super) fn leave_out(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.left_out.is_empty()
    }

    pub(super) fn into_list(self, format: Format) -> List {
        List {
            format,
            entries: self.entries,
            left_out: self.left_out,
        }
    }
}
