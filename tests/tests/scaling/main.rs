//! A team's proxies behind HAProxy, and what `deploy/` ships for them. See `docs/PROMISES.md`.

mod artifacts;
mod bazel;
mod client;
mod crowd;
mod front;
mod laptops;
mod losses;
mod sharing;
mod team;
