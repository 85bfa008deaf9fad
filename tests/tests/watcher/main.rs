//! The agent on the host. See `docs/PROMISES.md`.

mod mise;
mod stand_ins;
mod supervisors;
mod whole_shape;
