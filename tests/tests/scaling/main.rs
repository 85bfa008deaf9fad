//! A team's proxies behind HAProxy, and what `deploy/` ships for them. See `docs/PROMISES.md`.

mod artifacts;
mod bazel;
mod client;
mod compose;
mod crowd;
mod ecs;
mod front;
mod kubernetes;
mod laptops;
mod losses;
mod manifests;
mod sharing;
mod team;
