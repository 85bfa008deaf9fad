//! The proxy, as users run it: only what has to differ on this machine is set.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Process, Server, free_port};
use crate::failure::{Failure, While as _};
use crate::files;
use crate::origin::BUCKET;

/// How a proxy is to be started.
#[derive(Clone, Debug)]
pub(crate) struct ProxyBuilder {
    program: PathBuf,
    origin: SocketAddr,
    cache: Option<PathBuf>,
    signed_out: bool,
}

/// A running proxy.
pub(crate) struct Proxy {
    process: Process,
    address: SocketAddr,
    /// Removed behind the process, as fields are dropped in their order.
    _folder: TempDir,
}

impl ProxyBuilder {
    /// One with static keys and an empty cache before the S3 at `origin`.
    pub(crate) fn new(program: &Path, origin: SocketAddr) -> Self {
        Self {
            program: program.to_owned(),
            origin,
            cache: None,
            signed_out: false,
        }
    }

    /// Over a cache that is there already, and stays.
    pub(crate) fn cache(mut self, folder: &Path) -> Self {
        self.cache = Some(folder.to_owned());
        self
    }

    /// With an SSO profile in which nobody is signed in.
    pub(crate) fn signed_out(mut self) -> Self {
        self.signed_out = true;
        self
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&self) -> Result<Proxy, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("bench-proxy-")
            .tempdir()
            .when(|| "a folder for the proxy".to_owned())?;
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join(".aws")).when(|| "a home".to_owned())?;
        let port = free_port()?;
        let cache = self.cache.clone();
        let cache = cache.unwrap_or_else(|| folder.path().join("cache"));
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .env_clear()
            .current_dir(folder.path())
            .env("HOME", &home)
            .env("CACHE_DIR", cache)
            .env("S3_BUCKET_NAME", BUCKET)
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.origin))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PROXY_PORT", port.to_string());
        if self.signed_out {
            files::write(&home.join(".aws/config"), &[SSO_PROFILE.as_bytes()])?;
            command.env("AWS_PROFILE", "team");
        } else {
            command
                .env("AWS_PROFILE", "")
                .env("AWS_ACCESS_KEY_ID", "AKIABENCHBENCHBENCHB")
                .env("AWS_SECRET_ACCESS_KEY", "bench-secret");
        }
        let log = folder.path().join("log");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut process = Process::start("the proxy", &mut command, log)?;
        process.connect(address)?;
        Ok(Proxy {
            process,
            address,
            _folder: folder,
        })
    }
}

/// No token lies beside it, so that a login is needed.
const SSO_PROFILE: &str = "\
[profile team]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Developer
region = us-west-2

[sso-session corp]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = us-west-2
sso_registration_scopes = sso:account:access
";

impl Proxy {
    /// Waits until its log has these words.
    pub(crate) fn until_logged(&self, words: &str) -> Result<(), Failure> {
        self.process.until_said(words)
    }
}

impl Server for Proxy {
    fn name(&self) -> &'static str {
        "proxy"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> &Process {
        &self.process
    }
}
