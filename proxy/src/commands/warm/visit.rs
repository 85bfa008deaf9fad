//! One key, from the first request to its outcome.
//!
//! ```text
//! ask for it without its bytes ─► 304, a hit ────────────────────► there
//!                            └──► 304, a download has begun ─► read along ─► ask again ─► fetched
//! ```
//!
//! So what is cached costs neither S3 nor the disk anything, and what is not is followed to its last byte
//! and into the cache, which keeps it a moment after its readers have it.

use std::time::Duration;

use http::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::client::{Answer, Broken, Client};
use super::pace::Pace;
use super::task::Task;
use crate::lists::pom::Pom;

/// What passes is asked for so often, with at least five seconds in between: the proxy itself has tried
/// for ten each time.
const ATTEMPTS: u32 = 4;
/// Where nobody says how long.
const PAUSE: Duration = Duration::from_secs(5);
/// The time that a disk may take to write down what it was given.
const KEPT_WITHIN: Duration = Duration::from_mins(1);
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// No pom is longer; of a longer one nothing is looked at.
const MOST_POM_BYTES: usize = 4 * 1024 * 1024;

/// What became of one task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was in the cache.
    There,
    /// It is in the cache now: so many bytes came.
    Fetched(u64),
    /// The repository does not have it.
    Missing,
    /// It cannot be had, or is not what it should be: why.
    Failed(String),
    /// Nobody has answered in order, however often: why. Others may be as unlucky.
    InVain(String),
}

impl Outcome {
    /// Whether the cache has it now.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::There | Self::Fetched(_) => true,
            Self::Missing | Self::Failed(_) | Self::InVain(_) => false,
        }
    }
}

/// Why nothing more can be had for now.
#[derive(Debug)]
pub(super) enum End {
    /// A person has to act: what the proxy says.
    PersonNeeded(String),
    /// Nobody answers in order.
    Unreachable(String),
}

/// A visit's end, and the pom that was found.
pub(super) type Visited = Result<(Outcome, Option<Pom>), End>;

pub(super) struct Visitor {
    client: Client,
    pace: Pace,
}

/// Why an attempt came to nothing.
enum Trouble {
    /// It may pass, for all: when to ask again, and what it is.
    Passing(Duration, String),
    /// It may pass, for this key.
    Own(String),
    /// It does not pass.
    End(End),
}

impl From<Broken> for Trouble {
    fn from(Broken(reason): Broken) -> Self {
        Self::Passing(PAUSE, reason)
    }
}

/// The body of an answer, read to its end.
struct Read {
    bytes: u64,
    sha256: String,
    pom: Option<Pom>,
}

