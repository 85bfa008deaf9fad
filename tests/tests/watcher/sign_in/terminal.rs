//! A terminal of the user, as a person at the other end of SSH has it.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tests::eventually;

/// What takes messages and is looked at; ends with its owner.
pub(super) struct Terminal {
    script: Child,
    folder: TempDir,
}

impl Terminal {
    /// Opens it.
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Command::new("script")
            .args(["--quiet", "--flush", "--command"])
            .arg("mesg y; echo ready; exec sleep 120")
            .arg(folder.path().join("shown"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let script = script.expect("script runs");
        let terminal = Self { script, folder };
        terminal.shows("ready").await;
        terminal
    }

    /// Waits until there is this text on it.
    pub(super) async fn shows(&self, text: &str) {
        eventually(&format!("a terminal shows {text}"), async || {
            let shown = std::fs::read_to_string(self.folder.path().join("shown"));
            shown.is_ok_and(|shown| shown.contains(text))
        })
        .await;
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Already ended, or ended now; its shell goes with its terminal.
        let _outcome = self.script.kill();
        let _outcome = self.script.wait();
    }
}
