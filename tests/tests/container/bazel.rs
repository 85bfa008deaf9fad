//! A small build with Bazel, of a few artifacts of a library.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tests::clients::{BAZEL, Part, are_installed};
use tests::commands::{client, succeed};
use tests::workspace_folder;

use crate::house::write;
use crate::library::Library;

/// No build takes longer, a login included.
const LIMIT: Duration = Duration::from_mins(3);

const PARTS: [Part; 1] = [BAZEL];

/// Where Bazel works; its server ends when dropped.
pub(crate) struct Bazel {
    folder: TempDir,
}

impl Bazel {
    /// `None` where it is not installed.
    pub(crate) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        are_installed(&PARTS).then_some(Self { folder })
    }

    /// Builds a product of these artifacts, which Bazel compares with their hashes.
    pub(crate) async fn build(&self, proxy: SocketAddr, library: Library, numbers: &[usize]) {
        let mut workspace =
            String::from("load(\"@bazel_tools//tools/build_defs/repo:http.bzl\", \"http_file\")\n");
        let mut sources = String::new();
        for number in numbers {
            let hash = hex::encode(Sha256::digest(library.bytes(*number)));
            let url = format!("http://{proxy}{}", library.path(*number));
            let file = format!(
                "http_file(name = \"a{number}\", urls = [\"{url}\"], sha256 = \"{hash}\")\n"
            );
            workspace.push_str(&file);
            write!(sources, "\"@a{number}//file\", ").expect("text");
        }
        let rule = format!(
            "genrule(name = \"all\", srcs = [{sources}], outs = [\"all.bin\"], cmd = \"cat $(SRCS) > $@\")\n"
        );
        let options = workspace_folder().join("tests/fixtures/bazel/.bazelrc");
        let options = std::fs::read_to_string(options).expect("options");
        // This build has no rewrites.
        let options = options
            .lines()
            .filter(|line| !line.contains("downloader.cfg"));
        let options: Vec<_> = options.collect();
        write(&self.project("WORKSPACE"), &workspace);
        write(&self.project("BUILD"), &rule);
        write(&self.project(".bazelrc"), &(options.join("\n") + "\n"));
        succeed(self.bazel(&["build", "//:all"]), LIMIT).await;
        let product = std::fs::metadata(self.project("bazel-bin/all.bin")).expect("a product");
        let bytes: usize = numbers
            .iter()
            .map(|number| library.bytes(*number).len())
            .sum();
        assert_eq!(product.len(), bytes as u64);
    }

    fn project(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bazel(&self, arguments: &[&str]) -> Command {
        let program = BAZEL.path().display().to_string();
        let mut bazel = client(&program, self.folder.path());
        let root = self.folder.path().join("root");
        bazel
            .arg(format!("--output_user_root={}", root.display()))
            .args(["--nohome_rc", "--max_idle_secs=60"])
            .args(arguments);
        bazel
    }
}

impl Drop for Bazel {
    fn drop(&mut self) {
        let quietly = |mut command: Command| {
            let command = command.stdin(Stdio::null()).stdout(Stdio::null());
            // Nothing more can be done about what fails; an idle server ends by itself.
            let _outcome = command.stderr(Stdio::null()).status();
        };
        quietly(self.bazel(&["shutdown"]));
        // What Bazel has fetched is read-only, and could not be removed.
        let mut chmod = Command::new("chmod");
        chmod.args(["-R", "u+w"]).arg(self.folder.path());
        quietly(chmod);
    }
}
