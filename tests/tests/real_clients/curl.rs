//! curl in the ways people and scripts use it.

mod requests;
mod transfers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;
use tests::{Proxy, Scratch};

use crate::clients::{CURL, are_installed};
use tests::commands::{Ended, client, run};

/// The key of the object that every test here fetches.
const KEY: &str = "org/example/tool/1.0/tool-1.0.jar";

/// A proxy with one object of S3 behind it, and a folder for curl to work in.
struct Bench {
    proxy: Proxy,
    aws: SimulatedAws,
    scratch: Scratch,
    object: Vec<u8>,
}

impl Bench {
    /// `None` where there is no curl.
    async fn new() -> Option<Self> {
        if !are_installed(&[CURL]) {
            return None;
        }
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        let object: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        aws.s3().put(BUCKET, KEY, &object).expect("an object");
        let proxy = Proxy::start(&scratch, &aws).await;
        Some(Self {
            proxy,
            aws,
            scratch,
            object,
        })
    }

    fn url(&self) -> String {
        format!("{}/{KEY}", self.proxy.url())
    }

    fn folder(&self) -> PathBuf {
        self.scratch.home()
    }

    /// Runs curl, quietly, with errors shown; the exit code is the caller's to judge.
    async fn curl(&self, arguments: &[&str]) -> Ended {
        let mut curl = client("curl", &self.folder());
        curl.args(["-q", "-sS", "--max-time", "60"]).args(arguments);
        run(curl, Duration::from_secs(70)).await
    }

    /// Runs curl, which has to succeed, and returns the named file.
    async fn fetch(&self, arguments: &[&str], file: &str) -> Vec<u8> {
        let ended = self.curl(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}", ended.stderr);
        self.file(file)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        read(&self.folder().join(name))
    }

    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    fn put_file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder().join(name), bytes).expect("a scratch file");
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
