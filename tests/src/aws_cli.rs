//! What the real AWS CLIs need beside the simulated AWS: a browser, and for the old one its endpoints.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The services with the versions of their models.
const SERVICES: [&str; 3] = ["sso-oidc/2019-06-10", "sso/2019-06-10", "sts/2011-06-15"];

/// Makes a program of a script.
///
/// # Panics
/// If it cannot be written.
pub fn write_program(path: &Path, script: &str) {
    // A file that is open for writing cannot be executed, and a child of another test may hold it open.
    let new = path.with_extension("new");
    write(&new, script);
    set_permissions(&new, Permissions::from_mode(0o755)).expect("a program");
    std::fs::rename(&new, path).expect("renamed");
}

/// Leads Debian's CLI to `endpoint`: it takes endpoints from rule sets in its user's models only.
///
/// # Panics
/// If they cannot be written.
pub fn write_endpoint_rules(home: &Path, endpoint: &str) {
    for service in SERVICES {
        let path = format!(".aws/models/{service}/endpoint-rule-set-1.json");
        write(&home.join(path), &rule_set(endpoint));
    }
}

/// A rule set that always leads to `endpoint`.
/// <https://smithy.io/2.0/additional-specs/rules-engine/specification.html>
fn rule_set(endpoint: &str) -> String {
    let parameter = |built_in: &str, kind: &str| {
        serde_json::json!({
            "builtIn": built_in, "required": false, "documentation": "", "type": kind
        })
    };
    let rules = serde_json::json!({
        "version": "1.0",
        "parameters": {
            "Region": parameter("AWS::Region", "String"),
            "UseDualStack": parameter("AWS::UseDualStack", "Boolean"),
            "UseFIPS": parameter("AWS::UseFIPS", "Boolean"),
            "Endpoint": parameter("SDK::Endpoint", "String"),
            "UseGlobalEndpoint": parameter("AWS::STS::UseGlobalEndpoint", "Boolean"),
        },
        "rules": [{
            "conditions": [],
            "endpoint": {"url": endpoint, "properties": {}, "headers": {}},
            "type": "endpoint"
        }]
    });
    rules.to_string()
}

#[expect(clippy::disallowed_methods, reason = "a scratch file")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a scratch file");
}
