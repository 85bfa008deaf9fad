//! The task of one flight.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tracing::{Instrument as _, info_span, warn};

use super::commits::{NoPlace, Place};
use super::digesting::{Digesting, NoDigests};
use super::spool::Keep;
use super::writer::Writer;
use super::{Begin, Flight, Flights, Landing, Progress};
use crate::artifact::ArtifactKey;
use crate::cache::CacheKey;
use crate::checksum::Verified;
use crate::error::Error;
use crate::object::ObjectAttributes;
use crate::remote::{Body, ObjectHead, Reception, VerifiedDownload};

/// Objects up to this size are handed to all readers from memory where the disk cannot take them.
const MEMORY_ONLY_BYTES: u64 = 1024 * 1024;
/// Objects up to this size are handed out only when they are whole and verified: even their first
/// answer then has its checksums, which spares clients half of their requests, and an altered one is
/// fetched again unseen.
const GATHERED_BYTES: u64 = 64 * 1024;
/// A download that turns out wrong before anyone has seen a byte is made once more.
const ATTEMPTS: u32 = 2;

pub(super) async fn run(
    flights: Flights,
    landing: Landing,
    key: ArtifactKey,
    cache_key: CacheKey,
    begin: Begin,
) {
    let span = info_span!("download", artifact.key = key.as_str());
    let flight = Arc::clone(&landing.flight);
    let task = Download {
        flights,
        flight,
        key,
        cache_key,
    };
    task.run(begin).instrument(span).await;
    // Only now may a new flight for this key start, unless this one has failed.
    drop(landing);
}

struct Download {
    flights: Flights,
    flight: Arc<Flight>,
    key: ArtifactKey,
    cache_key: CacheKey,
}

impl Download {
    async fn run(&self, begin: Begin) {
        // Whoever saw a miss may have looked before the previous flight was committed.
        let (looks_again, mut stream) = match begin {
            Begin::Unseen => (true, None),
            Begin::Seen(before) => (self.flights.landed_before(&self.cache_key) != before, None),
            Begin::With(stream) => (false, Some(stream)),
        };
        if looks_again && self.flights.cache.lookup(&self.cache_key).await.is_some() {
            self.flight.progress.send_replace(Progress::AlreadyCached);
            return;
        }
        for attempt in 1..=ATTEMPTS {
            let error = match self.attempt(stream.take()).await {
                Ok(()) => return,
                Err(error) => error,
            };
            let again = matches!(error, Error::Corrupt(_) | Error::Changed);
            if !again || self.flight.has_departed() || attempt == ATTEMPTS {
                return self.fail(error);
            }
            warn!(%error, "a download went wrong and is made once more");
        }
    }

    fn fail(&self, error: Error) {
        let unserved = match &error {
            // Said by the origin, or said once by the keeper.
            Error::NotFound
            | Error::MissingOrDenied
            | Error::Rejected { .. }
            | Error::LoginRequired(_)
            | Error::Misconfigured(_) => false,
            Error::Denied(_)
            | Error::ClockSkew(_)
            | Error::Unavailable(_)
            | Error::Throttled { .. }
            | Error::Changed
            | Error::Corrupt(_)
            | Error::Cache(_) => true,
        };
        if unserved {
            warn!(%error, "a download failed");
        }
        self.flight.fail(error);
    }

    /// Downloads once. `Err` only before the flight has ended otherwise.
    async fn attempt(&self, stream: Option<Box<dyn Body>>) -> Result<(), Error> {
        let stream = match stream {
            Some(stream) => stream,
            None => {
                Arc::clone(&self.flights.origin)
                    .get(self.key.clone())
                    .await?
            }
        };
        let download = VerifiedDownload::new(stream);
        if download.head().attributes.length <= GATHERED_BYTES {
            self.gather(download).await
        } else {
            self.stream(download).await
        }
    }

