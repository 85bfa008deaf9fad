//! `bazel-proxy env <service>`: the variables by which SDKs in a container find their credentials here.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use sso_session::config::{CredentialSource, OtherSource, Profile, resolve};
use sso_session::disk;
use sso_session::location::Locations;

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
/// For a shell whose files have a profile `default`.
const WITHOUT_FILES: &str = "\
# ~/.aws has a profile `default`, which SDKs would take first: in this shell they see no profiles.
export AWS_CONFIG_FILE=/dev/null
export AWS_SHARED_CREDENTIALS_FILE=/dev/null
";
/// For whoever sets them elsewhere.
const PROFILES_FIRST: &str = "\
# A profile `default` in ~/.aws beats them: where there is one, set AWS_CONFIG_FILE=/dev/null and
# AWS_SHARED_CREDENTIALS_FILE=/dev/null as well.
";
const MOST_TOKEN_BYTES: u64 = 64 * 1024;

pub(super) fn run(args: &EnvArgs, vars: &SharedVars) -> ExitCode {
    let found = services::find(&args.service, vars);
    match found.and_then(|found| variables(&found, default_profile(vars))) {
        Ok(variables) => {
            let text = variables.render(args.format);
            if args.format == EnvFormat::Dotenv {
                variables.warn_of_quotes();
            }
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
    /// For this shell: its files have a profile that SDKs would take first.
    without_files: bool,
}

/// The profile that SDKs take without being told, as the files of this shell have it.
struct DefaultProfile {
    region: Option<String>,
}

/// SDKs look at profiles before they ask for a container's credentials. One that is broken is there, too; one
/// without a source of credentials is none to them.
fn default_profile(vars: &SharedVars) -> Option<DefaultProfile> {
    let read = |name: &str| vars(name);
    match resolve(&Locations::from_vars(&read), &read, "default") {
        Ok(Profile {
            source: CredentialSource::Other(OtherSource::Nothing),
            ..
        }) => None,
        Ok(profile) => Some(DefaultProfile {
            region: profile.region,
        }),
        Err(error) if error.is_absent() => None,
        Err(_) => Some(DefaultProfile { region: None }),
    }
}

fn variables(found: &Found, default: Option<DefaultProfile>) -> Result<Variables, Problem> {
    let url = services::base_url(&found.server)?;
    let mut notes: Vec<_> = unusable(&url).into_iter().collect();
    let mut set = vec![(URI, format!("{url}/v1/credentials"))];
    let mut unset = BEATING.to_vec();
    let token = &found.service.token;
    match token.file.as_deref().map(|path| mountable(path, token)) {
        Some(Ok(path)) => {
            notes.push(format!(
                "In a container, {path} has to be mounted at this very path."
            ));
            set.push((TOKEN_FILE, path));
            unset.push(TOKEN);
        }
        refused => {
            notes.extend(refused.and_then(Result::err));
            set.push((TOKEN, token.secret.expose().to_owned()));
            unset.push(TOKEN_FILE);
        }
    }
    let without_files = default.is_some();
    let region = found.service.source.region.clone();
    // What the shell's own profile says of it is lost with the file.
    if let Some(region) = region.or(default.and_then(|profile| profile.region)) {
        // The AWS CLI and boto3 read the second one only.
        set.push(("AWS_REGION", region.clone()));
        set.push(("AWS_DEFAULT_REGION", region));
    }
    Ok(Variables {
        set,
        unset,
        notes,
        without_files,
    })
}

/// The path of a file that holds the token and nothing else, or why it cannot be named.
fn mountable(path: &Path, token: &TokenConfig) -> Result<String, String> {
    let embedded = |why: &str| {
        let path = path.display();
        format!("The token itself is printed, as {path} {why}.")
    };
    let path = std::path::absolute(path).map_err(|_| embedded("has no absolute path"))?;
    let content = disk::read_bounded(&path, MOST_TOKEN_BYTES);
    let content = content.map_err(|_| embedded("cannot be read again"))?;
    if content.as_slice() != token.secret.expose().as_bytes() {
        return Err(embedded(
            "holds more than it, such as a newline at its end, which botocore refuses: write it by `printf %s`",
        ));
    }
    let text = path.into_os_string().into_string();
    text.map_err(|_| embedded("is not called in UTF-8"))
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
    /// The one format has two readers.
    fn warn_of_quotes(&self) {
        let quoted = self.set.iter().filter(|(_, value)| !is_plain(value));
        for (name, _) in quoted {
            eprintln!(
                "{name} is quoted for Compose's env_file; `docker run --env-file` would take the quotes for a part of \
                 it: give it a value of letters, digits and -_./:@%+,= there"
            );
        }
    }

    fn render(&self, format: EnvFormat) -> String {
        let comment = |text: &String| format!("# {text}\n");
        let mut lines: Vec<_> = self.notes.iter().map(comment).collect();
        let beating = || {
            let names = self.unset.join(", ");
            format!("# None of these may be set beside them: {names}\n{PROFILES_FIRST}")
        };
        let pairs = self.set.iter();
        match format {
            EnvFormat::Shell => {
                lines.push(format!("unset {}\n", self.unset.join(" ")));
                if self.without_files {
                    lines.push(WITHOUT_FILES.to_owned());
                }
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

/// Whether it means itself everywhere: `docker run --env-file` takes quotes for a part of the value, and
/// Compose takes them away.
fn is_plain(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,= ".contains(c);
    value.chars().all(is_plain) && value.trim() == value
}

fn dotenv(value: &str) -> String {
    if is_plain(value) {
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
            (
                "/my files/t",
                "'/my files/t'",
                "/my files/t",
                r#""/my files/t""#,
            ),
            (" a", "' a'", "' a'", r#"" a""#),
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
    fn a_profile_counts_if_sdks_would_take_credentials_from_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let file = path.display().to_string();
        let vars: SharedVars = std::sync::Arc::new(move |name| match name {
            "AWS_CONFIG_FILE" => Some(file.clone()),
            "AWS_SHARED_CREDENTIALS_FILE" => Some("/dev/null".to_owned()),
            _ => None,
        });
        for (text, counts) in [
            ("[default]\nregion = eu-west-1\n", false),
            ("[profile dev]\ncredential_process = true\n", false),
            ("[default]\ncredential_process = true\n", true),
            ("[default]\nsso_session = nowhere\n", true),
        ] {
            replace(&path, text.as_bytes()).expect("written");
            assert_eq!(default_profile(&vars).is_some(), counts, "{text}");
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
            let named = mountable(&path, &token);
            assert_eq!(named.is_ok(), expected, "{content:?}");
            let why = named.err().unwrap_or_else(|| "newline".to_owned());
            assert!(why.contains("newline") && !why.contains("a-token"), "{why}");
        }
    }

    #[test]
    fn everything_that_would_beat_them_is_unset() {
        let variables = Variables {
            set: vec![(URI, "http://127.0.0.1:1338/v1/credentials".to_owned())],
            unset: vec!["AWS_PROFILE", TOKEN_FILE],
            notes: vec!["A note.".to_owned()],
            without_files: true,
        };
        assert_eq!(
            variables.render(EnvFormat::Shell),
            "# A note.\n\
             unset AWS_PROFILE AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n\
             # ~/.aws has a profile `default`, which SDKs would take first: in this shell they see no profiles.\n\
             export AWS_CONFIG_FILE=/dev/null\n\
             export AWS_SHARED_CREDENTIALS_FILE=/dev/null\n\
             export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://127.0.0.1:1338/v1/credentials'\n"
        );
        assert_eq!(
            variables.render(EnvFormat::Compose),
            "# A note.\n\
             # None of these may be set beside them: AWS_PROFILE, \
             AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\n\
             # A profile `default` in ~/.aws beats them: where there is one, set AWS_CONFIG_FILE=/dev/null and\n\
             # AWS_SHARED_CREDENTIALS_FILE=/dev/null as well.\n\
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
