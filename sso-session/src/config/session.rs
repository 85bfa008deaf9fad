//! An SSO session's identity, and the names of its files in `~/.aws/sso/cache`.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

use super::words;

/// Without this scope the server grants no refresh token ("SSO token provider configuration", AWS SDKs
/// and Tools Reference Guide).
const REFRESH_SCOPE: &str = "sso:account:access";

/// Whom a person logs in to. Profiles with an equal one share its token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SsoSession {
    /// The name behind `sso-session`. None: a legacy profile, which names URL and region itself.
    pub name: Option<String>,
    /// `sso_start_url`, exactly as written.
    pub start_url: String,
    /// `sso_region`.
    pub region: String,
    /// `sso_registration_scopes`; always empty for a legacy profile.
    pub scopes: Vec<String>,
}

impl SsoSession {
    /// The token's file: `<sha1>.json` of the session's name, else of the start URL
    /// (botocore's `SSOTokenLoader`).
    #[must_use]
    pub fn token_file_name(&self) -> String {
        file_name(self.name.as_ref().unwrap_or(&self.start_url))
    }

    /// The client registration's file: `<sha1>.json` of a JSON text, to the byte as Python's
    /// `json.dumps(…, sort_keys=True)` writes it (AWS CLI v2, `BaseSSOTokenFetcher`).
    #[must_use]
    pub fn registration_file_name(&self) -> String {
        let scopes: Vec<String> = self.scopes.iter().map(|scope| python_json(scope)).collect();
        let scopes = if scopes.is_empty() {
            "null".to_owned()
        } else {
            format!("[{}]", scopes.join(", "))
        };
        let name = self.name.as_ref().map(|name| python_json(name));
        file_name(&format!(
            r#"{{"region": {}, "scopes": {scopes}, "session_name": {}, "startUrl": {}, "tool": "botocore"}}"#,
            python_json(&self.region),
            name.as_deref().unwrap_or("null"),
            python_json(&self.start_url),
        ))
    }

    /// Whether a login brings a refresh token along.
    #[must_use]
    pub fn can_be_refreshed(&self) -> bool {
        self.name.is_some() && self.scopes.iter().any(|scope| scope == REFRESH_SCOPE)
    }

    /// The command that logs in, for a person's shell. `base_profile` is
    /// [`SsoProfile::base_profile`](super::SsoProfile::base_profile): with a profile that only assumes
    /// a role on top, the AWS CLI refuses.
    #[must_use]
    pub fn login_command(&self, base_profile: &str) -> String {
        // `--profile -x` would be taken for two options.
        let join = if base_profile.starts_with('-') {
            '='
        } else {
            ' '
        };
        let profile = words::shell_quoted(base_profile);
        format!("aws sso login --profile{join}{profile}")
    }
}

fn file_name(text: &str) -> String {
    format!("{}.json", hex::encode(Sha1::digest(text)))
}

/// A string as Python's `json.dumps` writes it: in ASCII, UTF-16 escapes for the rest.
fn python_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            ' '..='~' => json.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _infallible = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: Option<&str>, scopes: &[&str]) -> SsoSession {
        SsoSession {
            name: name.map(str::to_owned),
            start_url: "https://d-1234567890.awsapps.com/start".to_owned(),
            region: "us-east-1".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    // Each from Python: hashlib.sha1(b"…").hexdigest().
    #[test]
    fn tokens_are_named_by_session_or_start_url() {
        let named = session(Some("my-sso"), &[]).token_file_name();
        assert_eq!(named, "0ad374308c5a4e22f723adf10145eafad7c4031c.json");
        let legacy = session(None, &[]).token_file_name();
        assert_eq!(legacy, "7487b5b67d5fa1132cf33fa93ae51ef38cc37752.json");
    }

    #[test]
    fn registrations_are_named_by_all_that_they_hold_for() {
        let named = session(Some("my-sso"), &["sso:account:access", "b"]);
        let named = named.registration_file_name();
        assert_eq!(named, "23e9d7bb4a3df46bdbeacc51efee7f8c294883be.json");
        let legacy = session(None, &[]).registration_file_name();
        assert_eq!(legacy, "365414a68be7c9bfc776c660981dbdbd942acea4.json");
    }

    #[test]
    fn json_is_written_as_python_does() {
        assert_eq!(
            python_json("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{7f}ü\u{1f980}/"),
            r#""a\"b\\c\n\r\t\b\f\u0001\u007f\u00fc\ud83e\udd80/""#
        );
    }

    #[test]
    fn only_a_named_session_with_the_scope_is_refreshed() {
        assert!(session(Some("s"), &["other", "sso:account:access"]).can_be_refreshed());
        assert!(!session(Some("s"), &["other"]).can_be_refreshed());
        assert!(!session(None, &["sso:account:access"]).can_be_refreshed());
    }

    #[test]
    fn the_login_command_is_fit_for_a_shell() {
        let session = session(None, &[]);
        let command = |profile| session.login_command(profile);
        assert_eq!(command("dev"), "aws sso login --profile dev");
        assert_eq!(command("my team"), "aws sso login --profile 'my team'");
        assert_eq!(command("-x"), "aws sso login --profile=-x");
    }
}
