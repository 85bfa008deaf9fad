//! `sso-watcher status`: what the agent does, and what comes next; exit 1 if a login is needed.

use std::process::ExitCode;

use sso_session::process::boot_id;
use sso_session::token::{Reading, TokenFile};

use super::{Context, block_on, failed, service};
use crate::agent::journal::Journal;
use crate::clock;
use crate::status::{Found, Status, is_agent_alive};

pub(super) fn run(context: &Context, as_json: bool) -> ExitCode {
    let status = match block_on(gather(context)) {
        Ok(status) => status,
        Err(why) => return failed(&why),
    };
    if as_json {
        match serde_json::to_string_pretty(&status) {
            Ok(json) => println!("{json}"),
            Err(error) => return failed(&error.to_string()),
        }
    } else {
        println!("{status}");
    }
    if status.login_needed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Looks at everything; changes nothing.
pub(super) async fn gather(context: &Context) -> Status {
    let settings = &context.settings;
    let is_agent_alive = is_agent_alive(&context.state);
    let journal = Journal::read(&context.state);
    let agents = journal.as_ref().filter(|_| is_agent_alive);
    let program = if agents.is_some_and(|journal| journal.configuration.is_some()) {
        // The agent's own search counts, and this one may take long.
        (None, 0)
    } else {
        search_program(context).await
    };
    let now = clock::now();
    let seen = context.eyes().look(&context.vars(), program, now);
    for complaint in &seen.complaints {
        eprintln!("sso-watcher: {complaint}");
    }
    let token = seen.profile.as_ref().and_then(|profile| {
        let name = profile.session.token_file_name();
        match TokenFile::new(&settings.locations.token_folder, name).read() {
            Reading::Found(token) => Some(token),
            Reading::Absent | Reading::Unreadable(_) => None,
        }
    });
    let lock = context.login_lock().look();
    let lock = lock.unwrap_or_else(|error| {
        eprintln!("sso-watcher: {error}");
        None
    });
    let found = Found {
        sight: seen.sight,
        signal: seen.signal,
        profile: seen.profile,
        profile_name: settings.profile.clone(),
        token,
        journal,
        is_agent_alive,
        is_installed: service::is_installed(context),
        lock: lock.map(|holder| holder.to_string()),
    };
    Status::new(found, &boot_id(), context.limits(), now)
}

/// What is wrong with the AWS CLI, if anything, and a number that changes with the candidates.
async fn search_program(context: &Context) -> (Option<String>, u64) {
    let search = context.search();
    let found = search.run().await;
    let fault = found.err().map(|error| error.to_string());
    (fault, search.fingerprint())
}
