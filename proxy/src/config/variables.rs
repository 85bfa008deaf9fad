//! The table of variables: what `.env.example`, the README and `--help` say.

use program::variable::Variable;

/// Every variable that the proxy reads itself.
pub const VARIABLES: &[Variable] = &[
    Variable::new(
        "S3_BUCKET_NAME",
        "",
        "The bucket that holds the artifacts. Required, unless a repository of CodeArtifact is named, or a configuration file, and no artifacts of a bucket are wanted.",
    ),
    Variable::new(
        "S3_PREFIX",
        "",
        "The folder in the bucket that requests are looked up in.",
    ),
    Variable::new(
        "AWS_PROFILE",
        "default",
        "The profile of ~/.aws to take credentials from; set but empty means the SDK's default chain (environment, web identity, container, instance).",
    ),
    Variable::new(
        "AWS_REGION",
        "us-west-2",
        "The bucket's region, where a wrong one heals itself; and that of CodeArtifact's domains that name none, where it does not.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_S3",
        "",
        "A custom S3 endpoint; implies path-style addressing. Its siblings AWS_ENDPOINT_URL (all services) and AWS_ENDPOINT_URL_STS are honoured too.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL",
        "",
        "A custom endpoint for all AWS services.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_STS",
        "",
        "A custom endpoint for STS (assume-role chains, web identity).",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_CODEARTIFACT",
        "",
        "A custom endpoint for CodeArtifact's API, which says where its packages are.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "",
        "A custom endpoint for the renewal of SSO tokens.",
    ),
    Variable::new(
        "AWS_ENDPOINT_URL_SSO",
        "",
        "A custom endpoint for the SSO portal, which gives role credentials.",
    ),
    Variable::new(
        "SSO_STATE_DIR",
        "~/.aws/sso-renewer",
        "The folder that the proxy and sso-watcher share: the request for a login, and the locks.",
    ),
    Variable::new(
        "SSO_SIGNAL_FILE",
        "login-required.json in SSO_STATE_DIR",
        "The file by which the proxy asks the host for a login.",
    ),
    Variable::new(
        "UPSTREAM_PROXY_URL",
        "",
        "Another bazel-proxy of the same bucket, such as your team's, to ask before S3; for example http://artifacts.example:9000.",
    ),
    Variable::new(
        "PROXY_HOST",
        "127.0.0.1,::1",
        "The addresses to listen on, separated by commas; both loopbacks, as localhost may be either.",
    ),
    Variable::new("PROXY_PORT", "9000", "The port to listen on."),
    Variable::new(
        "PROXY_ALLOWED_HOSTS",
        "",
        "Further names that clients may use in their Host header (localhost and IP addresses always may), for example bazel-proxy,host.docker.internal.",
    ),
    Variable::new(
        "CACHE_DIR",
        "/data in the container, else the platform's cache folder",
        "The cache's folder.",
    ),
    Variable::new(
        "CACHE_MAX_SIZE",
        "20GiB",
        "What the cache may occupy on disk, running downloads included; at most 80 % of the disk.",
    ),
    Variable::new(
        "CACHE_MIN_FREE",
        "2GiB",
        "What the cache leaves free on its disk.",
    ),
    Variable::new(
        "METADATA_TTL",
        "60",
        "Seconds that what changes (maven-metadata.xml, snapshots; CodeArtifact's pages of projects and packages) is served without asking again.",
    ),
    Variable::new(
        "CHECK_INTERVAL",
        "60",
        "Seconds between two checks of the credentials.",
    ),
    Variable::new(
        "REFRESH_INTERVAL",
        "60000",
        "The older spelling of CHECK_INTERVAL, in milliseconds; CHECK_INTERVAL beats it.",
    ),
    Variable::new(
        "RENEWAL_THRESHOLD",
        "1200",
        "Seconds before its end that an SSO access token is renewed; never before half of its life.",
    ),
    Variable::new(
        "LOGIN_WAIT",
        "540",
        "Seconds that a miss waits for a login at most, as long as its client bears it; 0 answers 503 at once.",
    ),
    Variable::new(
        "CODEARTIFACT_DOMAIN",
        "",
        "The domain of a repository of CodeArtifact to serve, with its owner and name. Several, and a public fallback, stand in the configuration file.",
    ),
    Variable::new(
        "CODEARTIFACT_DOMAIN_OWNER",
        "",
        "The account that owns that domain: 12 digits.",
    ),
    Variable::new("CODEARTIFACT_REPOSITORY", "", "The repository's name."),
    Variable::new(
        "CODEARTIFACT_REGION",
        "",
        "The domain's region; AWS_REGION unless it is set, and never the profile's. A wrong one does not heal itself.",
    ),
    Variable::new(
        "CODEARTIFACT_ALIAS",
        "default",
        "The name that the repository is served by: /codeartifact/<alias>/pypi/simple/ and so on.",
    ),
    Variable::new(
        "CODEARTIFACT_FORMATS",
        "pypi,npm,maven",
        "What of the repository is served.",
    ),
    Variable::new(
        "CODEARTIFACT_PUBLISH",
        "false",
        "true lets clients publish to the repository through the proxy.",
    ),
    Variable::new(
        "CODEARTIFACT_TOKEN_DURATION",
        "43200",
        "Seconds that a token of CodeArtifact lives, 900 to 43200 (also 1h); 0 for as long as the role's session.",
    ),
    Variable::new(
        "BAZEL_PROXY_CONFIG_FILE",
        "",
        "The file that says which containers get which AWS credentials, and which repositories of CodeArtifact are served, as --config does, which beats it.",
    ),
    Variable::new(
        "CREDPROXY_CONFIG_FILE",
        "",
        "CredProxy's name for it; BAZEL_PROXY_CONFIG_FILE beats it.",
    ),
    Variable::new(
        "CREDPROXY_LOG_HEALTH_CHECKS",
        "",
        "true, 1, yes or on gives questions for the health of the credentials' listener lines in the log, as server.log_health_checks in the file.",
    ),
    Variable::new(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace; or a filter such as info,bazel_proxy=debug.",
    ),
    Variable::new(
        "CREDPROXY_LOG_LEVEL",
        "",
        "CredProxy's name for LOG_LEVEL, which beats it.",
    ),
    Variable::new("LOG_FORMAT", "text", "text or json."),
    Variable::new(
        "ACCESS_LOG_HITS",
        "off",
        "Which answers from the cache get a line in the log at info: off (they are at debug), all, or 1/100 for one of a hundred.",
    ),
    Variable::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "A collector that takes traces by OTLP over HTTP (protobuf), for example http://localhost:4318; without one, no traces are made.",
    ),
    Variable::new(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "",
        "The same as a whole URL, path included; beats OTEL_EXPORTER_OTLP_ENDPOINT.",
    ),
    Variable::new(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "",
        "Headers for that collector: name=value pairs, separated by commas.",
    ),
    Variable::new(
        "OTEL_SERVICE_NAME",
        "bazel-proxy",
        "What the proxy is called in traces.",
    ),
    Variable::new(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "Further attributes of the proxy in traces, for example deployment.environment.name=ci.",
    ),
    Variable::new(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "Which requests are traced: always_on, always_off or traceidratio; with parentbased_ before it, a client that traces decides.",
    ),
    Variable::new(
        "OTEL_TRACES_SAMPLER_ARG",
        "1",
        "The part of requests that traceidratio traces, from 0 to 1.",
    ),
    Variable::new(
        "OTEL_SDK_DISABLED",
        "false",
        "true makes no traces, whatever else is set.",
    ),
    Variable::new(
        "AWS_CA_BUNDLE",
        "",
        "A file with PEM certificates to trust beside the system's, for a proxy that inspects TLS.",
    ),
    Variable::new("HTTPS_PROXY", "", "A forward proxy for calls to AWS."),
    Variable::new("NO_PROXY", "", "Hosts to reach without that proxy."),
];

/// Whether a variable that is set but empty counts as unset for everyone who reads the environment.
/// An empty `AWS_PROFILE` means the default chain.
#[must_use]
pub fn empty_is_unset(name: &str) -> bool {
    (name.starts_with("AWS_") || name.starts_with("OTEL_")) && name != "AWS_PROFILE"
}
