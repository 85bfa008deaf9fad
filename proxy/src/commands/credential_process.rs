//! `bazel-proxy credential-process --service X`: what the running proxy gives a service, for SDKs on the host.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::services::{self, Found, Problem};
use super::{asking, tls};
use crate::cli::CredentialProcessArgs;
use crate::container_credentials::SharedVars;

/// The proxy answers from memory.
const LIMIT: Duration = Duration::from_secs(5);
const PATH: &str = "/v1/credentials";

/// What the proxy answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
    account_id: Option<String>,
}

/// What SDKs read from a program.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    version: u8,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
}

/// What the proxy answers where it has no credentials.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

pub(super) fn run(args: &CredentialProcessArgs, vars: &SharedVars) -> ExitCode {
    let outcome = services::find(&args.service, vars).and_then(|found| fetch(&found));
    let written = outcome.and_then(|mut document| {
        document.push(b'\n');
        let written = std::io::stdout().write_all(&document);
        written.map_err(|error| Problem::of_work(format!("cannot be written: {error}")))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.tell(),
    }
}

fn fetch(found: &Found) -> Result<Vec<u8>, Problem> {
    let address = services::address(&found.server)?;
    let token = Some(&found.service.token.secret);
    let runtime = super::runtime();
    let runtime = runtime.map_err(|error| Problem::of_work(format!("no runtime: {error}")))?;
    let answer = match &found.server.tls {
        None => {
            let url = format!("http://{address}{PATH}");
            runtime.block_on(asking::get(&url, token, LIMIT))
        }
        Some(config) => {
            let shown = tls::Shown::In(&config.certificate_file);
            runtime.block_on(tls::get(address, PATH, token, shown, LIMIT))
        }
    };
    let (status, body) = answer.map_err(|error| no_answer(found, address, &error))?;
    translate(status, &body).map_err(Problem::of_work)
}

fn no_answer(found: &Found, address: SocketAddr, error: &str) -> Problem {
    // Who listens and answers badly has been started already.
    if TcpStream::connect_timeout(&address, LIMIT).is_ok() {
        return Problem::of_work(format!(
            "what listens on {address} does not answer: {error}"
        ));
    }
    let path = found.config.file_path.as_ref().map(|path| path.display());
    let path = path.map_or_else(String::new, |path| format!(" --config {path}"));
    Problem::of_work(format!(
        "no proxy listens on {address}: {error}. Start it with `bazel-proxy{path}`."
    ))
}

fn translate(status: StatusCode, body: &[u8]) -> Result<Vec<u8>, String> {
    if status != StatusCode::OK {
        let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
        let message = refusal.map(|refusal| refusal.message);
        return Err(message.unwrap_or_else(|| format!("the proxy answers {status}")));
    }
    let answer: Answer = serde_json::from_slice(body)
        // Its texts are not repeated: they may hold credentials.
        .map_err(|_| "what answers there is no bazel-proxy: these are no credentials".to_owned())?;
    let output = Output {
        version: 1,
        access_key_id: answer.access_key_id,
        secret_access_key: answer.secret_access_key,
        session_token: answer.token,
        expiration: answer.expiration,
        account_id: answer.account_id,
    };
    serde_json::to_vec(&output).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn credentials_are_told_as_a_program_tells_them() {
        let answer = json!({
            "AccessKeyId": "AKIA", "SecretAccessKey": "secret", "Token": "session",
            "Expiration": "2026-01-02T15:04:05Z", "AccountId": "123456789012",
            "RoleArn": "arn:aws:iam::123456789012:role/build",
        });
        let output = translate(StatusCode::OK, answer.to_string().as_bytes()).expect("credentials");
        let output: Value = serde_json::from_slice(&output).expect("JSON");
        let expected = json!({
            "Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "secret",
            "SessionToken": "session", "Expiration": "2026-01-02T15:04:05Z",
            "AccountId": "123456789012",
        });
        assert_eq!(output, expected);
    }

    #[test]
    fn what_is_no_answer_of_ours_is_not_repeated() {
        let refused = |status, body: &str| translate(status, body.as_bytes()).expect_err("refused");
        let told = refused(
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"code": "x", "message": "Run `aws sso login`."}"#,
        );
        assert_eq!(told, "Run `aws sso login`.");
        let told = refused(StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(told, "the proxy answers 502 Bad Gateway");
        let told = refused(StatusCode::OK, r#"{"SecretAccessKey": "secret"}"#);
        assert!(!told.contains("secret"), "{told}");
    }
}
