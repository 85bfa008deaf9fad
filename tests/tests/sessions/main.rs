//! The SSO session: kept alive, and told from every other trouble. See `docs/PROMISES.md`.

mod assumed_roles;
mod clocks;
mod configuration_changes;
mod hits;
mod login_ahead;
mod lost_logins;
mod many_processes;
mod new_logins;
mod one_process;
mod portal_answers;
mod read_only;
mod refresh_answers;
mod refresh_network;
mod renewal;
mod restored_tokens;
mod s3_answers;
mod secrets;
mod services;
mod signal;
mod support;
mod token_files;
mod torn_config;
