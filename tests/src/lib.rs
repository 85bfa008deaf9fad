//! What the black-box tests share: the real program as a child process, the simulated AWS beside
//! it, a scratch home, and a small HTTP client that shows answers as they arrive.
//!
//! Nothing here sleeps to wait for something: [`eventually`] polls for a condition and gives up.

pub mod aws_cli;
mod certified;
mod chromium;
pub mod clients;
pub mod commands;
mod engine;
mod haproxy;
mod http_client;
mod mounted;
mod network;
mod process;
mod programs;
mod proxy;
pub mod scratch;
pub mod sso_world;
mod stand_in;
mod wait;
mod watcher;

pub use certified::Certified;
pub use chromium::Chromium;
pub use engine::Engine;
pub use haproxy::HaProxy;
pub use http_client::{Answer, Pending, get, raw_request};
pub use mounted::Mounted;
pub use network::in_a_network_of_its_own;
pub use programs::{
    bazel_proxy_program, simulated_aws_cli_program, sso_watcher_program, workspace_folder,
};
pub use proxy::{Proxy, ProxyBuilder};
pub use scratch::Scratch;
pub use sso_world::SsoWorld;
pub use stand_in::{Reply, StandIn};
pub use wait::{PATIENCE, eventually, throughout, within};
pub use watcher::{Watcher, WatcherBuilder};
