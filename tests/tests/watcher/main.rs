//! The agent on the host. See `docs/PROMISES.md`.

mod stand_ins;
mod supervisors;
