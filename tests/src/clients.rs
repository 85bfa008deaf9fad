//! Which of the real parts this machine has.

use std::path::PathBuf;

use crate::workspace_folder;

/// A part that `tests/install-clients.sh` installs.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    name: &'static str,
    proof: &'static str,
}

/// Bazel 4.2.3.
pub const BAZEL: Part = Part::new("Bazel", "/usr/bin/bazel");
/// Maven, without its plugins.
pub const MAVEN: Part = Part::new("Maven", "/usr/bin/mvn");
/// Gradle 4.4.1.
pub const GRADLE: Part = Part::new("Gradle", "/usr/bin/gradle");
/// curl.
pub const CURL: Part = Part::new("curl", "/usr/bin/curl");
/// Debian's jars, poms and Maven plugins.
pub const SAMPLE_JARS: Part = Part::new(
    "the sample repository",
    "/usr/share/maven-repo/org/apache/maven/plugins/maven-compiler-plugin",
);
/// The version that people have now: signs in with a browser, and honours `AWS_ENDPOINT_URL`.
pub const AWS_CLI: Part = Part::new("AWS CLI 2.38.5", "bin/aws");
/// Debian's: the oldest that some still have, which signs in with a device code only.
pub const OLD_AWS_CLI: Part = Part::new("AWS CLI 2.9.19", "/usr/bin/aws");
/// boto3 and botocore, for `PYTHONPATH`.
pub const BOTO3: Part = Part::new("boto3", "python/boto3");
/// Node.js, for the SDK for JavaScript.
pub const NODE: Part = Part::new("Node.js", "/usr/bin/node");
/// The SDK for JavaScript v3, for `NODE_PATH`.
pub const AWS_SDK_JAVASCRIPT: Part = Part::new("the SDK for JavaScript", "javascript/node_modules");
/// A client of the SDK for Go v2: `tests/clients/container-credentials/go`.
pub const AWS_SDK_GO: Part = Part::new("the SDK for Go", "bin/container-credentials-go");
/// A client of the SDK for Java v1 and the SDK, for a class path: `tests/clients/container-credentials/java`.
pub const AWS_SDK_JAVA: Part =
    Part::new("the SDK for Java", "java/aws-java-sdk-bundle-1.11.901.jar");
/// Java 17.
pub const JAVA: Part = Part::new("JDK 17", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java");
/// The Python that all clients of its packages run in.
pub const PYTHON: Part = Part::new("Python", "/usr/bin/python3");
/// pip, for `PYTHONPATH`.
pub const PIP: Part = Part::new("pip 26.3", "pip/pip");
/// uv.
pub const UV: Part = Part::new("uv 0.13.9", "uv/bin/uv");
/// Poetry, for `PYTHONPATH`.
pub const POETRY: Part = Part::new("Poetry 2.5.1", "poetry/poetry");
/// twine, for `PYTHONPATH`.
pub const TWINE: Part = Part::new("twine 7.0.0", "twine/twine");
/// npm, of Debian or wherever Node.js is from.
pub const NPM: Part = Part::new("npm", "/usr/bin/npm");
/// pnpm.
pub const PNPM: Part = Part::new("pnpm 12.21.0", "bin/pnpm");
/// Ceph's S3 and STS.
pub const RADOSGW: Part = Part::new("Ceph radosgw", "/usr/bin/radosgw");
/// mise, which runs the tasks of `.mise.toml`.
pub const MISE: Part = Part::new("mise", "bin/mise");
/// The older Compose, which knows the fewest keys.
pub const DOCKER_COMPOSE: Part = Part::new("docker-compose", "/usr/bin/docker-compose");
/// A browser, with `chromedriver` beside it.
pub const CHROMIUM: Part = Part::new("Chromium", "/usr/bin/chromedriver");
/// Prometheus, which scrapes `/metrics`.
pub const PROMETHEUS: Part = Part::new("Prometheus", "/usr/bin/prometheus");
/// Checks metrics, rules and configurations; of the same package.
pub const PROMTOOL: Part = Part::new("promtool", "/usr/bin/promtool");
/// Spreads a team's requests over its proxies.
pub const HAPROXY: Part = Part::new("HAProxy", "/usr/sbin/haproxy");
/// Builds manifests with kustomize.
pub const KUBECTL: Part = Part::new("kubectl", "bin/kubectl");
/// The schemas of Kubernetes, and a reader of YAML, for `PYTHONPATH`.
pub const KUBERNETES_SCHEMAS: Part =
    Part::new("kubernetes-validate", "kubernetes/kubernetes_validate");
/// Looks for what keeps people from using a page.
pub const AXE: Part = Part::new("axe-core 4.14.1", "axe/axe.min.js");
/// Checks workflows.
pub const ACTIONLINT: Part = Part::new("actionlint 1.17.0", "bin/actionlint");
/// Checks shell scripts.
pub const SHELLCHECK: Part = Part::new("ShellCheck", "/usr/bin/shellcheck");
/// Checks Homebrew's formula.
pub const RUBY: Part = Part::new("Ruby", "/usr/bin/ruby");
/// Checks units.
pub const SYSTEMD_ANALYZE: Part = Part::new("systemd-analyze", "/usr/bin/systemd-analyze");

impl Part {
    /// A part that is there if this file is; a relative path is below [`clients_folder`].
    #[must_use]
    pub const fn new(name: &'static str, proof: &'static str) -> Self {
        Self { name, proof }
    }

    /// The program, or the file that stands for it.
    #[must_use]
    pub fn path(self) -> PathBuf {
        clients_folder().join(self.proof)
    }
}

/// Where `tests/install-clients.sh` puts what is no Debian package.
#[must_use]
pub fn clients_folder() -> PathBuf {
    let folder = std::env::var_os("CLIENTS_DIR").map(PathBuf::from);
    folder.unwrap_or_else(|| workspace_folder().join("tests/.clients"))
}

/// Whether all of them are there. If not, says so, and the test returns; where
/// `REAL_CLIENTS=required`, it panics instead.
///
/// # Panics
/// Where one is missing and required.
#[must_use]
pub fn are_installed(parts: &[Part]) -> bool {
    let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
    are_there(parts, required)
}

/// The same, by an argument.
///
/// # Panics
/// Where one is missing and required.
#[must_use]
pub fn are_there(parts: &[Part], required: bool) -> bool {
    let missing = parts.iter().find(|part| !part.path().exists());
    let Some(Part { name, .. }) = missing else {
        return true;
    };
    let text = format!("skipped: {name} is not installed (tests/install-clients.sh)");
    assert!(!required, "{text}");
    eprintln!("{text}");
    false
}
