//! The agent on the host. See `docs/PROMISES.md`.

mod attention;
mod commands;
mod host;
mod installing;
mod mise;
mod modes;
mod renewal;
mod requests;
mod secrets;
mod sign_in;
mod stand_ins;
mod supervisors;
mod surroundings;
mod troubles;
mod whole_shape;
