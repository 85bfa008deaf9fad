//! A folder of one's own for each test: home, cache, bucket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use simulated_aws::SimulatedAws;
use tempfile::TempDir;

use crate::workspace_folder;

/// The bucket that tests use unless they say otherwise.
pub const BUCKET: &str = "artifacts";
/// The static key that [`Scratch::aws`] accepts and [`crate::ProxyBuilder`] signs with.
pub const ACCESS_KEY: (&str, &str) = ("AKIATESTTESTTESTTEST", "test-secret");

/// Removed with all that is in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// An empty home, cache folder and bucket.
    ///
    /// # Panics
    /// If the temporary folder cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["home/.aws", "aws"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a scratch folder");
        }
        Self { folder }
    }

    /// `$HOME` of the proxy.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// `CACHE_DIR` of the proxy.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    /// Any path below.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes `~/.aws/credentials` (by rename, as careful tools do).
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_credentials(&self, text: &str) {
        self.replace("home/.aws/credentials", text);
    }

    /// Writes `~/.aws/config`.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_config(&self, text: &str) {
        self.replace("home/.aws/config", text);
    }

    /// Makes `examples/aws-config/config` the `~/.aws/config`.
    ///
    /// # Panics
    /// If it cannot be copied.
    pub fn copy_example_config(&self) {
        let example = workspace_folder().join("examples/aws-config/config");
        let copied = std::fs::copy(example, self.path().join("home/.aws/config"));
        copied.expect("the example, copied");
    }

    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    fn replace(&self, name: &str, text: &str) {
        let new = self.path().join("new");
        std::fs::write(&new, text).expect("a scratch file");
        std::fs::rename(&new, self.path().join(name)).expect("renamed");
    }

    /// A simulated AWS over this scratch, with [`ACCESS_KEY`] and an empty [`BUCKET`].
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn aws(&self) -> SimulatedAws {
        self.aws_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same, on another address of this machine.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn aws_at(&self, address: IpAddr) -> SimulatedAws {
        let aws = SimulatedAws::builder(self.path().join("aws"));
        let aws = aws.bind(SocketAddr::new(address, 0)).start().await;
        let aws = aws.expect("the simulated AWS starts");
        aws.identities().add_static(ACCESS_KEY.0, ACCESS_KEY.1);
        aws.s3().create_bucket(BUCKET).expect("a bucket");
        aws
    }
}
