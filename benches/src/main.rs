//! `benches/compare.sh`: the proxy beside nginx, over the same files and the same origin, in one run.

mod http;
mod origin;
mod report;
mod rows;

fn main() {}
