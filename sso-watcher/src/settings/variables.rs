//! The table of variables, and which of them reach whom.

use program::variable::Variable;

/// Every variable that the agent and its commands read.
pub const VARIABLES: &[Variable] = &[
    Variable::new(
        "AWS_PROFILE",
        "default",
        "The profile to log in with where nobody names another: a request for a login names its own.",
    ),
    Variable::new(
        "SSO_LOGIN_MODE",
        "auto",
        "auto logs in by itself, notify asks you first, silent renews and never asks, standalone does nothing.",
    ),
    Variable::new(
        "SSO_COOLDOWN_SECONDS",
        "60",
        "Seconds from one attempt to the next, 0 to 1800; doubled up to 1800 while attempts fail alike.",
    ),
    Variable::new(
        "SSO_MAX_PROMPTS_PER_HOUR",
        "4",
        "How often in an hour a browser is opened or a question asked at most, 1 to 60.",
    ),
    Variable::new(
        "SSO_LOGIN_TIMEOUT_SECONDS",
        "180",
        "Seconds that a login has until it is ended, 30 to 570.",
    ),
    Variable::new(
        "SSO_POLL_SECONDS",
        "5",
        "Seconds between two looks at the request for a login, 1 to 60.",
    ),
    Variable::new(
        "SSO_LOGIN_COMMAND",
        "",
        "The AWS CLI to log in with, a name or an absolute path, without arguments; else the first usable aws is found.",
    ),
    Variable::new(
        "SSO_STATE_DIR",
        "~/.aws/sso-renewer",
        "The folder that the proxy and sso-watcher share: the request for a login, and the locks.",
    ),
    Variable::new(
        "SSO_SIGNAL_FILE",
        "login-required.json in SSO_STATE_DIR",
        "The file by which the proxy asks for a login.",
    ),
    Variable::new(
        "AWS_CONFIG_FILE",
        "~/.aws/config",
        "Where the profiles are.",
    ),
    Variable::new(
        "AWS_SHARED_CREDENTIALS_FILE",
        "~/.aws/credentials",
        "Where the other half of the profiles may be.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL",
        "",
        "A custom endpoint for all AWS services.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "",
        "A custom endpoint for logins and the renewal of SSO tokens.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_SSO",
        "",
        "A custom endpoint for the SSO portal, which gives role credentials.",
    ),
    Variable::new(
        "AWS_CA_BUNDLE",
        "",
        "A file with PEM certificates to trust beside the system's, for a proxy that inspects TLS.",
    ),
    Variable::new("HTTPS_PROXY", "", "A forward proxy for calls to AWS."),
    Variable::new("NO_PROXY", "", "Hosts to reach without that proxy."),
    Variable::new(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace; or a filter such as info,sso_watcher=debug.",
    ),
];

/// What counts beside the table: other spellings, and what moves files that commands look for, too.
const FURTHER: &[&str] = &[
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "XDG_STATE_HOME",
    crate::platform::OVERRIDE,
];

/// Which browser the AWS CLI opens. The agent gets it from files only: editors set it in their terminals to
/// something that works in these alone.
pub(super) const BROWSER: &str = "BROWSER";

/// Carries [`BROWSER`] from a file to the agent that is being installed; the command's own one is another's.
pub(super) const BROWSER_OF_FILE: &str = "SSO_WATCHER_BROWSER";

/// The variables that count wherever they are set, and that the agent gets from whoever installs it.
/// Keys and tokens are not among them.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    let listed = VARIABLES.iter().map(|variable| variable.name);
    let endpoints = sso_session::config::VARIABLES.iter().copied();
    listed.chain(endpoints).chain(FURTHER.iter().copied())
}

/// Whether it is one of them.
pub(super) fn is_known(name: &str) -> bool {
    known().any(|known| known == name)
}

/// Whether it counts where it stands in a file.
pub(super) fn counts_in_files(name: &str) -> bool {
    is_known(name) || name == BROWSER
}

/// Whether a file with this name in it was written for these programs. Profiles, log levels and proxies stand in
/// those of other programs, too.
pub(super) fn is_telling(name: &str) -> bool {
    name == "S3_BUCKET_NAME" || (name.starts_with("SSO_") && is_known(name))
}

/// Whether a variable that is set but empty counts as unset: for the AWS CLI, an empty
/// `AWS_CA_BUNDLE` is a broken one.
pub(super) fn empty_is_unset(name: &str) -> bool {
    is_known(name) || name.starts_with("AWS_") || name.to_ascii_uppercase().ends_with("_PROXY")
}
