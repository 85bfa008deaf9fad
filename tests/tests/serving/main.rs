//! What clients are answered. See `docs/PROMISES.md`.

mod at_hand;
mod broken_downloads;
mod checksums;
mod conditions;
mod credentials_away;
mod crowds;
mod denials;
mod fairness;
mod headers;
mod health;
mod hits_and_misses;
mod holding;
mod hosts;
mod keys;
mod listings;
mod metadata;
mod negative_answers;
mod protocol;
mod ranges;
mod several_connections;
mod shutdown;
mod trouble_at_s3;
mod upstream;
mod world;
