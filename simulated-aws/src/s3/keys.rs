//! The keys of a bucket in the order of their UTF-8 bytes, read folder by folder.
//!
//! A folder `d` is sorted as `d/`, because that is how its keys begin: `a-b` comes before `a/b`, and
//! `a0` after it. The [`Floor`] lets a listing pass over whole folders without reading them.

use std::cmp::Ordering;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Everything up to here is of no interest.
#[derive(Clone, Debug)]
pub(crate) enum Floor {
    /// Keys up to and with this one.
    Key(String),
    /// Keys up to and with those that start so.
    Prefix(String),
}

impl Floor {
    fn covers(&self, key: &str) -> bool {
        match self {
            Self::Key(floor) => key <= floor.as_str(),
            Self::Prefix(floor) => key < floor.as_str() || key.starts_with(floor.as_str()),
        }
    }

    /// Whether it covers every key that starts with `folder`.
    fn covers_folder(&self, folder: &str) -> bool {
        match self {
            Self::Key(floor) => folder < floor.as_str() && !floor.starts_with(folder),
            Self::Prefix(floor) => {
                folder.starts_with(floor.as_str())
                    || (folder < floor.as_str() && !floor.starts_with(folder))
            }
        }
    }
}

/// An ordered walk over a bucket.
pub(crate) struct Keys {
    root: PathBuf,
    prefix: String,
    floor: Option<Floor>,
    /// One list a folder under way, last entry first. A folder ends with `/`.
    folders: Vec<Vec<String>>,
    /// The odd keys, last first.
    odd: Vec<String>,
    /// The tree's next key, if it was read ahead of an odd one.
    ahead: Option<String>,
}

impl Keys {
    pub(crate) fn new(bucket: &Path, odd: &Path, prefix: &str) -> io::Result<Self> {
        let mut odd = odd_keys(odd)?;
        odd.retain(|key| key.starts_with(prefix));
        odd.sort_by(|left, right| right.cmp(left));
        // A prefix names the folder to start in, up to its last slash.
        let start = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let first = if start
            .split_terminator('/')
            .any(|name| matches!(name, "" | "." | ".."))
        {
            Vec::new()
        } else {
            read_folder(bucket, start)?
        };
        Ok(Self {
            root: bucket.to_owned(),
            prefix: prefix.to_owned(),
            floor: None,
            folders: vec![first],
            odd,
            ahead: None,
        })
    }

    /// Passes over everything up to the floor.
    pub(crate) fn skip_to(&mut self, floor: Floor) {
        self.ahead = self.ahead.take().filter(|key| !floor.covers(key));
        while self.odd.last().is_some_and(|key| floor.covers(key)) {
            self.odd.pop();
        }
        self.floor = Some(floor);
    }

    /// The next key.
    pub(crate) fn next_key(&mut self) -> io::Result<Option<String>> {
        if self.ahead.is_none() {
            self.ahead = self.next_in_tree()?;
        }
        let order = match (&self.ahead, self.odd.last()) {
            (Some(plain), Some(odd)) => plain.cmp(odd),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        Ok(match order {
            Ordering::Less => self.ahead.take(),
            Ordering::Greater => self.odd.pop(),
            // The tree's object hides an odd one that a crash left behind.
            Ordering::Equal => {
                self.odd.pop();
                self.ahead.take()
            }
        })
    }

    fn next_in_tree(&mut self) -> io::Result<Option<String>> {
        while let Some(folder) = self.folders.last_mut() {
            let Some(entry) = folder.pop() else {
                self.folders.pop();
                continue;
            };
            if entry.ends_with('/') {
                let floor = self.floor.as_ref();
                let passed = floor.is_some_and(|floor| floor.covers_folder(&entry));
                let wanted = entry.starts_with(&self.prefix) || self.prefix.starts_with(&entry);
                if wanted && !passed {
                    self.folders.push(read_folder(&self.root, &entry)?);
                }
            } else if entry.starts_with(&self.prefix)
                && !self
                    .floor
                    .as_ref()
                    .is_some_and(|floor| floor.covers(&entry))
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// The entries of a folder as keys, last first; folders end with `/`.
fn read_folder(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        // Gone since its parent was read, or never there.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry?;
        // A name that is not UTF-8 cannot be a key.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Follows links: a tree may be assembled from them.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        keys.push(format!(
            "{folder}{name}{}",
            if metadata.is_dir() { "/" } else { "" }
        ));
    }
    keys.sort_by(|left, right| right.cmp(left));
    Ok(keys)
}

fn odd_keys(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "key")
            && path.with_extension("").is_file()
        {
            keys.extend(fs::read_to_string(path).ok());
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::ObjectAttributes;
    use super::super::store::Store;
    use super::*;

    /// Short keys that collide, nest and cannot all be paths.
    fn key() -> impl Strategy<Value = String> {
        "[ab/.-]{1,5}"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_walk_agrees_with_a_sorted_set(
            put in prop::collection::vec(key(), 0..12),
            deleted in prop::collection::vec(key(), 0..4),
            prefix in "[ab/-]{0,3}",
            floor in key(),
            floor_is_prefix: bool,
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Store::open(folder.path().to_owned()).expect("a store");
            store.create_bucket("bucket").expect("a bucket");
            let mut model = BTreeSet::new();
            for key in &put {
                store.put("bucket", key, key.as_bytes(), &ObjectAttributes::default()).expect("put");
                model.insert(key.clone());
            }
            for key in put.iter().step_by(3).chain(&deleted) {
                store.delete("bucket", key).expect("deleted");
                model.remove(key);
            }
            for key in &model {
                prop_assert!(store.locate("bucket", key).is_some(), "{key}");
            }
            let floor =
                if floor_is_prefix { Floor::Prefix(floor) } else { Floor::Key(floor) };
            let mut keys = store.keys("bucket", &prefix).expect("keys");
            keys.skip_to(floor.clone());
            let mut walked = Vec::new();
            while let Some(key) = keys.next_key().expect("a key") {
                walked.push(key);
            }
            let expected: Vec<_> = model
                .into_iter()
                .filter(|key| key.starts_with(&prefix) && !floor.covers(key))
                .collect();
            prop_assert_eq!(walked, expected);
        }
    }
}
