//! The task of one flight.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tracing::{Instrument as _, info_span, warn};

use super::spool::Keep;
use super::writer::Writer;
use super::{Flight, Flights, Landing, Progress};
use crate::artifact::ArtifactKey;
use crate::cache::CacheKey;
use crate::error::Error;
use crate::origin::{ObjectStream, VerifiedDownload};

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
    stream: Option<ObjectStream>,
) {
    let span = info_span!("download", artifact.key = key.as_str());
    let flight = Arc::clone(&landing.flight);
    let task = Download {
        flights,
        flight,
        key,
        cache_key,
    };
    task.run(stream).instrument(span).await;
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
    async fn run(&self, mut stream: Option<ObjectStream>) {
        // Whoever saw a miss may have looked before the previous flight was committed.
        if stream.is_none() && self.flights.cache.lookup(&self.cache_key).await.is_some() {
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
            | Error::LoginRequired(_)
            | Error::Misconfigured(_) => false,
            Error::Denied(_)
            | Error::ClockSkew(_)
            | Error::Unavailable(_)
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
    async fn attempt(&self, stream: Option<ObjectStream>) -> Result<(), Error> {
        let stream = match stream {
            Some(stream) => stream,
            None => self.flights.origin.get(&self.key).await?,
        };
        let mut download = VerifiedDownload::new(stream);
        let length = download.head().attributes.length;
        let mut writer = self.stage(&download).await;
        if writer.is_none() && length > MEMORY_ONLY_BYTES {
            self.flight.depart(download.head());
            self.flight.hand_over(download);
            self.flight.progress.send_replace(Progress::Diverted);
            return Ok(());
        }
        let mut position = 0;
        while let Some(bytes) = next_piece(&mut download).await? {
            self.note_checksums(&download);
            self.flight.depart(download.head());
            self.flight.publish(position, bytes.clone());
            position += bytes.len() as u64;
            writer = self.write(writer, bytes).await;
            if writer.is_none() && length > MEMORY_ONLY_BYTES && position < length {
                self.flight.progress.send_replace(Progress::Diverted);
                return Ok(());
            }
        }
        if length == 0 {
            self.note_checksums(&download);
            self.flight.depart(download.head());
            self.flight
                .progress
                .send_replace(Progress::Streaming { available_bytes: 0 });
        }
        if let (Some(writer), Some(verified)) = (writer, download.verified()) {
            self.commit(writer, verified.clone(), length).await;
        }
        Ok(())
    }

    fn note_checksums(&self, download: &VerifiedDownload) {
        if let Some(verified) = download.verified() {
            let _set_once = self.flight.checksums.set(verified.checksums().clone());
        }
    }

    async fn stage(&self, download: &VerifiedDownload) -> Option<Writer> {
        match self
            .flights
            .cache
            .stage(&self.cache_key, &download.head().attributes)
            .await
        {
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

    async fn commit(&self, writer: Writer, verified: crate::checksum::Verified, length: u64) {
        match writer.commit(verified).await {
            Ok(()) => self.flight.spool.trim(length, Keep::Nothing),
            Err(error) => report_uncached(&error),
        }
    }
}

fn report_uncached(error: &impl std::fmt::Display) {
    warn!(%error, "served without being cached");
}

/// The next bytes to publish: of a small object all at once, of others as they come.
async fn next_piece(download: &mut VerifiedDownload) -> Result<Option<Bytes>, Error> {
    let length = download.head().attributes.length;
    let Some(first) = download.next().await? else {
        return Ok(None);
    };
    if length > GATHERED_BYTES || first.len() as u64 == length {
        return Ok(Some(first));
    }
    let mut whole = BytesMut::from(first);
    while let Some(more) = download.next().await? {
        whole.extend_from_slice(&more);
    }
    Ok(Some(whole.freeze()))
}