    /// A small object: published when it is whole, and stored behind that.
    async fn gather(&self, mut download: VerifiedDownload) -> Result<(), Error> {
        let bytes = whole(&mut download).await?;
        let Some(verified) = download.verified().cloned() else {
            return Err(Error::Corrupt("the download ended early".into()));
        };
        self.note_checksums(&verified);
        self.flight.depart(download.head());
        self.flight.publish(0, bytes.clone());
        let place = self.flights.commits.gathered().await;
        let Some(_until_stored) = placed(place) else {
            return Ok(());
        };
        let attributes = download.head().attributes.clone();
        // Its place is for the next call while the disk works. The bytes stay in the spool.
        drop(download);
        if !self.is_latest() {
            return Ok(());
        }
        let cache = &self.flights.cache;
        let stored = cache.store(&self.cache_key, &attributes, bytes, verified);
        if let Err(error) = stored.await {
            report_uncached(&error);
        }
        Ok(())
    }

    /// Any other object: published as it comes, but for its last bytes, which wait for the proof.
    async fn stream(&self, mut download: VerifiedDownload) -> Result<(), Error> {
        let head = download.head().clone();
        let length = head.attributes.length;
        let (writer, ahead) = tokio::join!(self.stage(&head.attributes), download.look_ahead());
        ahead?;
        if writer.is_none() && length > MEMORY_ONLY_BYTES {
            self.flight.depart(&head);
            self.flight.hand_over(download);
            self.flight.progress.send_replace(Progress::Diverted);
            return Ok(());
        }
        let (reception, digests) = download.receive();
        let (spool, turns) = (Arc::clone(&self.flight.spool), self.flights.turns.clone());
        let tail = Tail {
            reception,
            writer,
            digesting: Digesting::new(spool, turns, digests),
            position: 0,
        };
        match self.follow(&head, tail).await? {
            Some((tail, last)) => self.end(&head, tail, last).await,
            None => Ok(()),
        }
    }

    /// Publishes all but the last bytes, which are returned. `None` where the flight has ended before.
    async fn follow(
        &self,
        head: &ObjectHead,
        mut tail: Tail,
    ) -> Result<Option<(Tail, Bytes)>, Error> {
        let length = head.attributes.length;
        while let Some(bytes) = tail.reception.next().await? {
            if tail.position + bytes.len() as u64 >= length {
                return Ok(Some((tail, bytes)));
            }
            self.flight.depart(head);
            self.flight.publish(tail.position, bytes.clone());
            if tail.position == 0 {
                // Whoever waits for the first bytes goes first: woken by this task, it may only run on
                // this task's thread, which more bytes would keep busy.
                tokio::task::yield_now().await;
            }
            tail.position += bytes.len() as u64;
            tail.writer = self.write(tail.writer, bytes).await;
            if tail.writer.is_none() && length > MEMORY_ONLY_BYTES {
                self.flight.progress.send_replace(Progress::Diverted);
                return Ok(None);
            }
            tail.digesting.advance(tail.position).await;
        }
        Err(Error::Corrupt("the download ended early".into()))
    }

