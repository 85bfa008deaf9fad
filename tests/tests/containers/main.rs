//! Credentials for containers: what they are given, when, and what they never are. See `docs/PROMISES.md`.

mod commands;
mod configuration;
mod credentials_only;
mod defects;
mod dynamic;
mod examples;
mod expiry;
mod login;
mod metrics;
mod reload;
mod rotation;
mod routes_and_answers;
mod sdk;
mod sdks;
mod security;
mod world;
