//! `sso-watcher run`: the agent, in the foreground.

use std::process::ExitCode;

use tracing::{error, info};

use super::{Context, block_on, stop_signal};
use crate::agent::{self, Program, Tools};
use crate::logging;
use crate::person::Person;

pub(super) fn run(context: &Context) -> ExitCode {
    let settings = &context.settings;
    logging::to_files(&settings.log_file, &settings.log_filter);
    info!(
        version = env!("CARGO_PKG_VERSION"),
        process = std::process::id(),
        "sso-watcher starts"
    );
    let tools = Tools {
        http: context.http(),
        person: Person::new(context.platform, &context.environment),
        program: Program::new(context.search()),
        launcher: std::env::current_exe().ok(),
        login_timeout: settings.login_timeout,
        environment: context.environment.clone(),
    };
    let (eyes, limits) = (context.eyes(), context.limits());
    let outcome = block_on(async {
        let stop = stop_signal().map_err(|error| error.to_string())?;
        let work = agent::run(eyes, tools, limits, stop);
        work.await.map_err(|error| error.to_string())
    });
    match outcome.flatten() {
        Ok(()) => {
            info!("sso-watcher has ended");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            error!("sso-watcher cannot work: {problem}");
            super::failed(&problem)
        }
    }
}
