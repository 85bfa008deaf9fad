//! What is counted, logged and traced. See `docs/PROMISES.md`.

mod access_log;
mod aws_calls;
mod credentials;
mod requests;
mod world;
