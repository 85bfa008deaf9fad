//! sso-watcher: the boot order, and nothing else.

fn main() {}
