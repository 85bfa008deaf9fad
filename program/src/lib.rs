//! What bazel-proxy and sso-watcher have in common as programs: the environment with `.env` in it,
//! variables and their faults, and the lines of a check.
