//! The proxy's `~/.aws`, as a person and the AWS CLI leave it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use simulated_aws::Login;
use sso_session::token::{Reading, Token, TokenFile};

use super::PROFILE;
use crate::error::Error;

const AWS: &str = ".aws";

/// A home folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    token_file: TokenFile,
}

impl Home {
    /// Makes the folder with this `~/.aws/config` in it, and somebody logged in.
    pub(super) fn make(folder: PathBuf, config: &str, login: &Login) -> Result<Self, Error> {
        let aws = folder.join(AWS);
        fs::create_dir_all(&aws).map_err(Error::at(&aws))?;
        write(&aws.join("config"), config.as_bytes())?;
        let cache = aws.join("sso/cache");
        let path = login
            .write_in_place(&cache, PROFILE)
            .map_err(Error::at(&cache))?;
        Ok(Self {
            folder,
            token_file: TokenFile::new("", path),
        })
    }

    /// `HOME`.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `~/.aws`.
    pub(crate) fn aws_folder(&self) -> PathBuf {
        self.folder.join(AWS)
    }

    /// The token as it is in its file now.
    pub(crate) async fn token(&self) -> Option<Token> {
        match self.token_file.read_settled().await {
            Reading::Found(token) => Some(token),
            Reading::Absent | Reading::Unreadable(_) => None,
        }
    }

    /// When that file was written.
    pub(crate) fn token_written(&self) -> Option<SystemTime> {
        fs::metadata(self.token_file.path()).ok()?.modified().ok()
    }

    /// Writes a token as the AWS CLI does: over the old one.
    pub(crate) fn write_token(&self, token: &Token) -> Result<(), Error> {
        write(self.token_file.path(), &token.to_json())
    }

    /// Where the proxy asks the host for a login.
    pub(crate) fn signal_path(&self) -> PathBuf {
        self.aws_folder().join("sso-renewer/login-required.json")
    }

    /// The signal's text, if it is there.
    pub(crate) fn signal(&self) -> Option<String> {
        let bytes = fs::read(self.signal_path()).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::at(path))?;
    file.write_all(bytes).map_err(Error::at(path))
}
