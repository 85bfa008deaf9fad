//! What the tour plays on: a scratch folder, the simulated AWS, the proxy.
//!
//! ```text
//! <temporary folder>/
//!   aws/artifacts/          the bucket: any file put here is an object
//!   home/.aws/config        the proxy's profile, with an SSO session
//!   home/.aws/sso/cache     the login
//!   home/.aws/sso-renewer   what the proxy tells the host
//!   cache/                  the proxy's cache
//!   proxy.log               what the proxy logs
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use simulated_aws::{Counters, Operation, SimulatedAws};
use tempfile::TempDir;

use crate::cli::Arguments;
use crate::client::Client;
use crate::error::Error;
use crate::program::Program;
use crate::repository::{ICONS_JAR, Repository};
use crate::terminal::Terminal;

mod home;
mod proxy;
pub(crate) use home::Home;
pub(crate) use proxy::Proxy;

/// The bucket that the repository is in.
pub(crate) const BUCKET: &str = "artifacts";
/// The proxy's profile in `~/.aws`.
pub(crate) const PROFILE: &str = "demo";
/// The variable of the same name: short, so that the tour can show what happens after it.
pub(crate) const METADATA_TTL_SECONDS: u64 = 1;

/// The cache's folder in the scratch folder.
const CACHE: &str = "cache";

/// How long the first access token lives: short, so that the tour can show what comes after it.
pub(crate) const FIRST_TOKEN_LIFE: Duration = Duration::from_secs(6);
/// And all the others, as AWS has it.
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// All parts, running. Dropped in this order: the proxy ends, AWS ends, the folder is removed.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) aws: SimulatedAws,
    pub(crate) home: Home,
    pub(crate) repository: Repository,
    /// The end of the access token that the tour begins with.
    pub(crate) first_token_ends: SystemTime,
    scratch: TempDir,
}

impl Stage {
    /// Makes the repository and starts everything.
    pub(crate) async fn start(arguments: &Arguments, terminal: &Terminal) -> Result<Self, Error> {
        terminal.heading("Starting");
        let scratch = tempfile::Builder::new()
            .prefix("bazel-proxy-demo-")
            .tempdir()?;
        terminal.doing("writing jars, poms and checksums: a small Maven repository");
        let repository = Repository::make()?;
        terminal.doing("starting a simulated AWS, with the repository in its S3");
        let aws = SimulatedAws::builder(scratch.path().join("aws"))
            .start()
            .await?;
        repository.publish(aws.s3(), BUCKET)?;
        if arguments.sabotage {
            aws.s3().delete(BUCKET, ICONS_JAR)?;
        }
        terminal.doing("somebody logs in with AWS SSO: a token is in a ~/.aws of the tour's own");
        aws.sso().set_access_token_life(FIRST_TOKEN_LIFE);
        let login = aws.sso().sign_in();
        aws.sso().set_access_token_life(TOKEN_LIFE);
        let config = aws.sso().config(PROFILE);
        let home = Home::make(scratch.path().join("home"), &config, &login)?;
        terminal.doing("starting bazel-proxy");
        let program = program(scratch.path(), home.folder(), &aws, arguments.port);
        let proxy = Proxy::start(program, scratch.path().join("proxy.log")).await?;
        Ok(Self {
            proxy,
            aws,
            home,
            repository,
            first_token_ends: login.expires_at,
            scratch,
        })
    }

    /// Ends the SSO session: AWS takes neither its tokens nor the keys that came of them.
    pub(crate) fn end_session(&self) {
        self.aws.sso().end_sessions();
        self.aws.sso().expire_role_credentials();
    }

    /// A client of the proxy.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.proxy.address())
    }

    /// The URL of a key at the proxy.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("http://{}/{key}", self.proxy.address())
    }

    /// The books of the simulated AWS.
    pub(crate) fn counters(&self) -> &Counters {
        self.aws.counters()
    }

    /// How often S3 was asked for an object.
    pub(crate) fn s3_gets(&self, key: &str) -> u64 {
        self.counters().count_key(Operation::GetObject, key)
    }

    /// The proxy's cache.
    pub(crate) fn cache_folder(&self) -> PathBuf {
        self.scratch.path().join(CACHE)
    }

    /// The folder that is the bucket.
    pub(crate) fn bucket_folder(&self) -> PathBuf {
        self.scratch.path().join("aws").join(BUCKET)
    }
}

/// Nothing of this machine's own AWS configuration reaches the proxy.
fn program(scratch: &Path, home: &Path, aws: &SimulatedAws, port: u16) -> Program {
    let text = |path: &Path| path.display().to_string();
    Program::new(
        scratch,
        [
            ("HOME", text(home)),
            ("AWS_PROFILE", PROFILE.to_owned()),
            ("AWS_ENDPOINT_URL", aws.endpoint_url()),
            ("AWS_REGION", aws.region().to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("S3_BUCKET_NAME", BUCKET.to_owned()),
            ("CACHE_DIR", text(&scratch.join(CACHE))),
            // A laptop with a full disk should still be able to run this.
            ("CACHE_MIN_FREE", "64MiB".to_owned()),
            ("METADATA_TTL", METADATA_TTL_SECONDS.to_string()),
            ("PROXY_PORT", port.to_string()),
        ],
    )
}
