//! A container as its engine knows it.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tests::Engine;

/// Lines of the log that a failed test shows.
const SHOWN: usize = 200;

/// Removed when dropped; if the test fails, the end of its log is shown.
pub(crate) struct Container {
    engine: &'static Engine,
    id: String,
}

/// What changes with every restart, and with nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) started_at: String,
    pub(crate) restarts: u64,
    pub(crate) pid: u64,
    pub(crate) was_out_of_memory: bool,
}

impl Container {
    pub(crate) fn new(engine: &'static Engine, id: String) -> Self {
        assert!(!id.is_empty(), "there is no container");
        Self { engine, id }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What `docker inspect` says of it.
    pub(crate) async fn facts(&self) -> Value {
        self.engine.inspect(&self.id).await
    }

    pub(crate) async fn life(&self) -> Life {
        let facts = self.facts().await;
        let state = &facts["State"];
        Life {
            started_at: state["StartedAt"].as_str().expect("a time").to_owned(),
            restarts: facts["RestartCount"].as_u64().expect("a number"),
            pid: state["Pid"].as_u64().expect("a number"),
            was_out_of_memory: state["OOMKilled"].as_bool().expect("yes or no"),
        }
    }

    /// `starting`, `healthy` or `unhealthy`.
    pub(crate) async fn health(&self) -> String {
        let facts = self.facts().await;
        let health = facts["State"]["Health"]["Status"].as_str();
        health.unwrap_or("no check").to_owned()
    }

    /// All that it has logged.
    pub(crate) async fn log(&self) -> String {
        let logs = self.engine.docker(&["logs", &self.id]);
        let said = tests::commands::succeed(logs, crate::shared::LIMIT).await;
        said.text() + &said.stderr
    }

    /// Where the volume for its cache is on this machine.
    pub(crate) async fn cache(&self) -> PathBuf {
        let facts = self.facts().await;
        let mounts = facts["Mounts"].as_array().expect("mounts");
        let cache = mounts.iter().find(|mount| mount["Destination"] == "/data");
        let source = cache.and_then(|mount| mount["Source"].as_str());
        PathBuf::from(source.expect("a volume for the cache"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut logs = self.engine.docker(&["logs", &self.id]);
            if let Ok(said) = logs.output() {
                let log = text(&said.stdout) + &text(&said.stderr);
                // Under load, requests would be all that is shown.
                let lines = log
                    .lines()
                    .filter(|line| !line.contains(" request method="));
                let lines: Vec<_> = lines.collect();
                let end = &lines[lines.len().saturating_sub(SHOWN)..];
                eprintln!("the end of the container's log:\n{}", end.join("\n"));
            }
        }
        let mut remove = self
            .engine
            .docker(&["rm", "--force", "--volumes", &self.id]);
        // What is left, the engine's script removes.
        let _outcome = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
