//! wrk: so many connections, each with its next request as soon as it has its answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Latencies, as_f64};
use crate::failure::{Failure, While as _};
use crate::files;
use crate::settings;
use crate::store::Artifact;

/// Random keys from requests that are written before the clock starts. One key needs no Lua at all.
const MANY_KEYS: &str = r#"
local requests = {}
function init(args)
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  math.randomseed(1)
end
function request()
  return requests[math.random(#requests)]
end
"#;

/// The summary on one line: whole numbers, latencies in microseconds.
const SUMMARY: &str = r#"
function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("summary %d %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration, summary.bytes, errors.status, broken,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"#;

/// What came of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedLoop {
    /// Answers.
    pub(crate) requests: u64,
    /// Answers per second.
    pub(crate) rate: f64,
    /// From sending to the last byte.
    pub(crate) latencies: Latencies,
}

/// Asks for random ones of `artifacts`, which all have the same size, over `connections`.
///
/// wrk has one thread: two would take the second of two processors from the server. Answers other than 200 and
/// broken connections fail the run, as do bodies that are too short.
pub(crate) fn closed_loop(
    address: SocketAddr,
    artifacts: &[Artifact],
    connections: usize,
    duration: Duration,
) -> Result<ClosedLoop, Failure> {
    let first = artifacts
        .first()
        .ok_or_else(|| Failure::new("wrk was given nothing to ask for"))?;
    let scripts = Scripts::write(artifacts)?;
    let output = Command::new(settings::program("wrk")?)
        .args(["-t", "1", "-c", &connections.to_string()])
        .args(["-d", &format!("{}s", duration.as_secs().max(1))])
        .args(["--timeout", "10s", "-s"])
        .arg(&scripts.script)
        .arg(format!("http://{address}/{}", first.key))
        .arg("--")
        .arg(&scripts.paths)
        .stdin(Stdio::null())
        .output()
        .when(|| "running wrk".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = summary(&said).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("wrk gave no summary:\n{said}{errors}"))
    })?;
    summary.checked(first.bytes, &said)
}

/// Files for wrk; removed when dropped.
struct Scripts {
    script: PathBuf,
    paths: PathBuf,
    _folder: TempDir,
}

impl Scripts {
    fn write(artifacts: &[Artifact]) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("bench-wrk-")
            .tempdir()
            .when(|| "a folder for wrk".to_owned())?;
        let (script, paths) = (folder.path().join("load.lua"), folder.path().join("paths"));
        let choosing = if artifacts.len() > 1 { MANY_KEYS } else { "" };
        files::write(&script, &[choosing.as_bytes(), SUMMARY.as_bytes()])?;
        let lines: String = artifacts
            .iter()
            .flat_map(|artifact| ["/", &artifact.key, "\n"])
            .collect();
        files::write(&paths, &[lines.as_bytes()])?;
        Ok(Self {
            script,
            paths,
            _folder: folder,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summary {
    requests: u64,
    micros: u64,
    bytes: u64,
    refused: u64,
    broken: u64,
    latencies: Latencies,
}

fn summary(said: &str) -> Option<Summary> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("summary "))?;
    let numbers: Result<Vec<u64>, _> = line.split(' ').map(str::parse).collect();
    let [requests, micros, bytes, refused, broken, p50, p99, p999] =
        <[u64; 8]>::try_from(numbers.ok()?).ok()?;
    let latencies = Latencies {
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
        p999: Duration::from_micros(p999),
    };
    Some(Summary {
        requests,
        micros,
        bytes,
        refused,
        broken,
        latencies,
    })
}

impl Summary {
    fn checked(self, body_bytes: u64, said: &str) -> Result<ClosedLoop, Failure> {
        let is_whole = self.bytes >= self.requests * body_bytes;
        if self.refused > 0 || self.broken > 0 || self.requests == 0 || !is_whole {
            return Err(Failure::new(format!(
                "not every answer was a whole one:\n{said}"
            )));
        }
        Ok(ClosedLoop {
            requests: self.requests,
            rate: as_f64(self.requests) / Duration::from_micros(self.micros).as_secs_f64(),
            latencies: self.latencies,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 1s test\nsummary 2000 1000000 4096000 0 0 90 400 1200\n";

    #[test]
    fn a_summary_is_a_rate_and_latencies() {
        let summary = summary(SAID).expect("a summary");
        let run = summary.checked(2048, SAID).expect("whole answers");
        assert!((run.rate - 2000.0).abs() < 0.1);
        assert_eq!(run.latencies.p999, Duration::from_micros(1200));
    }

    #[test]
    fn errors_and_short_bodies_fail_a_run() {
        let summary = summary(SAID).expect("a summary");
        let refused = Summary {
            refused: 1,
            ..summary
        };
        let broken = Summary {
            broken: 1,
            ..summary
        };
        assert!(refused.checked(2048, SAID).is_err());
        assert!(broken.checked(2048, SAID).is_err());
        assert!(summary.checked(2049, SAID).is_err());
    }
}
