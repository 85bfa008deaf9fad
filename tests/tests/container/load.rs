//! Clients that ask for all kinds of things all the time, and check every byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Answer, Client};
use crate::library::Library;
use crate::tally::{Outcome, Tally};

/// Of the library, what builds want again and again.
const POPULAR: usize = 500;

/// Running clients.
pub(crate) struct Load {
    pub(crate) tally: Arc<Tally>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

/// What a client asks for next.
enum Wish {
    Whole(usize),
    Part(usize),
    Head(usize),
    Unchanged(usize),
    Absent,
}

impl Load {
    /// So many clients, each with a pause of `pause` on average between two requests.
    pub(crate) fn start(
        address: SocketAddr,
        library: Library,
        clients: usize,
        pause: Duration,
    ) -> Self {
        let tally = Arc::<Tally>::default();
        let (stop, stopped) = watch::channel(false);
        let mut set = JoinSet::new();
        for _ in 0..clients {
            let (tally, stopped) = (Arc::clone(&tally), stopped.clone());
            set.spawn(async move {
                let mut client = Client::new(address);
                while !*stopped.borrow() {
                    tally.count(ask(&mut client, library).await);
                    sleep(pause.mul_f64(2.0 * fastrand::f64())).await;
                }
            });
        }
        Self {
            tally,
            stop,
            clients: set,
        }
    }

    /// Lets every client have its last answer.
    pub(crate) async fn stop(mut self) -> Arc<Tally> {
        self.stop.send_replace(true);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("no client panics");
        }
        self.tally
    }
}

/// Fetches all of a library with so many clients at once.
pub(crate) async fn fetch_all(address: SocketAddr, library: Library, clients: usize) -> Arc<Tally> {
    let tally = Arc::<Tally>::default();
    let mut set = JoinSet::new();
    for first in 0..clients {
        let tally = Arc::clone(&tally);
        set.spawn(async move {
            let mut client = Client::new(address);
            for number in (first..library.artifacts()).step_by(clients) {
                tally.count(grant(&mut client, library, &Wish::Whole(number)).await);
            }
        });
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("no client panics");
    }
    tally
}

async fn ask(client: &mut Client, library: Library) -> Result<Outcome, String> {
    let popular = fastrand::usize(..POPULAR.min(library.artifacts()));
    let any = fastrand::usize(..library.artifacts());
    let wish = match fastrand::u8(..100) {
        0..70 => Wish::Whole(popular),
        70..82 => Wish::Whole(any),
        82..92 => Wish::Part(if fastrand::bool() { popular } else { any }),
        92..95 => Wish::Head(popular),
        95..98 => Wish::Unchanged(popular),
        98.. => Wish::Absent,
    };
    grant(client, library, &wish).await
}

async fn grant(client: &mut Client, library: Library, wish: &Wish) -> Result<Outcome, String> {
    let begin = Instant::now();
    let answer = match *wish {
        Wish::Whole(number) => {
            let answer = client.get(&library.path(number)).await?;
            expect(
                &answer,
                StatusCode::OK,
                library.bytes(number),
                &library.path(number),
            )?;
            answer
        }
        Wish::Part(number) => {
            let (path, bytes) = (library.path(number), library.bytes(number));
            let first = fastrand::usize(..bytes.len());
            let last = fastrand::usize(first..bytes.len());
            let range = format!("bytes={first}-{last}");
            let answer = client.ask("GET", &path, Some(("range", &range))).await?;
            expect(
                &answer,
                StatusCode::PARTIAL_CONTENT,
                &bytes[first..=last],
                &path,
            )?;
            answer
        }
        Wish::Head(number) => {
            let path = library.path(number);
            let answer = client.ask("HEAD", &path, None).await?;
            expect(&answer, StatusCode::OK, &[], &path)?;
            let length = library.bytes(number).len().to_string();
            if answer.header("content-length") != length {
                return Err(format!("HEAD {path}: a length of {length} was expected"));
            }
            answer
        }
        Wish::Unchanged(number) => {
            let path = library.path(number);
            let known = client.get(&path).await?;
            expect(&known, StatusCode::OK, library.bytes(number), &path)?;
            let etag = ("if-none-match", known.header("etag"));
            let answer = client.ask("GET", &path, Some(etag)).await?;
            expect(&answer, StatusCode::NOT_MODIFIED, &[], &path)?;
            answer
        }
        Wish::Absent => {
            let path = format!("/absent/{}.jar", fastrand::u16(..));
            let answer = client.get(&path).await?;
            if answer.status != StatusCode::NOT_FOUND {
                return Err(unexpected(&answer, &path));
            }
            answer
        }
    };
    Ok(Outcome {
        took: begin.elapsed(),
        bytes: answer.body.len(),
        is_hit: answer.is_hit(),
        was_held: answer.header("cache-status").ends_with("; held"),
    })
}

fn expect(answer: &Answer, status: StatusCode, bytes: &[u8], path: &str) -> Result<(), String> {
    if answer.status != status {
        return Err(unexpected(answer, path));
    }
    if answer.body != bytes {
        let (got, want) = (answer.body.len(), bytes.len());
        return Err(format!("{path}: {got} other bytes than the {want} it has"));
    }
    Ok(())
}

fn unexpected(answer: &Answer, path: &str) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let start: String = text.chars().take(300).collect();
    format!("{path}: {} {start}", answer.status)
}
