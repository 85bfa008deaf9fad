//! The log as the agent installs it. Alone in its process, as the umask and the logger are everybody's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sso_watcher::logging;

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

#[test]
fn the_log_is_its_users_own_and_holds_no_request_of_the_aws_sdk() {
    let home = tempfile::tempdir().expect("a folder");
    let log_file = home.path().join("state/sso-watcher/sso-watcher.log");
    logging::to_files(&log_file, "trace");
    tracing::info!(profile = "build", "a prompt");
    tracing::trace!(target: "sso_watcher::agent", "a detail");
    tracing::trace!(target: "aws_smithy_runtime", "Authorization: Bearer abc");
    tracing::debug!(target: "aws_smithy_runtime", "an attempt");

    let text = fs::read_to_string(&log_file).expect("the link leads to the newest");
    assert!(text.contains("a prompt profile=\"build\""), "{text}");
    assert!(
        text.contains("a detail") && text.contains("an attempt"),
        "{text}"
    );
    assert!(!text.contains("Bearer"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
    assert!(log_file.is_symlink());
    let newest = log_file.canonicalize().expect("the newest");
    assert_eq!(mode(&newest), 0o600);
    for folder in ["state", "state/sso-watcher"] {
        assert_eq!(mode(&home.path().join(folder)), 0o700);
    }
}
