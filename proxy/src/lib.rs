//! bazel-proxy: build artifacts from S3 on localhost, through a cache that outlives every login.

pub mod artifact;
pub mod aws;
pub mod cache;
pub mod checksum;
pub mod config;
pub mod credentials;
pub mod error;
pub mod object;
pub mod origin;
pub mod flight;
pub mod fetch;
