//! Where the page looks from: what does not change while the process lives, and what lies on the disk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sso_session::date;
use sso_session::signal::{LoginSignal, SignalFile};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::super::credentials::CredentialsService;
use crate::cache::Figures;
use crate::config::Config;
use crate::credentials::now;
use crate::disk::Disk;

/// The disk is looked at this often, however many look at the page.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longer, and the page is shown without.
const PATIENCE: Duration = Duration::from_secs(1);

/// What of the process's surroundings the page tells.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// What is listened on.
    pub listening: Vec<SocketAddr>,
    /// `login-required.json`.
    pub signal_file: PathBuf,
    /// Credentials for containers, where any are handed out.
    pub containers: Option<CredentialsService>,
}

/// Looks out for the page. One for the process.
pub(crate) struct Vantage {
    surroundings: Surroundings,
    repository: Option<String>,
    region: String,
    profile: String,
    cache_folder: PathBuf,
    login_wait: Duration,
    started: (SystemTime, Instant),
    signal: SignalFile,
    disk: Disk,
    last: Mutex<Option<(Instant, Option<LoginSignal>)>>,
}

/// The cache's size.
#[derive(Serialize)]
pub(super) struct CacheFill {
    folder: String,
    /// Of files and of running downloads.
    occupied_bytes: u64,
    max_bytes: u64,
    /// Unknown where the disk does not answer.
    available_bytes: Option<u64>,
    /// Kept free by evicting.
    min_available_bytes: u64,
    objects: u64,
    /// Until then, what occupies and how many are too small.
    is_counted: bool,
}

/// Which program this is, and where.
#[derive(Serialize)]
pub(super) struct Program {
    version: &'static str,
    started: String,
    uptime_seconds: u64,
    /// The bucket and the folder in it; `null` where only CodeArtifact is served.
    repository: Option<String>,
    region: String,
    profile: String,
    listening: Vec<String>,
    login_wait_seconds: u64,
}

impl Vantage {
    /// `has_bucket`: what the configuration says of it is in force.
    pub(crate) fn new(config: &Config, has_bucket: bool, surroundings: Surroundings) -> Self {
        Self {
            repository: has_bucket.then(|| config.repository()),
            region: config.region.clone(),
            profile: config.profile.name().to_owned(),
            cache_folder: config.cache.folder.clone(),
            login_wait: config.login_wait,
            started: (now(), Instant::now()),
            signal: SignalFile::new(&surroundings.signal_file),
            surroundings,
            disk: Disk::default(),
            last: Mutex::default(),
        }
    }

    pub(super) fn login_wait(&self) -> Duration {
        self.login_wait
    }

    /// What the host is asked for, as of a second ago at most if the disk answers.
    pub(super) async fn signal(&self) -> Option<LoginSignal> {
        let mut last = self.last.lock().await;
        if let Some((at, signal)) = &*last
            && at.elapsed() < LOOK_EVERY
        {
            return signal.clone();
        }
        let file = self.signal.clone();
        // What cannot be read is for the keeper to report.
        let look = move || file.peek().ok().flatten();
        let looked = timeout(PATIENCE, self.disk.run(look)).await;
        let signal = looked.ok().and_then(Result::ok).flatten();
        *last = Some((Instant::now(), signal.clone()));
        signal
    }

    pub(super) fn cache_fill(&self, figures: &Figures) -> CacheFill {
        CacheFill {
            folder: self.cache_folder.display().to_string(),
            occupied_bytes: figures.occupied_bytes,
            max_bytes: figures.limit_bytes,
            available_bytes: figures.free_bytes,
            min_available_bytes: figures.min_free_bytes,
            objects: figures.objects,
            is_counted: figures.is_counted,
        }
    }

    pub(super) fn program(&self, now: SystemTime) -> Program {
        let (started, since) = self.started;
        let uptime = since.elapsed();
        let listening = self.surroundings.listening.iter();
        Program {
            version: env!("CARGO_PKG_VERSION"),
            // A clock that was wrong at first is not told for ever.
            started: date::format(now.checked_sub(uptime).unwrap_or(started)),
            uptime_seconds: uptime.as_secs(),
            repository: self.repository.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            listening: listening.map(ToString::to_string).collect(),
            login_wait_seconds: self.login_wait.as_secs(),
        }
    }
}
