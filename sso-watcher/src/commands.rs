//! What each command does; `main` only chooses.

pub mod logs;
