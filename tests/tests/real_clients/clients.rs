//! Which of the real parts this machine has.

use std::path::PathBuf;

use tests::workspace_folder;

/// A part that `tests/install-clients.sh` installs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    name: &'static str,
    /// A file that proves that it is there; a relative path is below [`clients_folder`].
    proof: &'static str,
}

const fn part(name: &'static str, proof: &'static str) -> Part {
    Part { name, proof }
}

pub(crate) const BAZEL: Part = part("Bazel", "/usr/bin/bazel");
pub(crate) const MAVEN: Part = part("Maven", "/usr/bin/mvn");
pub(crate) const GRADLE: Part = part("Gradle", "/usr/bin/gradle");
pub(crate) const CURL: Part = part("curl", "/usr/bin/curl");
pub(crate) const SAMPLE_JARS: Part = part(
    "the sample repository",
    "/usr/share/maven-repo/org/apache/maven/plugins/maven-compiler-plugin",
);
/// The version that people have now: signs in with a browser, and honours `AWS_ENDPOINT_URL`.
pub(crate) const AWS_CLI: Part = part("AWS CLI 2.38.5", "bin/aws");
/// Debian's: the oldest that some still have, which signs in with a device code only.
pub(crate) const OLD_AWS_CLI: Part = part("AWS CLI 2.9.19", "/usr/bin/aws");
pub(crate) const BOTO3: Part = part("boto3", "python/boto3");
pub(crate) const RADOSGW: Part = part("Ceph radosgw", "/usr/bin/radosgw");

impl Part {
    /// The program, or the file that stands for it.
    pub(crate) fn path(self) -> PathBuf {
        clients_folder().join(self.proof)
    }
}

/// Where `tests/install-clients.sh` puts what is no Debian package.
pub(crate) fn clients_folder() -> PathBuf {
    let folder = std::env::var_os("CLIENTS_DIR").map(PathBuf::from);
    folder.unwrap_or_else(|| workspace_folder().join("tests/.clients"))
}

/// Whether all of them are there. If not, says so, and the test returns; where
/// `REAL_CLIENTS=required`, it panics instead.
pub(crate) fn are_installed(parts: &[Part]) -> bool {
    let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
    decide(parts, required)
}

fn decide(parts: &[Part], required: bool) -> bool {
    let missing = parts.iter().find(|part| !part.path().exists());
    let Some(Part { name, .. }) = missing else {
        return true;
    };
    let text = format!("skipped: {name} is not installed (tests/install-clients.sh)");
    assert!(!required, "{text}");
    eprintln!("{text}");
    false
}

#[test]
fn a_missing_client_is_skipped_and_fails_only_where_it_is_required() {
    let absent = part("a client that nobody has", "/no/such/client");
    assert!(!decide(&[absent], false));
    assert!(decide(&[], true));
    let failed = std::panic::catch_unwind(|| decide(&[absent], true)).expect_err("a failure");
    assert_eq!(
        failed.downcast_ref::<String>().map(String::as_str),
        Some("skipped: a client that nobody has is not installed (tests/install-clients.sh)")
    );
}
