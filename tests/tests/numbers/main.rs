//! What is counted, logged and traced. See `docs/PROMISES.md`.

mod access_log;
mod aws_calls;
mod collector;
mod credentials;
mod documented;
mod prometheus;
mod requests;
mod rules;
mod traces;
mod world;
