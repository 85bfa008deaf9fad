//! What the page says of work: who waits, what is downloaded, what went wrong.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use sso_session::date;

use super::super::hold;
use super::super::troubles::Noted;
use super::status::before;
use crate::fetch::Fetcher;
use crate::flight::UnderWay;
use crate::origin::UpstreamState;

/// So many waiting keys, and so many downloads, are shown.
const SHOWN: usize = 20;

/// Requests that wait.
#[derive(Serialize)]
pub(super) struct Parked {
    /// For a login, or for passing trouble to pass.
    requests: usize,
    /// How many keys a login is waited for with.
    keys: usize,
    /// Those that have been waited for longest.
    longest: Vec<ParkedKey>,
}

#[derive(Serialize)]
struct ParkedKey {
    key: String,
    requests: usize,
    since: String,
    /// Those that are known by name.
    clients: Vec<&'static str>,
}

/// Downloads under way.
#[derive(Serialize)]
pub(super) struct Downloads {
    count: usize,
    /// Those that have been under way for longest.
    longest: Vec<Download>,
}

#[derive(Serialize)]
struct Download {
    key: String,
    since: String,
    /// Once the origin has answered.
    size_bytes: Option<u64>,
    received_bytes: u64,
    /// On average since it began.
    bytes_per_second: u64,
}

/// The proxy that is asked before S3.
#[derive(Serialize)]
pub(super) struct Upstream {
    url: String,
    /// `not-asked-yet`, `answering`, or `away`: then S3 is asked in its place.
    state: &'static str,
    reason: Option<String>,
    cure: Option<String>,
}

/// Answers that were none, of one kind.
#[derive(Serialize)]
pub(super) struct TroubleSeen {
    title: &'static str,
    reason: String,
    cure: String,
    command: Option<String>,
    /// Whom it met last.
    key: String,
    count: u64,
    first: String,
    last: String,
}

impl Parked {
    pub(super) fn of(parked: &hold::Parked, waiting: usize, now: SystemTime) -> Self {
        let (keys, longest) = parked.by_key(SHOWN);
        let longest = longest.into_iter().map(|waiting| ParkedKey {
            key: waiting.key,
            requests: waiting.requests,
            since: before(now, waiting.age),
            clients: waiting.clients,
        });
        Self {
            requests: waiting,
            keys,
            longest: longest.collect(),
        }
    }
}

impl Downloads {
    pub(super) fn of<'a>(
        fetchers: impl Iterator<Item = &'a Arc<Fetcher>>,
        now: SystemTime,
    ) -> Self {
        let under_way = fetchers.map(|fetcher| fetcher.downloads_under_way(SHOWN));
        let (counts, longest): (Vec<_>, Vec<_>) = under_way.unzip();
        let mut longest: Vec<_> = longest.into_iter().flatten().collect();
        longest.sort_by_key(|download| Reverse(download.age));
        let longest = longest.iter().take(SHOWN);
        Self {
            count: counts.iter().sum(),
            longest: longest
                .map(|download| Download::of(download, now))
                .collect(),
        }
    }
}

impl Download {
    fn of(download: &UnderWay, now: SystemTime) -> Self {
        let milliseconds = download.age.as_millis().max(1);
        let rate = u128::from(download.received_bytes) * 1000 / milliseconds;
        Self {
            key: download.key.to_string(),
            since: before(now, download.age),
            size_bytes: download.size_bytes,
            received_bytes: download.received_bytes,
            bytes_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
        }
    }
}

impl Upstream {
    pub(super) fn of(url: &str, state: &UpstreamState) -> Self {
        let (state, trouble) = match state {
            UpstreamState::NotAskedYet => ("not-asked-yet", None),
            UpstreamState::Answering => ("answering", None),
            UpstreamState::Away(trouble) => ("away", Some(trouble)),
        };
        Self {
            url: url.to_owned(),
            state,
            reason: trouble.map(|trouble| trouble.reason.clone()),
            cure: trouble.map(|trouble| trouble.cure.clone()),
        }
    }

    /// Whether it is asked for what is not cached.
    pub(super) fn is_asked(&self) -> bool {
        self.reason.is_none()
    }
}

impl From<Noted> for TroubleSeen {
    fn from(noted: Noted) -> Self {
        Self {
            title: noted.title,
            reason: noted.trouble.reason,
            cure: noted.trouble.cure,
            command: noted.trouble.command,
            key: noted.key,
            count: noted.count,
            first: date::format(noted.first),
            last: date::format(noted.last),
        }
    }
}
