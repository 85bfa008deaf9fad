//! `/status`: what it tells, to whom, and how it looks in a real browser. See `docs/PROMISES.md`.

mod browser;
mod contents;
mod documents;
mod protocol;
mod scene;
