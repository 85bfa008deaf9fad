//! The body of an answer: bytes at hand, or a reader; a failure aborts the connection.

use axum::body::Body;
use futures_util::stream;
use tracing::warn;

use super::connection::AbortHandle;
use crate::fetch::ArtifactReader;

/// Streams what the reader gives. If it fails, the client sees a reset, never a short file.
pub(super) fn streaming(reader: ArtifactReader, abort: AbortHandle, path: String) -> Body {
    let state = (reader, abort, path);
    Body::from_stream(stream::try_unfold(
        state,
        |(mut reader, abort, path)| async move {
            match reader.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, (reader, abort, path)))),
                Ok(None) => Ok(None),
                Err(error) => {
                    warn!(path, %error, "an answer broke off: its connection is reset");
                    abort.abort();
                    Err(error)
                }
            }
        },
    ))
}
