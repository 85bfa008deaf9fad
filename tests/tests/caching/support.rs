//! Bytes, paths and commands that these tests share.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use bazel_proxy::cache::CacheKey;
use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;
use tests::{Answer, PATIENCE, Proxy, Scratch, eventually, within};

/// Bytes that differ from block to block, and with `seed`.
pub(crate) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..))
        .take(length)
        .collect()
}

/// Puts an object of `length` bytes into the bucket, and returns them.
pub(crate) fn put(aws: &SimulatedAws, key: &str, length: usize) -> Vec<u8> {
    let seed = key.bytes().map(u64::from).sum();
    let body = bytes(length, seed);
    aws.s3().put(BUCKET, key, &body).expect("an object");
    body
}

/// Where the cache keeps an object of the simulated AWS.
pub(crate) fn object_path(scratch: &Scratch, aws: &SimulatedAws, key: &str) -> PathBuf {
    object_path_of(scratch, &format!("{}/{BUCKET}/", aws.endpoint_url()), key)
}

/// Where the cache keeps an object of any repository.
pub(crate) fn object_path_of(scratch: &Scratch, repository: &str, key: &str) -> PathBuf {
    let key = CacheKey::new(&Arc::from(repository), key);
    let objects = scratch.cache().join("v1/objects");
    objects.join(key.id().relative_path())
}

/// GETs an object and waits until it is in the cache.
pub(crate) async fn fetch_into_cache(
    proxy: &Proxy,
    scratch: &Scratch,
    aws: &SimulatedAws,
    key: &str,
) -> Answer {
    let answer = proxy.get(&format!("/{key}")).await;
    assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    let path = object_path(scratch, aws, key);
    eventually("the object is committed", async || path.exists()).await;
    answer
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// What the files below a folder occupy in blocks of the disk.
pub(crate) fn occupied_bytes(folder: &Path) -> u64 {
    let files = files_below(folder).into_iter();
    files
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|status| status.blocks() * 512)
        .sum()
}

/// Writes a file in place.
#[expect(
    clippy::disallowed_methods,
    reason = "tests write what careless programs write"
)]
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).expect("a written file");
}

/// Runs a command to its end, within the patience of these tests.
pub(crate) async fn run(command: Command) -> Finished {
    let mut command = tokio::process::Command::from(command);
    let running = command.kill_on_drop(true).output();
    let output = within(PATIENCE, "a command", running).await;
    Finished(output.expect("the command runs"))
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished(Output);

impl Finished {
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}
