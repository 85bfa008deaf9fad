//! `bazel-proxy healthcheck`: asks a running proxy for `/healthz`; one that serves credentials alone, for
//! `/livez`.

use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;
use sso_session::disk;

use super::asking;
use super::services::{self, Problem};
use crate::config::{Config, TlsConfig};

const TIMEOUT: Duration = Duration::from_secs(3);
const MOST_CERTIFICATE_BYTES: u64 = 1024 * 1024;

pub(super) fn run(vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let config = match super::config_without_bucket(vars) {
        Ok(config) => config,
        Err(faults) => return Problem::of_usage(faults.to_string()).tell(),
    };
    match ask(&config) {
        Ok(url) => {
            println!("healthy: {url}");
            ExitCode::SUCCESS
        }
        Err(problem) => problem.tell(),
    }
}

/// The URL that answered.
fn ask(config: &Config) -> Result<String, Problem> {
    let (url, certificates) = target(config)?;
    let runtime = super::runtime();
    let runtime = runtime.map_err(|error| Problem::of_work(format!("no runtime: {error}")))?;
    let answer = runtime.block_on(asking::get(&url, None, certificates.as_deref(), TIMEOUT));
    match answer {
        Ok((StatusCode::OK, _)) => Ok(url),
        Ok((status, _)) => {
            let text = format!("unhealthy: {url} answers {status}, not 200");
            Err(Problem::of_work(text))
        }
        Err(error) => {
            let text = format!("unhealthy: no proxy answers at {url}: {error}");
            Err(Problem::of_work(text))
        }
    }
}

/// Whom to ask, and whose certificates are good for that.
fn target(config: &Config) -> Result<(String, Option<Vec<u8>>), Problem> {
    match &config.file {
        Some(file) if !config.serves_artifacts => {
            let server = &file.config.server;
            let url = format!("{}/livez", services::base_url(server)?);
            let certificates = server.tls.as_ref().map(|tls| trusted(config, tls));
            Ok((url, certificates))
        }
        Some(_) | None => {
            let url = format!("http://{}/healthz", super::own_address(config));
            Ok((url, None))
        }
    }
}

/// Beside those of `AWS_CA_BUNDLE`, the proxy's own certificate: it is on this machine, and what is asked
/// is no secret.
fn trusted(config: &Config, tls: &TlsConfig) -> Vec<u8> {
    let own = disk::read_bounded(&tls.certificate_file, MOST_CERTIFICATE_BYTES);
    let own = own.map(|pem| pem.to_vec()).unwrap_or_default();
    let bundle = config.ca_bundle.clone().unwrap_or_default();
    [bundle, b"\n".to_vec(), own].concat()
}
