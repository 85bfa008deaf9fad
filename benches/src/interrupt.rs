//! What is left to do when somebody stops a run: the servers are in process groups of their own, which a
//! terminal's Ctrl-C does not reach.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, While as _};

/// The leaders of the groups that run.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// From now on SIGINT and SIGTERM end all servers and then this process.
///
/// By handlers, which children do not inherit. Signals that are blocked for us would be blocked for them.
pub(crate) fn end_servers_with_us() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .when(|| "a runtime for signals".to_owned())?;
    let entered = runtime.enter();
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    drop(entered);
    let (mut terminate, mut interrupt) = terminate
        .and_then(|terminate| Ok((terminate, interrupt?)))
        .when(|| "handling signals".to_owned())?;
    thread::spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => Signal::SIGTERM,
                _ = interrupt.recv() => Signal::SIGINT,
            }
        });
        let running = running();
        for group in running.iter() {
            // Fails only where the group is gone already.
            let _gone = killpg(Pid::from_raw(*group), Signal::SIGTERM);
        }
        // With the lock held: nobody starts a server any more. 128 + the signal's number, as shells count.
        std::process::exit(128 + number as i32);
    });
    Ok(())
}

/// Starts a server by `start`, which gives its process id, and ends it with us from then on.
pub(crate) fn started<T>(
    start: impl FnOnce() -> Result<T, Failure>,
    id: impl FnOnce(&T) -> u32,
) -> Result<T, Failure> {
    // Held over the start, so that no server is between being started and being known.
    let mut running = running();
    let server = start()?;
    running.insert(id(&server).cast_signed());
    Ok(server)
}

/// It has ended by itself.
pub(crate) fn ended(id: u32) {
    running().remove(&id.cast_signed());
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
