//! Where a key lives: in the bucket's tree if it can be a path, else among the odd ones.

use std::path::{Path, PathBuf};

use s3s::crypto::{Checksum as _, Sha256};

/// The longest file name of the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// The folder beside the buckets; no bucket's name starts with a dot.
const PRIVATE: &str = ".simulated-aws";

/// The paths under the folder of buckets.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
}

impl Places {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn bucket(&self, bucket: &str) -> PathBuf {
        self.root.join(bucket)
    }

    /// The key's path in the bucket's tree, unless a path cannot say it.
    pub(crate) fn plain(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        key.split('/')
            .all(is_file_name)
            .then(|| self.bucket(bucket).join(key))
    }

    pub(crate) fn odd_folder(&self, bucket: &str) -> PathBuf {
        self.root.join(PRIVATE).join("odd").join(bucket)
    }

    pub(crate) fn odd(&self, bucket: &str, key: &str) -> PathBuf {
        self.odd_folder(bucket).join(hash(key))
    }

    pub(crate) fn odd_key(&self, bucket: &str, key: &str) -> PathBuf {
        self.odd(bucket, key).with_extension("key")
    }

    pub(crate) fn attributes(&self, bucket: &str, key: &str) -> PathBuf {
        let folder = self.root.join(PRIVATE).join("attributes").join(bucket);
        folder.join(hash(key)).with_extension("json")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join(PRIVATE).join("staging")
    }
}

/// Whether the name can be a bucket's folder.
pub(crate) fn is_bucket_name(name: &str) -> bool {
    is_file_name(name) && !name.starts_with('.') && !name.contains('/')
}

fn is_file_name(name: &str) -> bool {
    let lengths = 1..=LONGEST_NAME;
    lengths.contains(&name.len()) && name != "." && name != ".." && !name.contains('\0')
}

fn hash(key: &str) -> String {
    hex::encode(Sha256::checksum(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_a_path_is_odd() {
        let places = Places::new(PathBuf::from("/root"));
        let plain = |key: &str| places.plain("b", key);
        assert_eq!(
            plain("a/b c+%41é"),
            Some(PathBuf::from("/root/b/a/b c+%41é"))
        );
        for odd in ["", "/a", "a/", "a//b", "a/../b", "./a", &"x".repeat(256)] {
            assert_eq!(plain(odd), None, "{odd}");
        }
    }
}
