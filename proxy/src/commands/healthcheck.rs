//! `bazel-proxy healthcheck`: asks a running proxy for `/healthz`; one that serves credentials alone, for
//! `/livez`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;

use super::services::{self, Problem};
use super::{asking, tls};
use crate::config::{Config, FileConfig, ServerConfig};

const TIMEOUT: Duration = Duration::from_secs(3);
const LIVEZ: &str = "/livez";

pub(super) fn run(vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    match target(vars).and_then(ask) {
        Ok(url) => {
            println!("healthy: {url}");
            ExitCode::SUCCESS
        }
        Err(problem) => problem.tell(),
    }
}

/// Whom to ask.
enum Target {
    Url(String),
    /// Over TLS.
    Tls(SocketAddr),
}

fn target(vars: &impl Fn(&str) -> Option<String>) -> Result<Target, Problem> {
    let is_set = |name: &str| vars(name).is_some_and(|value| !value.trim().is_empty());
    let has_artifacts = is_set("S3_BUCKET_NAME") || is_set("CODEARTIFACT_DOMAIN");
    let file = Config::named_file(vars).filter(|_| !has_artifacts);
    // While its file is broken, the proxy serves on what it has read before.
    match file.filter(|path| !FileConfig::seems_to_name_upstreams(path)) {
        None => {
            let config = super::config_without_bucket(vars);
            let config = config.map_err(|faults| Problem::of_usage(faults.to_string()))?;
            let url = format!("http://{}/healthz", config.listen.on_this_machine());
            Ok(Target::Url(url))
        }
        Some(path) => of_containers(&ServerConfig::guess(&path, vars)),
    }
}

fn of_containers(server: &ServerConfig) -> Result<Target, Problem> {
    let address = services::address(server)?;
    Ok(match &server.tls {
        None => Target::Url(format!("http://{address}{LIVEZ}")),
        Some(_) => Target::Tls(address),
    })
}

/// The URL that answered.
fn ask(target: Target) -> Result<String, Problem> {
    let (url, answer) = match target {
        Target::Url(url) => {
            let answer = is_ok(asking::get(&url, None, TIMEOUT))?;
            (url, answer)
        }
        Target::Tls(address) => {
            // No secret is sent, and the one that serves may show a certificate of before, as a new one is broken.
            let asked = tls::get(address, LIVEZ, None, tls::Shown::Any, TIMEOUT);
            (format!("https://{address}{LIVEZ}"), is_ok(asked)?)
        }
    };
    match answer {
        Ok(true) => Ok(url),
        Ok(false) => {
            let text = format!("unhealthy: {url} does not answer 200");
            Err(Problem::of_work(text))
        }
        Err(error) => {
            let text = format!("unhealthy: no proxy answers at {url}: {error}");
            Err(Problem::of_work(text))
        }
    }
}

/// Whether the answer's status is 200.
fn is_ok(
    asked: impl Future<Output = Result<(StatusCode, Vec<u8>), String>>,
) -> Result<Result<bool, String>, Problem> {
    let runtime = super::runtime();
    let runtime = runtime.map_err(|error| Problem::of_work(format!("no runtime: {error}")))?;
    let answer = runtime.block_on(asked);
    Ok(answer.map(|(status, _)| status == StatusCode::OK))
}
