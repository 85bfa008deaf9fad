//! CodeArtifact through the proxy, with the real clients of each format. Skipped where those are not installed,
//! unless `REAL_CLIENTS=required`.
//!
//! ```text
//! pip, uv, poetry, npm, pnpm, maven, bazel ─► clients (cold, warm, new token, new login, offline)
//! twine, uv, npm, maven ───────────────────► publishing
//! all of them, beside a public index ──────► confusion, documented (the document's own settings)
//! plain HTTP ──────────────────────────────► integrity, forms, logins, surroundings, throttling, tokens,
//!                                            permissions, principals
//! what the Flask proxy does wrong ─────────► defects
//! ```

mod calls;
mod clients;
mod commands;
mod confusion;
mod defects;
mod documented;
mod forms;
mod freshness;
mod integrity;
mod locks;
mod logins;
mod memory;
mod pages;
mod permissions;
mod principals;
mod publishing;
mod routes;
mod surroundings;
mod throttling;
mod token_life;
mod world;