impl Visitor {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            pace: Pace::default(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Has one key, however often it takes within bounds.
    pub(super) async fn visit(&self, task: &Task) -> Visited {
        let mut attempt = 1;
        loop {
            self.pace.wait().await;
            let trouble = match self.attempt(task).await {
                Ok(visited) => return Ok(visited),
                Err(trouble) => trouble,
            };
            let is_last = attempt == ATTEMPTS;
            match trouble {
                Trouble::End(end) => return Err(end),
                Trouble::Passing(_, reason) if is_last => {
                    return Ok((Outcome::InVain(reason), None));
                }
                Trouble::Own(reason) if is_last => return Ok((Outcome::Failed(reason), None)),
                Trouble::Passing(pause, _) => self.pace.pause(pause),
                Trouble::Own(_) => sleep(Duration::from_secs(1) * attempt).await,
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, task: &Task) -> Result<(Outcome, Option<Pom>), Trouble> {
        // What a pom says has to be read in any case.
        if !task.is_pom {
            let answer = self.client.ask_for(&task.key).await?;
            if answer.status != StatusCode::NOT_MODIFIED {
                return Ok((refused(answer).await?, None));
            }
            let known = answer.header("x-checksum-sha256");
            if answer.is_hit() && (task.sha256.is_empty() || known.is_some()) {
                let outcome = known.and_then(|sha256| mismatch(task, sha256));
                return Ok((outcome.unwrap_or(Outcome::There), None));
            }
        }
        let mut answer = self.client.get(&task.key).await?;
        if answer.status != StatusCode::OK {
            return Ok((refused(answer).await?, None));
        }
        let read = read(&mut answer, task).await?;
        let outcome = if let Some(failed) = mismatch(task, &read.sha256) {
            failed
        } else if task.is_pom && answer.is_hit() {
            Outcome::There
        } else if answer.is_hit() || self.is_kept(task, &answer).await? {
            Outcome::Fetched(read.bytes)
        } else {
            let reason = "it came, but the cache cannot keep it; `bazel-proxy check` says why";
            Outcome::Failed(reason.to_owned())
        };
        Ok((outcome, read.pom))
    }

    /// Whether what came with `answer` gets into the cache.
    async fn is_kept(&self, task: &Task, answer: &Answer) -> Result<bool, Trouble> {
        if !answer.is_from_a_cache() {
            return Ok(true);
        }
        let asked = Instant::now();
        loop {
            let answer = self.client.ask_for(&task.key).await?;
            if answer.is_hit() {
                return Ok(true);
            }
            // Whatever else than the same download means that this one has ended otherwise.
            if !answer.is_collapsed() || asked.elapsed() > KEPT_WITHIN {
                return Ok(false);
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

async fn read(answer: &mut Answer, task: &Task) -> Result<Read, Trouble> {
    // A broken body is this key's own trouble: others may be well.
    let own = |Broken(reason)| Trouble::Own(reason);
    let (mut bytes, mut hasher, mut text) = (0, Sha256::new(), Vec::new());
    let (is_hashed, mut is_kept) = (!task.sha256.is_empty(), task.is_pom);
    while let Some(more) = answer.next().await.map_err(own)? {
        bytes += more.len() as u64;
        if is_hashed {
            hasher.update(&more);
        }
        is_kept &= text.len() + more.len() <= MOST_POM_BYTES;
        if is_kept {
            text.extend_from_slice(&more);
        }
    }
    Ok(Read {
        bytes,
        sha256: hex::encode(hasher.finalize()),
        pom: is_kept.then(|| Pom::read(&String::from_utf8_lossy(&text))),
    })
}

/// The failure of an artifact that is not what the list says.
fn mismatch(task: &Task, sha256: &str) -> Option<Outcome> {
    let is_right = task.sha256.is_empty() || task.sha256.iter().any(|digest| digest == sha256);
    (!is_right).then(|| {
        let expected = task.sha256.join(" or ");
        Outcome::Failed(format!(
            "its SHA-256 is {sha256}, and the list says {expected}: the repository has another file \
             under this name"
        ))
    })
}

/// What an answer without the artifact means.
async fn refused(answer: Answer) -> Result<Outcome, Trouble> {
    let status = answer.status;
    let detail = answer.detail().map(str::to_owned);
    let pause = answer
        .header("retry-after")
        .and_then(|seconds| seconds.trim().parse().ok())
        .map_or(PAUSE, Duration::from_secs);
    let text = answer.text().await;
    let said = format!("{} {text}", status.as_u16()).trim_end().to_owned();
    match (status, detail.as_deref()) {
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Ok(Outcome::Missing),
        (StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN, _) => Ok(Outcome::Failed(said)),
        (_, Some("login-required" | "misconfigured")) => Err(Trouble::End(End::PersonNeeded(text))),
        (_, Some("failed")) => Err(Trouble::Own(text)),
        (StatusCode::TOO_MANY_REQUESTS, _) => Err(Trouble::Passing(pause, said)),
        (status, _) if status.is_server_error() => Err(Trouble::Passing(pause, said)),
        _ => Err(Trouble::End(End::Unreachable(said))),
    }
}
