//! The table of variables: what `.env.example`, the README and `--help` say.

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its default as a person would write it; empty for none.
    pub default: &'static str,
    /// What it means, one sentence.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        default,
        meaning,
    }
}

/// Every variable that the proxy reads itself.
pub const VARIABLES: &[Variable] = &[
    variable(
        "S3_BUCKET_NAME",
        "",
        "The bucket that holds the artifacts. Required.",
    ),
    variable(
        "S3_PREFIX",
        "",
        "The folder in the bucket that requests are looked up in.",
    ),
    variable(
        "AWS_PROFILE",
        "default",
        "The profile of ~/.aws to take credentials from; set but empty means the SDK's default chain (environment, web identity, container, instance).",
    ),
    variable(
        "AWS_REGION",
        "us-west-2",
        "The bucket's region; a wrong one heals itself.",
    ),
    variable(
        "AWS_ENDPOINT_URL_S3",
        "",
        "A custom S3 endpoint; implies path-style addressing. Its siblings AWS_ENDPOINT_URL (all services) and AWS_ENDPOINT_URL_STS are honoured too.",
    ),
    variable(
        "AWS_ENDPOINT_URL",
        "",
        "A custom endpoint for all AWS services.",
    ),
    variable(
        "AWS_ENDPOINT_URL_STS",
        "",
        "A custom endpoint for STS (assume-role chains, web identity).",
    ),
    variable(
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "",
        "A custom endpoint for the renewal of SSO tokens.",
    ),
    variable(
        "AWS_ENDPOINT_URL_SSO",
        "",
        "A custom endpoint for the SSO portal, which gives role credentials.",
    ),
    variable(
        "SSO_STATE_DIR",
        "~/.aws/sso-renewer",
        "The folder that the proxy and sso-watcher share: the request for a login, and the locks.",
    ),
    variable(
        "SSO_SIGNAL_FILE",
        "login-required.json in SSO_STATE_DIR",
        "The file by which the proxy asks the host for a login.",
    ),
    variable(
        "PROXY_HOST",
        "127.0.0.1,::1",
        "The addresses to listen on, separated by commas; both loopbacks, as localhost may be either.",
    ),
    variable("PROXY_PORT", "9000", "The port to listen on."),
    variable(
        "PROXY_ALLOWED_HOSTS",
        "",
        "Further names that clients may use in their Host header (localhost and IP addresses always may), for example bazel-proxy,host.docker.internal.",
    ),
    variable(
        "CACHE_DIR",
        "/data in the container, else the platform's cache folder",
        "The cache's folder.",
    ),
    variable(
        "CACHE_MAX_SIZE",
        "20GiB",
        "What the cache may occupy on disk, running downloads included; at most 80 % of the disk.",
    ),
    variable(
        "CACHE_MIN_FREE",
        "2GiB",
        "What the cache leaves free on its disk.",
    ),
    variable(
        "METADATA_TTL",
        "60",
        "Seconds that a mutable artifact (maven-metadata.xml, snapshots) is served without asking S3 again.",
    ),
    variable(
        "CHECK_INTERVAL",
        "60",
        "Seconds between two checks of the credentials.",
    ),
    variable(
        "REFRESH_INTERVAL",
        "60000",
        "The older spelling of CHECK_INTERVAL, in milliseconds; CHECK_INTERVAL beats it.",
    ),
    variable(
        "RENEWAL_THRESHOLD",
        "1200",
        "Seconds before its end that an SSO access token is renewed; never before half of its life.",
    ),
    variable(
        "LOGIN_WAIT",
        "540",
        "Seconds that a miss waits for a login at most, as long as its client bears it; 0 answers 503 at once.",
    ),
    variable(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace; or a filter such as info,bazel_proxy=debug.",
    ),
    variable("LOG_FORMAT", "text", "text or json."),
    variable(
        "AWS_CA_BUNDLE",
        "",
        "A file with PEM certificates to trust beside the system's, for a proxy that inspects TLS.",
    ),
    variable("HTTPS_PROXY", "", "A forward proxy for calls to AWS."),
    variable("NO_PROXY", "", "Hosts to reach without that proxy."),
];
