//! Real build tools and a real S3. Skipped where they are not installed, unless
//! `REAL_CLIENTS=required`.
//!
//! ```text
//! bazel, maven, gradle ─► build (cold, warm, killed and offline) ─► bucket (real jars)
//! the same, over a login that ends and comes back ──► SSO, with the real AWS CLI
//! aws, boto3 ─► the files of an SSO session ◄─ the proxy
//! curl ─────────────────► the simulated AWS
//! radosgw ──────────────► Ceph's S3 and STS, one instance a run
//! actionlint, shellcheck, ruby ─► what makes a release
//! ```

mod aftermath;
mod aws_cli;
mod bazel;
mod boto3;
mod bucket;
mod build;
mod clients;
mod curl;
mod gradle;
mod maven;
mod radosgw;
mod release;
mod request_log;
mod shared_home;
mod sso;
