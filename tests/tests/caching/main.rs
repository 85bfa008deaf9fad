//! What the cache, the credentials and the command line keep. See `docs/PROMISES.md`.

mod cache_commands;
mod check;
mod check_sso;
mod command_line;
mod compose_file;
mod configuration;
mod corruption;
mod credential_changes;
mod credential_sources;
mod dotenv;
mod eviction;
mod full_disk;
mod golden;
mod limits;
mod local_container;
mod network;
mod restarts;
mod support;
mod variables;
mod warm;
