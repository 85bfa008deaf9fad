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

/// Where credentials are served unless the configuration file says otherwise.
const USUAL: &str = "http://127.0.0.1:1338/livez";

pub(super) fn run(vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    match target(vars).and_then(|target| ask(&target)) {
        Ok(url) => {
            println!("healthy: {url}");
            ExitCode::SUCCESS
        }
        Err(problem) => problem.tell(),
    }
}

/// Whom to ask.
struct Target {
    url: String,
    /// Whose certificates are good for that.
    certificates: Option<Vec<u8>>,
}

fn target(vars: &impl Fn(&str) -> Option<String>) -> Result<Target, Problem> {
    let has_bucket = vars("S3_BUCKET_NAME").is_some_and(|name| !name.trim().is_empty());
    let config = super::config_with_services(vars).filter(|_| !has_bucket);
    match config {
        None => {
            let config = super::config_without_bucket(vars);
            let config = config.map_err(|faults| Problem::of_usage(faults.to_string()))?;
            Ok(Target {
                url: format!("http://{}/healthz", super::own_address(&config)),
                certificates: None,
            })
        }
        Some(Ok(config)) => of_containers(&config),
        // While its file is broken, a proxy serves on with what it has read before.
        Some(Err(_)) => Ok(Target {
            url: USUAL.to_owned(),
            certificates: None,
        }),
    }
}

fn of_containers(config: &Config) -> Result<Target, Problem> {
    let Some(file) = &config.file else {
        return Err(Problem::of_usage("no configuration file is named"));
    };
    let server = &file.server;
    Ok(Target {
        url: format!("{}/livez", services::base_url(server)?),
        certificates: server.tls.as_ref().map(|tls| trusted(config, tls)),
    })
}

/// The URL that answered.
fn ask(Target { url, certificates }: &Target) -> Result<String, Problem> {
    let runtime = super::runtime();
    let runtime = runtime.map_err(|error| Problem::of_work(format!("no runtime: {error}")))?;
    let answer = runtime.block_on(asking::get(url, None, certificates.as_deref(), TIMEOUT));
    match answer {
        Ok((StatusCode::OK, _)) => Ok(url.clone()),
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

/// Beside those of `AWS_CA_BUNDLE`, the proxy's own certificate: it is on this machine, and what is asked
/// is no secret.
fn trusted(config: &Config, tls: &TlsConfig) -> Vec<u8> {
    let own = disk::read_bounded(&tls.certificate_file, MOST_CERTIFICATE_BYTES);
    let own = own.map(|pem| pem.to_vec()).unwrap_or_default();
    let bundle = config.ca_bundle.clone().unwrap_or_default();
    [bundle, b"\n".to_vec(), own].concat()
}
