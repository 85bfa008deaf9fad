//! What the tour plays on: a scratch folder, the simulated AWS, the proxy.
//!
//! ```text
//! <temporary folder>/
//!   aws/artifacts/          the bucket: any file put here is an object
//!   home/.aws/credentials   the proxy's profile
//!   cache/                  the proxy's cache
//!   proxy.log               what the proxy logs
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use simulated_aws::{Counters, Operation, SimulatedAws};
use tempfile::TempDir;

use crate::cli::Arguments;
use crate::client::Client;
use crate::error::Error;
use crate::program::Program;
use crate::repository::{ICONS_JAR, Repository};
use crate::terminal::Terminal;

mod proxy;
pub(crate) use proxy::Proxy;

/// The bucket that the repository is in.
pub(crate) const BUCKET: &str = "artifacts";
/// The proxy's profile in `~/.aws`.
pub(crate) const PROFILE: &str = "demo";
/// The variable of the same name: short, so that the tour can show what happens after it.
pub(crate) const METADATA_TTL_SECONDS: u64 = 1;

/// The cache's folder in the scratch folder.
const CACHE: &str = "cache";

/// A login: what `aws sso login` gives a person, for some hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login {
    access_key_id: &'static str,
    secret: &'static str,
    token: &'static str,
}

/// The login that the tour begins with.
pub(crate) const FIRST_LOGIN: Login = Login {
    access_key_id: "ASIADEMOFIRSTLOGIN",
    secret: "the-demo's-first-secret",
    token: "the-demo's-first-session-token",
};

/// The login after that.
pub(crate) const SECOND_LOGIN: Login = Login {
    access_key_id: "ASIADEMOSECONDLOGIN",
    secret: "the-demo's-second-secret",
    token: "the-demo's-second-session-token",
};

/// All parts, running. Dropped in this order: the proxy ends, AWS ends, the folder is removed.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) aws: SimulatedAws,
    pub(crate) repository: Repository,
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
        let home = scratch.path().join("home");
        log_in(&aws, &home, FIRST_LOGIN)?;
        terminal.doing("starting bazel-proxy");
        let program = program(scratch.path(), &home, &aws, arguments.port);
        let proxy = Proxy::start(program, scratch.path().join("proxy.log")).await?;
        Ok(Self {
            proxy,
            aws,
            repository,
            scratch,
        })
    }

    /// Logs in anew, as far as the proxy can see it: fresh keys are in `~/.aws/credentials`.
    pub(crate) fn log_in(&self, login: Login) -> Result<(), Error> {
        log_in(&self.aws, &self.scratch.path().join("home"), login)
    }

    /// Lets a login end: AWS no longer takes its session token.
    pub(crate) fn end(&self, login: Login) {
        self.aws.identities().expire(login.access_key_id);
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
            // The tour shows what a build is told when all patience has ended.
            ("LOGIN_WAIT", "0".to_owned()),
            ("PROXY_PORT", port.to_string()),
        ],
    )
}

fn log_in(aws: &SimulatedAws, home: &Path, login: Login) -> Result<(), Error> {
    aws.identities()
        .add_session(login.access_key_id, login.secret, login.token, None);
    let folder = home.join(".aws");
    fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
    let text = format!(
        "[{PROFILE}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        login.access_key_id, login.secret, login.token
    );
    // By rename, as careful tools do it: the proxy never reads half a file.
    let (path, new) = (folder.join("credentials"), folder.join("credentials.new"));
    write_secret(&new, &text).map_err(Error::at(&new))?;
    fs::rename(&new, &path).map_err(Error::at(&path))
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file: File = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
