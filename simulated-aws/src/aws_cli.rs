//! A stand-in for the AWS CLI, where there is none: `aws --version` and `aws sso login`, nothing else.
//!
//! ```text
//! arguments ─► profile (~/.aws/config) ─► registration ─► device_code ─► token file, in place
//!                                              └── oidc ──────┘ └─► browser
//! ```
//!
//! What it prints, writes and exits with is what AWS CLI 2.38.5 prints, writes and exits with when it logs
//! in with a device code; it does so for every login, as `--use-device-code` does. It calls nothing but the
//! endpoint that it is given, and refuses to work without one: nobody's real login passes through it.

mod arguments;
mod browser;
mod complaint;
mod device_code;
mod oidc;
mod registration;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use sso_session::config::{self, CredentialSource, SsoProfile};
use sso_session::location::Locations;

use crate::Clock;
use arguments::{Arguments, Command, LoginOptions, SsoCommand};
use browser::Browser;
use complaint::Complaint;
use oidc::Oidc;

/// The version that it stands for, and at the end what it is.
const VERSION: &str = "aws-cli/2.38.5 Python/3.14.8 simulated";

/// The profile that is meant when none is named.
const DEFAULT_PROFILE: &str = "default";

/// Where it is, and what it may know.
struct World<'a, Vars: Fn(&str) -> Option<String>> {
    vars: &'a Vars,
    locations: Locations,
    clock: Clock,
}

/// Does what the command line says, the program's name first, and gives the exit code.
///
/// `vars` is asked for `HOME`, `AWS_PROFILE`, `AWS_ENDPOINT_URL…`, `AWS_CONFIG_FILE` and `BROWSER`.
pub fn run(
    command_line: impl IntoIterator<Item = OsString>,
    vars: &impl Fn(&str) -> Option<String>,
) -> ExitCode {
    let done = Arguments::try_parse_from(command_line)
        .map_err(|error| Complaint::usage(&error))
        .and_then(|arguments| {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| Complaint::io(&error))?;
            runtime.block_on(execute(arguments, vars))
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            // If nobody listens, the exit code still tells.
            let _outcome = writeln!(std::io::stderr(), "\naws: [ERROR]: {complaint}");
            ExitCode::from(complaint.exit_code())
        }
    }
}

async fn execute(
    arguments: Arguments,
    vars: &impl Fn(&str) -> Option<String>,
) -> Result<(), Complaint> {
    if arguments.version {
        say(VERSION);
        return Ok(());
    }
    let world = World {
        vars,
        locations: Locations::from_vars(vars),
        clock: Clock::default(),
    };
    match arguments.command {
        Some(Command::Sso(SsoCommand::Login(options))) => {
            let named = arguments.profile.or_else(|| vars("AWS_PROFILE"));
            log_in(&world, named.as_deref(), &options).await
        }
        None => Err(Complaint::without_command()),
    }
}

async fn log_in<Vars: Fn(&str) -> Option<String>>(
    world: &World<'_, Vars>,
    profile: Option<&str>,
    options: &LoginOptions,
) -> Result<(), Complaint> {
    let profile = profile_of(world, profile)?;
    let session = &profile.session;
    let endpoint = profile.endpoints.sso_oidc.as_deref();
    let oidc = Oidc::new(&session.region, endpoint.ok_or(Complaint::NoEndpoint)?);
    let folder = &world.locations.token_folder;
    let now = || world.clock.now();
    let client = registration::obtain(&oidc, session, folder, now()).await?;
    let browser = if options.no_browser {
        Browser::None
    } else {
        Browser::of((world.vars)("BROWSER"))
    };
    let login = device_code::sign_in(&oidc, session, client, &browser, now).await?;
    let name = session.name.as_ref().unwrap_or(&session.start_url);
    login
        .write_in_place(folder, name)
        .map_err(|error| Complaint::disk(&folder.join(session.token_file_name()), &error))?;
    say(&format!(
        "Successfully logged into Start URL: {}",
        session.start_url
    ));
    Ok(())
}

/// The profile to log in with. One that only assumes a role on top of another has no session of its own.
fn profile_of<Vars: Fn(&str) -> Option<String>>(
    world: &World<'_, Vars>,
    named: Option<&str>,
) -> Result<SsoProfile, Complaint> {
    let name = named.unwrap_or(DEFAULT_PROFILE);
    let resolved = config::resolve(&world.locations, world.vars, name);
    let resolved = resolved.map_err(|error| match named {
        Some(name) if error.is_absent() => Complaint::NoProfile(name.to_owned()),
        None if error.is_absent() => Complaint::no_session(),
        Some(_) | None => Complaint::Configuration(error.problem()),
    })?;
    match resolved.source {
        CredentialSource::Sso(profile) if profile.base_profile == name => Ok(profile),
        CredentialSource::Sso(_) | CredentialSource::Other(_) => Err(Complaint::no_session()),
    }
}

/// A line on standard output, at once: it may be a pipe or a file that somebody reads along.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // If nobody reads, the exit code and the token still tell.
    let _outcome = writeln!(out, "{line}").and_then(|()| out.flush());
}
