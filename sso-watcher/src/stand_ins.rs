//! For tests: programs of the system as scripts in a folder of their own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::run::Environment;

/// How often a file or process is looked at, and how many times at most.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: u32 = 2000;

/// A folder that is a `PATH`, the home, and where the scripts run.
pub(crate) struct StandIns(TempDir);

impl StandIns {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A program that is a shell script. It starts in this folder.
    pub(crate) fn add(&self, name: &str, script: &str) -> PathBuf {
        let folder = self.0.path().display();
        self.write(name, &format!("#!/bin/sh\ncd '{folder}'\n{script}\n"));
        self.set_mode(name, "755");
        self.path(name)
    }

    /// A file, written by another process: with a descriptor of ours open to it, a program that another
    /// thread starts in this moment would inherit that, and the script would be "busy".
    pub(crate) fn write(&self, name: &str, text: &str) {
        let mut writer = Command::new("sh")
            .args(["-c", r#"cat >"$1""#, "sh"])
            .arg(self.path(name))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut input = writer.stdin.take().expect("piped");
        input.write_all(text.as_bytes()).expect("written");
        drop(input);
        assert!(writer.wait().expect("ended").success());
    }

    pub(crate) fn set_mode(&self, name: &str, mode: &str) {
        let mut command = Command::new("chmod");
        let status = command.arg(mode).arg(self.path(name)).status();
        assert!(status.expect("ended").success());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// The text of a file, once a script has written a whole line of it.
    pub(crate) async fn eventually(&self, name: &str) -> String {
        for _ in 0..LOOKS {
            let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
            if text.ends_with('\n') {
                return text;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("{name} was never written");
    }

    /// These programs, before the system's.
    pub(crate) fn environment(&self) -> Environment {
        let folder = self.0.path().display().to_string();
        [
            ("PATH", format!("{folder}:/usr/bin:/bin")),
            ("HOME", folder.clone()),
        ]
        .into_iter()
        .collect()
    }
}

/// Waits until a process, by the text of its number, has ended.
pub(crate) async fn gone(process: &str) {
    let process = process.trim();
    assert!(!process.is_empty());
    for _ in 0..LOOKS {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"));
        if status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ")) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("process {process} still runs");
}
