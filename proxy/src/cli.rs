//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::lists::Format;

/// Serves build artifacts from S3 and CodeArtifact on localhost, through a cache that outlives every login.
///
/// Point Bazel, Maven, Gradle or coursier at <http://127.0.0.1:9000/>. Configuration comes from
/// environment variables and a file `.env` in this folder or above it; `.env.example` lists them.
/// With a configuration file, containers get AWS credentials from the same session, as on ECS.
/// Without a command, the proxy serves.
#[derive(Debug, Parser)]
#[command(name = "bazel-proxy", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The file that says which containers get which AWS credentials, and which repositories of CodeArtifact are served. Beats `BAZEL_PROXY_CONFIG_FILE`.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say what the configuration would put in force, or all that is wrong with it, and exit.
    #[arg(long, global = true)]
    pub validate_only: bool,
    /// How much to log: error, warn, info, debug, trace, or a filter. Beats `LOG_LEVEL`.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Log at debug, unless a level is set.
    #[arg(long, global = true, alias = "debug")]
    pub dev: bool,
    /// The same as `PROXY_HOST`, which it beats; taken from the Flask proxy of CodeArtifact.
    #[arg(long, global = true, value_name = "ADDRESS", hide = true)]
    pub host: Option<String>,
    /// The same as `PROXY_PORT`, which it beats; taken from there, too.
    #[arg(long, global = true, value_name = "PORT", hide = true)]
    pub port: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const AFTER_HELP: &str = "\
Getting started:
  S3_BUCKET_NAME=my-bucket bazel-proxy check    is everything in place? if not, what to do
  S3_BUCKET_NAME=my-bucket bazel-proxy          serve on http://127.0.0.1:9000/
  bazel-proxy --config examples/basic.yaml      give containers AWS credentials
  bazel-proxy --config codeartifact.yaml        serve packages of CodeArtifact

Exit codes: 0 success, 1 something failed, 64 wrong usage or configuration.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve artifacts, credentials for containers, or both, until SIGINT or SIGTERM (the default).
    Serve,
    /// Check configuration, credentials, bucket and cache, and say how to mend what is broken.
    Check(CheckArgs),
    /// Look at the cache or clear it, also while a proxy serves from it.
    Cache {
        /// What to do with the cache.
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Fetch ahead, through the running proxy, what a build will ask a bucket for; what is cached is passed over.
    Warm(WarmArgs),
    /// Ask a running proxy whether it is alive; exit 0 if so. For a container without curl.
    Healthcheck,
    /// Print the variables by which a container's SDKs get a service's credentials.
    Env(EnvArgs),
    /// Ask the running proxy for a service's credentials, for `credential_process` in ~/.aws/config.
    CredentialProcess(CredentialProcessArgs),
    /// Print the JSON schema of the configuration file, for editors.
    Schema,
}

/// What `env` takes.
#[derive(Args, Debug)]
#[command(after_help = ENV_HELP)]
pub struct EnvArgs {
    /// The service, as the configuration file calls it.
    pub service: String,
    /// For whom to write them.
    #[arg(long, value_enum, default_value_t = EnvFormat::Shell)]
    pub format: EnvFormat,
}

/// Who reads what `env` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EnvFormat {
    /// A shell: `eval "$(bazel-proxy env app)"`.
    Shell,
    /// `docker run --env-file`, or `env_file` of a Compose file.
    Dotenv,
    /// The `environment` of a service in a Compose file.
    Compose,
}

const ENV_HELP: &str = "\
What is printed holds the service's token, unless that is in a file of its own.

Examples:
  eval \"$(bazel-proxy env app)\"
  bazel-proxy env app --format dotenv > app.env
  bazel-proxy env app --format compose";

/// What `credential-process` takes.
#[derive(Args, Debug)]
#[command(after_help = CREDENTIAL_PROCESS_HELP)]
pub struct CredentialProcessArgs {
    /// The service, as the configuration file calls it.
    #[arg(long, value_name = "NAME")]
    pub service: String,
}

const CREDENTIAL_PROCESS_HELP: &str = "\
In ~/.aws/config:
  [profile app]
  credential_process = bazel-proxy --config /path/to/config.yaml credential-process --service app";

/// What `check` takes.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Check with this profile instead of `AWS_PROFILE`.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// What `warm` takes.
#[derive(Args, Debug)]
#[command(after_help = WARM_HELP)]
pub struct WarmArgs {
    /// What names the artifacts; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// What the files are, where their content does not tell.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// The proxy to fetch through, instead of the one at `PROXY_HOST` and `PROXY_PORT`.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// How many artifacts to fetch at once, 1 to 64.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u8).range(1..=64))]
    pub jobs: u8,
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
}

const WARM_HELP: &str = "\
Examples:
  bazel-proxy warm maven_install.json
  gradle dependencies | bazel-proxy warm -
  mvn dependency:list dependency:resolve-plugins | bazel-proxy warm -

Exit codes: 0 all is cached, 1 something is missing or failed, 64 a file cannot be understood,
130 interrupted. The same command goes on where it was.";

/// The commands below `cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List what is cached: size, when last served, key.
    Ls(PrefixArgs),
    /// Read every cached byte and report what is broken; exit 1 if anything is.
    Verify(PrefixArgs),
    /// Remove what is cached below a prefix, or everything.
    Purge(PrefixArgs),
}

/// A part of the cache.
#[derive(Args, Debug)]
pub struct PrefixArgs {
    /// Only keys that begin with this, for example com/google/guava/.
    #[arg(default_value = "", hide_default_value = true)]
    pub prefix: String,
}
