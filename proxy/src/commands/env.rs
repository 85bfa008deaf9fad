//! `bazel-proxy env <service>`: the variables by which SDKs in a container find their credentials here.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use sso_session::disk;

use super::services::{self, Found, Problem};
use crate::cli::{EnvArgs, EnvFormat};
use crate::config::TokenConfig;
use crate::container_credentials::SharedVars;

const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// What SDKs look at first, each in its own order.
const BEATING: [&str; 8] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
];
/// Where SDKs ask over plain http, beside loopback: ECS and EKS.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
const MOST_TOKEN_BYTES: u64 = 64 * 1024;

pub(super) fn run(args: &EnvArgs, vars: &SharedVars) -> ExitCode {
    match services::find(&args.service, vars).and_then(|found| variables(&found)) {
        Ok(variables) => {
            let text = variables.render(args.format);
            match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => Problem::of_work(format!("cannot be written: {error}")).tell(),
            }
        }
        Err(problem) => problem.tell(),
    }
}

/// What is to be set, and what must not be.
#[derive(Debug)]
struct Variables {
    set: Vec<(&'static str, String)>,
    unset: Vec<&'static str>,
    notes: Vec<String>,
}

fn variables(found: &Found) -> Result<Variables, Problem> {
    let url = services::base_url(&found.server)?;
    let mut notes: Vec<_> = unusable(&url).into_iter().collect();
    let mut set = vec![(URI, format!("{url}/v1/credentials"))];
    let mut unset = BEATING.to_vec();
    if let Some(path) = file_of(&found.service.token) {
        notes.push(format!(
            "In a container, {path} has to be mounted at this very path."
        ));
        set.push((TOKEN_FILE, path));
        unset.push(TOKEN);
    } else {
        set.push((TOKEN, found.service.token.secret.expose().to_owned()));
        unset.push(TOKEN_FILE);
    }
    if let Some(region) = &found.service.source.region {
        // The AWS CLI and boto3 read the second one only.
        set.push(("AWS_REGION", region.clone()));
        set.push(("AWS_DEFAULT_REGION", region.clone()));
    }
    Ok(Variables { set, unset, notes })
}

/// The file that holds the token and nothing else: botocore refuses one that ends in a newline.
fn file_of(token: &TokenConfig) -> Option<String> {
    let path = std::path::absolute(token.file.as_ref()?).ok()?;
    let content = disk::read_bounded(&path, MOST_TOKEN_BYTES).ok()?;
    let is_alone = content.as_slice() == token.secret.expose().as_bytes();
    is_alone.then(|| path.into_os_string().into_string().ok())?
}

/// SDKs refuse plain http to any other machine.
fn unusable(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let (host, _) = rest.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!is_loopback && !LINK_LOCAL.contains(&host)).then(|| {
        format!(
            "SDKs take no credentials from {host} over http: share the proxy's network \
             (network_mode: service:…), or set up `server.tls`."
        )
    })
}

impl Variables {
    fn render(&self, format: EnvFormat) -> String {
        let comment = |text: &String| format!("# {text}\n");
        let mut lines: Vec<_> = self.notes.iter().map(comment).collect();
        let beating = || {
            let names = self.unset.join(", ");
            format!("# None of these may be set beside them: {names}\n")
        };
        let pairs = self.set.iter();
        match format {
            EnvFormat::Shell => {
                lines.push(format!("unset {}\n", self.unset.join(" ")));
                lines
                    .extend(pairs.map(|(name, value)| format!("export {name}={}\n", shell(value))));
            }
            EnvFormat::Dotenv => {
                lines.push(beating());
                lines.extend(pairs.map(|(name, value)| format!("{name}={}\n", dotenv(value))));
            }
            EnvFormat::Compose => {
                lines.push(beating());
                lines.push("environment:\n".to_owned());
                lines.extend(pairs.map(|(name, value)| format!("  {name}: {}\n", compose(value))));
            }
        }
        lines.concat()
    }
}

fn shell(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// As it is, where that means itself everywhere: `docker run --env-file` takes quotes for a part of the
/// value, and Compose takes them away.
fn dotenv(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('$', r"\$"))
}

/// A YAML text, in which Compose takes `$` for the begin of a variable.
fn compose(value: &str) -> String {
    serde_json::Value::from(value.replace('$', "$$")).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sso_session::disk::replace;
    use sso_session::secret::Secret;

    use super::*;

    fn token(secret: &str, file: Option<PathBuf>) -> TokenConfig {
        TokenConfig {
            secret: Secret::new(secret),
            file,
        }
    }

    #[test]
    fn values_are_quoted_for_whoever_reads_them() {
        for (value, in_shell, in_dotenv, in_compose) in [
            ("a/b:1", "'a/b:1'", "a/b:1", r#""a/b:1""#),
            ("a$b", "'a$b'", "'a$b'", r#""a$$b""#),
            ("it's", r"'it'\''s'", r#""it's""#, r#""it's""#),
            (r#"'"\$"#, r#"''\''"\$'"#, r#""'\"\\\$""#, r#""'\"\\$$""#),
            ("a b#c", "'a b#c'", "'a b#c'", r#""a b#c""#),
        ] {
            assert_eq!(shell(value), in_shell);
            assert_eq!(dotenv(value), in_dotenv);
            assert_eq!(compose(value), in_compose);
        }
    }

    #[test]
    fn a_token_file_is_named_if_botocore_takes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        for (content, expected) in [
            ("a-token-of-a-service", true),
            ("a-token-of-a-service\n", false),
            ("another-token-of-one", false),
        ] {
            replace(&path, content.as_bytes()).expect("written");
            let token = token("a-token-of-a-service", Some(path.clone()));
            assert_eq!(file_of(&token).is_some(), expected, "{content:?}");
        }
        assert_eq!(file_of(&token("a-token-of-a-service", None)), None);
    }

    #[test]
    fn everything_that_would_beat_them_is_unset() {
        let variables = Variables {
            set: vec![(URI, "http://127.0.0.1:1338/v1/credentials".to_owned())],
            unset: vec!["AWS_PROFILE", TOKEN_FILE],
            notes: vec!["A note.".to_owned()],
        };
        assert_eq!(
            variables.render(EnvFormat::Shell),
            "# A note.\n\
             unset AWS_PROFILE AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n\
             export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:1338/v1/credentials'\n"
        );
        assert_eq!(
            variables.render(EnvFormat::Compose),
            "# A note.\n\
             # None of these may be set beside them: AWS_PROFILE, \
             AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n\
             environment:\n  \
             AWS_CONTAINER_CREDENTIALS_FULL_URI: \"http://127.0.0.1:1338/v1/credentials\"\n"
        );
    }

    #[test]
    fn an_address_that_sdks_refuse_is_told() {
        for url in [
            "http://127.0.0.1:1338",
            "http://[::1]:1338",
            "http://169.254.170.2:80",
            "http://[fd00:ec2::23]:80",
            "https://proxy.example:1338",
        ] {
            assert_eq!(unusable(url), None, "{url}");
        }
        let told = unusable("http://172.17.0.1:1338").expect("a note");
        assert!(told.contains("172.17.0.1"));
    }
}
