//! What clients are answered. See `docs/PROMISES.md`.

mod hits_and_misses;
