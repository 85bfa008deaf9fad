//! What the cache, the credentials and the command line keep. See `docs/PROMISES.md`.
