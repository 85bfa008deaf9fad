//! `sso-watcher clean`: forgets what was remembered, and breaks no login that is under way.

use std::process::ExitCode;

use super::{Context, failed};

pub(super) fn run(context: &Context) -> ExitCode {
    match clean(context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

fn clean(context: &Context) -> Result<(), String> {
    let lock = context.login_lock();
    if let Some(holder) = lock.look().map_err(|error| error.to_string())?
        && holder.is_alive()
    {
        println!("kept     the login under way ({holder}), and its request");
    } else {
        if lock.clear_dead().map_err(|error| error.to_string())? {
            println!("removed  the lock of a login that is no more");
        }
        let file = context.signal();
        if let Some(signal) = file.read().map_err(|error| error.to_string())? {
            let generation = signal.generation;
            file.remove_handled(generation).map_err(|error| error.to_string())?;
            println!("removed  the request for a login with profile {}", signal.profile);
        }
    }
    for name in context.state.clear().map_err(|error| error.to_string())? {
        println!("removed  {name}");
    }
    println!("A login that is needed still is asked for again within a minute.");
    Ok(())
}
