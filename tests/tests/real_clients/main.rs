//! Real build tools and a real S3. Skipped where they are not installed, unless
//! `REAL_CLIENTS=required`.
