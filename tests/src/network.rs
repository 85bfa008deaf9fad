//! A network of a test's own: what a platform offers at fixed addresses can be there.

use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Runs a test in a network that has nothing but a loopback, with these addresses on it. Programs that
/// the test starts are in it, too.
///
/// Skipped, said on the standard output, where that is not allowed.
///
/// # Panics
/// With the test; and where it is not allowed, with `REAL_CLIENTS=required`.
pub fn in_a_network_of_its_own<Fut: Future<Output = ()>>(
    addresses: &[&str],
    test: impl FnOnce() -> Fut + Send,
) {
    let alone = || {
        // Of this thread alone, which ends with the test.
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
            assert!(!required, "a network cannot be made, and is required here");
            println!("SKIPPED: a network can be made by root only");
            return;
        }
        ip(&["link", "set", "lo", "up"]);
        for address in addresses {
            ip(&["address", "add", address, "dev", "lo"]);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(test());
    };
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(alone).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status();
    assert!(status.expect("ip runs").success(), "ip {arguments:?}");
}