    /// Publishes the last bytes if all of them are right, and commits what is right.
    async fn end(&self, head: &ObjectHead, tail: Tail, last: Bytes) -> Result<(), Error> {
        let Tail {
            reception,
            writer,
            digesting,
            position,
        } = tail;
        let length = head.attributes.length;
        reception.check()?;
        if reception.needs_digests() {
            let digests = match digesting.finish_with(position, last.clone()).await {
                Ok(digests) => digests,
                Err(error) => {
                    self.divert(head, error);
                    return Ok(());
                }
            };
            let verified = reception.verify(digests)?;
            self.note_checksums(&verified);
            self.publish_last(head, position, last.clone());
            let placed = self.placed(self.write(writer, last).await).await;
            drop(reception);
            if let Some((writer, _until_committed)) = placed {
                self.commit(writer, verified, length).await;
            }
            return Ok(());
        }
        self.publish_last(head, position, last.clone());
        let placed = self.placed(self.write(writer, last).await).await;
        // Readers have all of it by its CRC-64. The digests decide about keeping it, and about whoever has
        // sent it.
        let judge = reception.into_judge();
        let digests = match digesting.finish(length).await {
            Ok(digests) => digests,
            Err(error) => {
                // Otherwise it was reported before.
                if placed.is_some() {
                    report_uncached(&error);
                }
                return Ok(());
            }
        };
        match judge.verify(digests) {
            Ok(verified) => {
                self.note_checksums(&verified);
                if let Some((writer, _until_committed)) = placed {
                    self.commit(writer, verified, length).await;
                }
            }
            Err(error) => warn!(
                %error,
                "a digest is not as promised, though all else is: served, and not kept"
            ),
        }
        Ok(())
    }

    fn publish_last(&self, head: &ObjectHead, position: u64, last: Bytes) {
        self.flight.depart(head);
        self.flight.publish(position, last);
    }

    /// The last bytes cannot be verified: readers download on their own.
    fn divert(&self, head: &ObjectHead, why: NoDigests) {
        report_uncached(&why);
        self.flight.depart(head);
        self.flight.progress.send_replace(Progress::Diverted);
    }

    /// A writer with its place among those that commit.
    async fn placed(&self, writer: Option<Writer>) -> Option<(Writer, Place)> {
        let writer = writer?;
        let place = self.flights.commits.streamed().await;
        placed(place).map(|place| (writer, place))
    }

    fn note_checksums(&self, verified: &Verified) {
        let _set_once = self.flight.checksums.set(verified.checksums().clone());
    }

    async fn stage(&self, attributes: &ObjectAttributes) -> Option<Writer> {
        match self.flights.cache.stage(&self.cache_key, attributes).await {
            Ok(staged) => {
                self.flight.spool.set_file(staged.reader());
                Some(Writer::new(staged))
            }
            Err(error) => {
                report_uncached(&error);
                None
            }
        }
    }

    async fn write(&self, writer: Option<Writer>, bytes: Bytes) -> Option<Writer> {
        let mut writer = writer?;
        match writer.push(bytes).await {
            Ok(()) => {
                self.flight.spool.trim(writer.written_bytes(), Keep::Recent);
                Some(writer)
            }
            Err(error) => {
                report_uncached(&error);
                None
            }
        }
    }

    fn is_latest(&self) -> bool {
        self.flights.is_latest(self.cache_key.id(), &self.flight)
    }

    async fn commit(&self, writer: Writer, verified: Verified, length: u64) {
        let (flights, id, flight) = (
            self.flights.clone(),
            self.cache_key.id(),
            Arc::clone(&self.flight),
        );
        let may_be_kept = move || flights.is_latest(id, &flight);
        match writer.commit(verified, may_be_kept).await {
            Ok(()) => self.flight.spool.trim(length, Keep::Nothing),
            Err(error) => report_uncached(&error),
        }
    }
}

/// A download on its way, and those that follow it.
struct Tail {
    reception: Reception,
    /// `None` where the disk cannot take it.
    writer: Option<Writer>,
    digesting: Digesting,
    /// How much has been published, in bytes.
    position: u64,
}

fn report_uncached(error: &impl std::fmt::Display) {
    warn!(%error, "served without being cached");
}

fn placed(place: Result<Place, NoPlace>) -> Option<Place> {
    place.inspect_err(report_uncached).ok()
}

/// All bytes of a small object.
async fn whole(download: &mut VerifiedDownload) -> Result<Bytes, Error> {
    let length = download.head().attributes.length;
    let Some(first) = download.next().await? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 == length {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
    whole.extend_from_slice(&first);
    while let Some(more) = download.next().await? {
        whole.extend_from_slice(&more);
    }
    Ok(whole.freeze())
}
