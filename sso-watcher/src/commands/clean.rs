//! `sso-watcher clean`: forgets what was remembered, and breaks no login that is under way.

use std::process::ExitCode;

use sso_session::lock::{Cleared, Holder, NAMELESS_IS_DEAD_AFTER};

use super::{Context, failed};
use crate::clock;

pub(super) fn run(context: &Context) -> ExitCode {
    match clean(context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

fn clean(context: &Context) -> Result<(), String> {
    let lock = context.login_lock();
    if let Some(holder) = lock.look().map_err(|error| error.to_string())?
        && may_live(&holder)
    {
        println!(
            "kept     the lock {}, and the request: it is held by {holder}, which may be logging in; \
             `rmdir` removes it",
            context.state.path().join("login.lock").display()
        );
        return forget_attempts(context);
    }
    match lock.clear_dead().map_err(|error| error.to_string())? {
        Cleared::InUse(holder) => {
            println!("kept     the login under way ({holder}), and its request");
        }
        cleared @ (Cleared::Removed | Cleared::NothingThere) => {
            if cleared == Cleared::Removed {
                println!("removed  the lock of a login that is no more");
            }
            remove_request(context)?;
        }
    }
    forget_attempts(context)
}

/// Whether a lock without a name is too young to be taken for dead.
fn may_live(holder: &Holder) -> bool {
    let age = holder
        .since
        .map(|since| clock::wall().duration_since(since));
    let is_young = matches!(age, Some(Ok(age)) if age < NAMELESS_IS_DEAD_AFTER);
    holder.is_nameless() && is_young
}

fn forget_attempts(context: &Context) -> Result<(), String> {
    for name in context
        .state
        .clear(clock::wall())
        .map_err(|error| error.to_string())?
    {
        println!("removed  {name}");
    }
    println!("A login that is needed still is asked for again within a minute.");
    Ok(())
}

fn remove_request(context: &Context) -> Result<(), String> {
    let file = context.signal();
    if let Some(signal) = file.read().map_err(|error| error.to_string())? {
        let removed = file.remove_handled(&signal.key());
        removed.map_err(|error| error.to_string())?;
        println!(
            "removed  the request for a login with profile {}",
            signal.profile
        );
    }
    Ok(())
}
