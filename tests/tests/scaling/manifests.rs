//! What `deploy/` ships, read and checked by the programs that it is for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bazel_proxy::config::{Config, Profile, VARIABLES};
use serde_json::Value;
use tests::clients::{BOTO3, KUBERNETES_SCHEMAS};
use tests::commands::{Ended, client, run};
use tests::{Scratch, workspace_folder};

pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// A file or folder below `deploy/`.
pub(crate) fn deploy(name: &str) -> PathBuf {
    workspace_folder().join("deploy").join(name)
}

/// Checks a file with `tests/clients/manifests.py`, which prints it as JSON.
pub(crate) async fn checked(
    scratch: &Scratch,
    kind: &str,
    file: &Path,
    versions: &[&str],
) -> Ended {
    let mut python = client("python3", &scratch.home());
    let modules = [BOTO3, KUBERNETES_SCHEMAS].map(|part| {
        let module = part.path();
        module.parent().expect("its folder").to_owned()
    });
    let modules = std::env::join_paths(modules).expect("no colon in it");
    python
        .env("PYTHONPATH", modules)
        .arg(workspace_folder().join("tests/clients/manifests.py"))
        .arg(kind)
        .arg(file)
        .args(versions);
    run(python, LIMIT).await
}

/// The JSON that a check of good content has printed.
pub(crate) fn content(checked: &Ended) -> Value {
    assert_eq!(checked.code(), 0, "{}", checked.stderr);
    serde_json::from_slice(&checked.stdout).expect("JSON")
}

#[expect(clippy::disallowed_methods, reason = "a scratch file")]
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::write(path, text).expect("a written file");
}

/// The proxy understands these variables, serves more than its own loopback, keeps its cache on the
/// volume, and takes its credentials from the platform.
pub(crate) fn assert_is_a_configuration(variables: &[(String, String)]) -> Config {
    /// Of the AWS SDK.
    const KNOWN: [&str; 1] = ["AWS_STS_REGIONAL_ENDPOINTS"];
    for (name, _) in variables {
        let is_known = VARIABLES.iter().any(|variable| variable.name == name);
        assert!(is_known || KNOWN.contains(&name.as_str()), "{name}");
    }
    let config = Config::from_vars(&|wanted: &str| {
        let found = variables.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    });
    let config = config.expect("a configuration");
    assert_eq!(config.profile, Profile::DefaultChain);
    assert_eq!(config.cache.folder, Path::new("/data"));
    assert_eq!(config.listen.port, 9000);
    assert!(
        config
            .listen
            .addresses
            .iter()
            .all(std::net::IpAddr::is_unspecified)
    );
    assert!(!config.allowed_hosts.is_empty());
    config
}

/// The text at a path such as `spec.template.spec`, which has to be there.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, step| {
        let found = match step.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(step),
        };
        found.unwrap_or_else(|| panic!("no {step} of {path} in {value:#}"))
    })
}

/// The same, as text.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    let found = at(value, path);
    found
        .as_str()
        .unwrap_or_else(|| panic!("{path} is {found}"))
}
