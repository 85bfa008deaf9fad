//! The image and the Compose project on a real Docker engine: it never restarts. Skipped without an engine,
//! unless `REAL_CLIENTS=required`.
//!
//! ```text
//! house (a home, the simulated AWS, the agent) ─► docker-compose ─► the container
//! load (clients that check every byte) ───────────────────────────────┘
//! ```

mod bazel;
mod client;
mod compose;
mod container;
mod credentials;
mod house;
mod image;
mod library;
mod load;
mod shared;
mod soak;
mod stopping;
mod tally;
mod tasks;
mod volume;
mod whole_life;
