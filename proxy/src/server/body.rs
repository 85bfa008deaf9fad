//! The body of an answer: bytes at hand, or a reader; a failure aborts the connection.

use axum::body::Body;
use futures_util::stream;
use tracing::warn;

use super::connection::AbortHandle;
use super::troubles::Troubles;
use crate::fetch::ArtifactReader;

/// Streams what the reader gives. If it fails, the client sees a reset, never a short file.
pub(super) fn streaming(
    reader: ArtifactReader,
    abort: AbortHandle,
    troubles: Troubles,
    path: String,
) -> Body {
    let state = (reader, abort, troubles, path);
    Body::from_stream(stream::try_unfold(
        state,
        |(mut reader, abort, troubles, path)| async move {
            match reader.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, (reader, abort, troubles, path)))),
                Ok(None) => Ok(None),
                Err(error) => {
                    warn!(path, %error, "an answer broke off: its connection is reset");
                    troubles.note(&error, &path);
                    abort.abort();
                    Err(error)
                }
            }
        },
    ))
}
