//! The SSO session: kept alive, and told from every other trouble. See `docs/PROMISES.md`.

mod login_ahead;
mod new_logins;
mod portal_answers;
mod refresh_answers;
mod refresh_network;
mod renewal;
mod s3_answers;
mod signal;
mod support;
mod token_files;
