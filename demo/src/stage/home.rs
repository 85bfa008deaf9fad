//! The home of the tour's person: `~/.aws` as they and the AWS CLI leave it, shared by both programs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use simulated_aws::Login;
use sso_session::lock::LoginLock;
use sso_session::token::{Reading, Token, TokenFile};

use super::PROFILE;
use crate::browser;
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
        let path = write_login(&aws, PROFILE, login)?;
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
        found(&self.token_file).await
    }

    /// When that file was written.
    pub(crate) fn token_written(&self) -> Option<SystemTime> {
        fs::metadata(self.token_file.path()).ok()?.modified().ok()
    }

    /// Leaves a login with another session of that name in `~/.aws/sso/cache`, and gives its file.
    pub(crate) fn log_in_elsewhere(
        &self,
        session: &str,
        login: &Login,
    ) -> Result<Elsewhere, Error> {
        let path = write_login(&self.aws_folder(), session, login)?;
        Ok(Elsewhere(TokenFile::new("", path)))
    }

    /// What the programs share, beside the token.
    pub(crate) fn state_folder(&self) -> PathBuf {
        self.aws_folder().join("sso-renewer")
    }

    /// Where somebody asks the host for a login.
    pub(crate) fn signal_path(&self) -> PathBuf {
        self.state_folder().join("login-required.json")
    }

    /// The signal's text, if it is there.
    pub(crate) fn signal(&self) -> Option<String> {
        let bytes = fs::read(self.signal_path()).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Who holds the login lock; none if nobody does.
    pub(crate) fn login_lock(&self) -> Result<Option<String>, Error> {
        let holder = LoginLock::new(self.state_folder()).look();
        let holder = holder.map_err(std::io::Error::other)?;
        Ok(holder.map(|holder| holder.to_string()))
    }

    /// The page that the person's browser shows, if it shows one.
    pub(crate) fn opened_page(&self) -> Option<String> {
        browser::opened(&self.folder)
    }

    /// Closes it.
    pub(crate) fn close_page(&self) -> Result<(), Error> {
        Ok(browser::close(&self.folder)?)
    }
}

/// The token file of another session.
pub(crate) struct Elsewhere(TokenFile);

impl Elsewhere {
    /// The token as it is in its file now.
    pub(crate) async fn token(&self) -> Option<Token> {
        found(&self.0).await
    }
}

async fn found(file: &TokenFile) -> Option<Token> {
    match file.read_settled().await {
        Reading::Found(token) => Some(token),
        Reading::Absent | Reading::Unreadable(_) => None,
    }
}

fn write_login(aws: &Path, session: &str, login: &Login) -> Result<PathBuf, Error> {
    let cache = aws.join("sso/cache");
    login
        .write_in_place(&cache, session)
        .map_err(Error::at(&cache))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::at(path))?;
    file.write_all(bytes).map_err(Error::at(path))
}
