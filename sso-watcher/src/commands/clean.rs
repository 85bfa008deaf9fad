//! `sso-watcher clean`: forgets what was remembered, and breaks no login that is under way.

use std::process::ExitCode;

use sso_session::lock::Cleared;

use super::{Context, failed};

pub(super) fn run(context: &Context) -> ExitCode {
    match clean(context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

fn clean(context: &Context) -> Result<(), String> {
    let cleared = context.login_lock().clear_dead();
    match cleared.map_err(|error| error.to_string())? {
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
    for name in context.state.clear().map_err(|error| error.to_string())? {
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
