//! The agent on the host. See `docs/PROMISES.md`.

mod host;
mod installing;
mod mise;
mod sign_in;
mod stand_ins;
mod supervisors;
mod troubles;
