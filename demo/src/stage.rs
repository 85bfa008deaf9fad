//! What the tour plays on: a scratch folder, the simulated AWS, the proxy, the watcher.
//!
//! ```text
//! <temporary folder>/
//!   aws/artifacts/          the bucket: any file put here is an object
//!   home/.aws/config        the profiles, each with an SSO session
//!   home/.aws/sso/cache     the logins
//!   home/.aws/sso-renewer   what the proxy and the watcher tell each other
//!   home/opened-page        what the person's browser shows
//!   bin/                    the programs that the watcher starts by name
//!   cache/                  the proxy's cache
//!   proxy.log               what the proxy logs
//! ```

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use simulated_aws::{Counters, Operation, SimulatedAws};
use tempfile::TempDir;

use crate::cli::Arguments;
use crate::client::Client;
use crate::error::Error;
use crate::program::{self, Program, Role};
use crate::repository::{ICONS_JAR, Repository};
use crate::terminal::Terminal;

mod home;
mod process;
mod proxy;
mod watcher;
pub(crate) use home::Home;
pub(crate) use proxy::Proxy;
pub(crate) use watcher::Watcher;

/// The bucket that the repository is in.
pub(crate) const BUCKET: &str = "artifacts";
/// The proxy's profile in `~/.aws`, and its session.
pub(crate) const PROFILE: &str = "demo";
/// Another profile, which the proxy does not use, and its session.
pub(crate) const OTHER_PROFILE: &str = "reports";
/// The variable of the same name: short, so that the tour can show what happens after it.
pub(crate) const METADATA_TTL_SECONDS: u64 = 1;

/// The cache's folder in the scratch folder.
const CACHE: &str = "cache";
/// The folder of the programs that the watcher finds.
const BIN: &str = "bin";

/// How long the first access token lives: short, so that the tour can show what comes after it.
pub(crate) const FIRST_TOKEN_LIFE: Duration = Duration::from_secs(6);
/// And all the others, as AWS has it.
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// What a person has for a login at the page, in seconds: most of what the AWS CLI itself waits.
pub(crate) const LOGIN_TIMEOUT_SECONDS: u64 = 570;

/// All parts, running. Dropped in this order: the watcher and the proxy end, AWS ends, the folder is
/// removed.
pub(crate) struct Stage {
    pub(crate) watcher: Watcher,
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
        let config = aws.sso().config(PROFILE) + "\n" + &aws.sso().config(OTHER_PROFILE);
        let home = Home::make(scratch.path().join("home"), &config, &login)?;
        terminal.doing("starting bazel-proxy, and sso-watcher beside it");
        let program = proxy_program(scratch.path(), home.folder(), &aws, arguments.port);
        let proxy = Proxy::start(program, scratch.path().join("proxy.log")).await?;
        link_programs(&scratch.path().join(BIN))?;
        let program = watcher_program(scratch.path(), home.folder(), &aws);
        let output = scratch.path().join("sso-watcher.output");
        let journal = home.state_folder().join("agent.json");
        let watcher = Watcher::start(program, output, &journal).await?;
        Ok(Self {
            watcher,
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

    /// When AWS refused to renew a session's token, each time.
    pub(crate) fn refusals(&self) -> Vec<Instant> {
        let calls = self.counters().log();
        let refused = calls.iter().filter(|call| {
            call.grant_type.as_deref() == Some("refresh_token") && call.status == Some(400)
        });
        refused.map(|call| call.at).collect()
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
fn proxy_program(scratch: &Path, home: &Path, aws: &SimulatedAws, port: u16) -> Program {
    Program::new(
        Role::Proxy,
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

/// Nor the watcher; and of this machine's programs it finds none: no notification reaches the person who
/// runs the demo.
fn watcher_program(scratch: &Path, home: &Path, aws: &SimulatedAws) -> Program {
    let bin = scratch.join(BIN);
    Program::new(
        Role::Watcher,
        scratch,
        [
            ("HOME", text(home)),
            ("PATH", text(&bin)),
            ("AWS_PROFILE", PROFILE.to_owned()),
            ("AWS_ENDPOINT_URL", aws.endpoint_url()),
            ("SSO_LOGIN_COMMAND", text(&bin.join(program::AWS))),
            ("BROWSER", format!("{} %s", program::BROWSER)),
            // The person of the tour sits at a desktop, wherever the demo runs.
            ("DISPLAY", ":0".to_owned()),
            ("SSO_POLL_SECONDS", "1".to_owned()),
            ("SSO_COOLDOWN_SECONDS", "0".to_owned()),
            ("SSO_MAX_PROMPTS_PER_HOUR", "60".to_owned()),
            (
                "SSO_LOGIN_TIMEOUT_SECONDS",
                LOGIN_TIMEOUT_SECONDS.to_string(),
            ),
        ],
    )
}

/// Puts the programs in place that others start by name.
fn link_programs(bin: &Path) -> Result<(), Error> {
    std::fs::create_dir(bin).map_err(Error::at(bin))?;
    let this = std::env::current_exe()?;
    for name in program::LINKS {
        let link = bin.join(name);
        symlink(&this, &link).map_err(Error::at(&link))?;
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
