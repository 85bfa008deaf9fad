//! The bucket of real jars, and projects that build with them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;
use tests::{Scratch, workspace_folder};
use tokio::sync::OnceCell;

use crate::aftermath::{Aftermath, shared_folder};
use tests::commands::succeed;

struct Shared {
    folder: PathBuf,
    _aftermath: Aftermath,
}

/// About a thousand real jars, laid out as a Maven repository; made once a run. Read only.
pub(crate) async fn maven_bucket() -> &'static Path {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    let shared = SHARED.get_or_init(async || {
        let top = shared_folder("maven-bucket-");
        let aftermath = Aftermath::run("rm -rf -- \"$1\"", &[top.as_os_str()]);
        let folder = top.join("bucket");
        let mut script = Command::new(workspace_folder().join("tests/clients/maven-bucket.sh"));
        script.arg(&folder);
        succeed(script, Duration::from_mins(2)).await;
        Shared {
            folder,
            _aftermath: aftermath,
        }
    });
    &shared.await.folder
}

/// A scratch whose simulated AWS serves the bucket of real jars.
pub(crate) struct World {
    pub(crate) scratch: Scratch,
    pub(crate) aws: SimulatedAws,
    bucket: &'static Path,
}

impl World {
    pub(crate) async fn new() -> Self {
        let bucket = maven_bucket().await;
        let scratch = Scratch::new();
        symlink(bucket, scratch.path().join("aws").join(BUCKET)).expect("a link to the bucket");
        let aws = scratch.aws().await;
        Self {
            scratch,
            aws,
            bucket,
        }
    }

    /// The file behind a key.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.bucket.join(key)
    }

    /// Copies a project of `tests/fixtures` to `to`, with `proxy` as its only repository.
    pub(crate) fn copy_project(&self, name: &str, to: &Path, proxy: &str) {
        let from = workspace_folder().join("tests/fixtures").join(name);
        for file in files_below(&from) {
            let text = fs::read_to_string(&file).expect("a text file");
            let text = self.with_hashes(&text.replace("@PROXY@", &format!("{proxy}/")));
            let copy = to.join(file.strip_prefix(&from).expect("below it"));
            write(&copy, &text);
        }
    }

    /// Replaces every `@SHA256_<key>@`.
    pub(crate) fn with_hashes(&self, text: &str) -> String {
        let mut parts = text.split("@SHA256_");
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (key, rest) = part.split_once('@').expect("an end of the placeholder");
            let bytes = fs::read(self.object(key)).expect("an object of the bucket");
            replaced.push_str(&hex::encode(Sha256::digest(bytes)));
            replaced.push_str(rest);
        }
        replaced
    }
}

/// Writes a file and the folders above it.
#[expect(clippy::disallowed_methods, reason = "a scratch file")]
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a scratch folder");
    fs::write(path, text).expect("a scratch file");
}

/// All files in a folder and the folders in it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
