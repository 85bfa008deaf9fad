//! AWS credentials for containers.

mod configuration;
