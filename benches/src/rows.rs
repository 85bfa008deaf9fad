//! What is measured; one module a group of rows.

pub(crate) mod flat;
pub(crate) mod herd;
pub(crate) mod large;
pub(crate) mod memory;
pub(crate) mod misses;
pub(crate) mod resolve;
pub(crate) mod small;
pub(crate) mod start;

mod sides;
