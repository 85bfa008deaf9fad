//! bazel-proxy: build artifacts from S3 on localhost, through a cache that outlives every login.
//!
//! ```text
//! request ─► server ─► fetch ─► cache (disk, memory)
//!                        ├────► flight (one download a key, everyone tails it)
//!                        └────► origin (the team's proxy, then S3: the only AWS data calls)
//! credentials: keeper (background task) ─► watch<State> ─► origin, readiness
//! ```
//!
//! `cache` knows neither HTTP nor AWS; `origin` knows no cache; `flight` knows no bytes' meaning;
//! only `origin` and `credentials` call AWS; only `server::status` maps errors to statuses.

pub mod artifact;
pub mod aws;
mod backoff;
pub mod cache;
pub mod cache_status;
pub mod checksum;
pub mod cli;
pub mod codeartifact;
pub mod commands;
pub mod config;
pub mod container_credentials;
pub mod credentials;
mod disk;
pub mod error;
pub mod fetch;
pub mod flight;
pub mod lists;
pub mod logging;
pub mod metrics;
pub mod object;
pub mod origin;
pub mod peer;
pub mod remote;
pub mod request;
pub mod server;
pub mod telemetry;
