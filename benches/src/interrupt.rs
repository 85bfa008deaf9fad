//! What is left to do when somebody stops a run: the servers are in process groups of their own, which a
//! terminal's Ctrl-C does not reach.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::failure::{Failure, While as _};

/// The leaders of the groups that run.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// From now on SIGINT and SIGTERM end all servers and then this process. Called before any thread is started, as
/// these inherit that the signals are blocked for them; children begin with none blocked (`std::process`).
pub(crate) fn end_servers_with_us() -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals
        .thread_block()
        .when(|| "blocking signals".to_owned())?;
    thread::spawn(move || {
        let Ok(signal) = signals.wait() else {
            return;
        };
        let running = running();
        for group in running.iter() {
            // Fails only where the group is gone already.
            let _gone = killpg(Pid::from_raw(*group), Signal::SIGTERM);
        }
        // With the lock held: nobody starts a server any more. 128 + the signal's number, as shells count.
        std::process::exit(128 + signal as i32);
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
