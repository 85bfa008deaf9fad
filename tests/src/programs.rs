//! The programs under test, built like the tests themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the workspace.
///
/// # Panics
/// Never in a checkout.
#[must_use]
pub fn workspace_folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the tests are in a workspace")
        .to_owned()
}

/// The real `bazel-proxy`, built once for each test binary (cargo does not build another package's
/// programs for tests).
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn bazel_proxy_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("bazel-proxy"))
}

/// The real `sso-watcher`, built once for each test binary.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn sso_watcher_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("sso-watcher"))
}

/// The stand-in for the AWS CLI, built once for each test binary.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn simulated_aws_cli_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("simulated-aws-cli"))
}

fn build(name: &str) -> PathBuf {
    // The whole workspace, so that features are unified as for the tests and nothing is built twice.
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace_folder())
        .args(["build", "--quiet", "--workspace", "--bins"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "building {name} failed");
    // …/target/<profile>/deps/<this test>
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("a target folder");
    let program = folder.join(name);
    assert!(program.is_file(), "{} is missing", program.display());
    program
}
