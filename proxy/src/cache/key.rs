//! Where an object lives: a hash of its repository and key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;
use sha2::Digest as _;

/// Names one object of one repository.
#[derive(Clone, Debug)]
pub struct CacheKey {
    repository: Arc<str>,
    key: Arc<str>,
    id: EntryId,
}

impl CacheKey {
    /// Names `key` in `repository`.
    #[must_use]
    pub fn new(repository: &Arc<str>, key: &str) -> Self {
        let mut hasher = sha2::Sha256::new();
        hasher.update(repository.as_bytes());
        // NUL stands in no key, so no two pairs run together.
        hasher.update([0]);
        hasher.update(key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        let id = EntryId(u128::from_be_bytes(half));
        Self {
            repository: Arc::clone(repository),
            key: key.into(),
            id,
        }
    }

    /// The repository's name.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Both, as tables in memory know the object.
    #[must_use]
    pub fn name(&self) -> ObjectName<'_> {
        ObjectName {
            repository: &self.repository,
            key: &self.key,
        }
    }

    /// What tables and file names know the object by.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }
}

/// Names one object of one repository without the cost of an [`EntryId`]: that hash takes longer than all
/// else about a hit in memory. `key` may be any text: only keys are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName<'a> {
    /// The repository's name.
    pub repository: &'a str,
    /// The object's key.
    pub key: &'a str,
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for CacheKey {}

/// As its name's, which finds it in a table.
impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Equivalent<CacheKey> for ObjectName<'_> {
    fn equivalent(&self, key: &CacheKey) -> bool {
        *self == key.name()
    }
}

/// The first half of the SHA-256 of repository and key: 128 bits, enough to never meet twice; and
/// if they did, the file's header would tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(u128);

impl EntryId {
    /// The path below `objects/`: two hexadecimal digits, a slash, the other thirty.
    #[must_use]
    pub fn relative_path(self) -> String {
        let digits = format!("{:032x}", self.0);
        format!("{}/{}", &digits[..2], &digits[2..])
    }

    /// From the names of a file below `objects/`, if they are of ours.
    pub(super) fn from_names(folder: &str, file: &str) -> Option<Self> {
        let ours = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if folder.len() != 2 || file.len() != 30 || !folder.bytes().chain(file.bytes()).all(ours) {
            return None;
        }
        u128::from_str_radix(&format!("{folder}{file}"), 16)
            .ok()
            .map(Self)
    }

    /// Which of `shards` tables, or places, knows the object; at most 65,536.
    pub(crate) fn shard(self, shards: usize) -> usize {
        let [.., a, b] = self.0.to_be_bytes();
        usize::from(u16::from_be_bytes([a, b])) % shards
    }

    /// Enough of it to tell it from others in the same place.
    pub(super) fn print(self) -> u64 {
        let mut upper = [0; 8];
        upper.copy_from_slice(&self.0.to_be_bytes()[..8]);
        u64::from_be_bytes(upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_version_1_is_this() {
        let key = CacheKey::new(&Arc::from("s3://bucket/"), "a/b.jar");
        let path = key.id().relative_path();
        assert_eq!(path, "ff/bf966e0afc547b0fba584fa361447f");
        let (folder, file) = path.split_once('/').expect("two names");
        assert_eq!(EntryId::from_names(folder, file), Some(key.id()));
    }

    #[test]
    fn repository_and_key_do_not_run_together() {
        let one = CacheKey::new(&Arc::from("s3://b/x"), "y");
        let two = CacheKey::new(&Arc::from("s3://b/"), "xy");
        assert_ne!(one.id(), two.id());
    }

    #[test]
    fn foreign_names_have_no_id() {
        assert_eq!(EntryId::from_names("ab", "short"), None);
        assert_eq!(EntryId::from_names("AB", &"a".repeat(30)), None);
    }
}
