//! A login under the lock, as the agent and `sso-watcher login` both make it: started, written down, and
//! only then begun.

use std::path::PathBuf;
use std::time::Duration;

use sso_session::lock::{LockError, LoginGuard, RunningLogin as NotedLogin};

use crate::aws_cli::AwsCli;
use crate::aws_cli::login::{Ending, LoginPlan, RunningLogin};
use crate::aws_cli::verdict::{Meaning, meaning};
use crate::clock;
use crate::decision::LoginEnd;
use crate::person::Person;
use crate::run::Environment;
use crate::session::Session;
use crate::state_folder::StateFolder;

/// How the session's login is made here.
pub(crate) fn plan(
    cli: AwsCli,
    session: &Session,
    person: &Person,
    state: &StateFolder,
    environment: &Environment,
    launcher: Option<PathBuf>,
) -> LoginPlan {
    LoginPlan {
        cli,
        base_profile: session.profile().base_profile.clone(),
        flow: person.login_flow(),
        launcher,
        output: state.login_output(),
        platform: person.platform(),
        environment: environment.clone(),
    }
}

/// Starts it, and writes its process group into the lock: call [`RunningLogin::begin`] on it. Blocks on
/// the disk.
pub(crate) fn start(
    plan: &LoginPlan,
    guard: &mut LoginGuard,
    token_before: Option<String>,
    limit: Duration,
) -> Result<RunningLogin, String> {
    let login = RunningLogin::start(plan).map_err(|error| error.to_string())?;
    let noted = guard.began(NotedLogin {
        group: login.group().clone(),
        profile: plan.base_profile.clone(),
        token_before,
        deadline: clock::wall().checked_add(limit),
    });
    noted.map_err(|error| format!("the login cannot be written down: {error}"))?;
    Ok(login)
}

/// Notes in the lock that the login is over. One that could not be ended stays noted, so that whoever has the lock
/// next finds it. Blocks on the disk.
pub(crate) fn over(guard: &mut LoginGuard, ending: &Ending) -> Result<(), LockError> {
    if ending.survives {
        return Ok(());
    }
    guard.ended()
}

/// What an end means, in words that hold no secret.
pub(crate) fn end(ending: &Ending, limit: Duration) -> LoginEnd {
    let said = &ending.said;
    match meaning(ending) {
        Meaning::Succeeded => LoginEnd::Completed,
        Meaning::Unanswered => LoginEnd::Unanswered(format!(
            "nobody completed the sign-in within {} s",
            limit.as_secs()
        )),
        Meaning::Refused => LoginEnd::Refused(format!("the sign-in was refused: {said}")),
        Meaning::RegistrationBroken => LoginEnd::RegistrationBroken(format!(
            "`aws sso login` could not use its client registration, which is moved aside: {said}"
        )),
        Meaning::Misconfigured => {
            LoginEnd::Misconfigured(format!("`aws sso login` cannot work like this: {said}"))
        }
        Meaning::Unreachable => {
            LoginEnd::Unreachable(format!("`aws sso login` could not reach AWS: {said}"))
        }
        Meaning::Cancelled => LoginEnd::Cancelled,
        Meaning::Failed => {
            LoginEnd::Failed(format!("`aws sso login` failed ({}): {said}", ending.how))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use sso_session::lock::{Acquired, LoginLock};
    use sso_session::process::ProcessGroup;

    use super::*;
    use crate::aws_cli::login::How;

    #[test]
    fn a_login_that_could_not_be_ended_is_found_by_whoever_comes_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sleep");
        let mut child = command.arg("60").process_group(0).spawn().expect("started");
        let group = ProcessGroup::of_leader(child.id());
        let next_finds_it = |survives| {
            let lock = LoginLock::new(folder.path());
            let mut guard = match lock.try_acquire().expect("free") {
                Acquired::Ours(guard) | Acquired::Orphan(guard, _) => guard,
                Acquired::Busy(holder) => panic!("{holder}"),
            };
            let noted = guard.began(NotedLogin {
                group: group.clone(),
                profile: "team".to_owned(),
                token_before: None,
                deadline: None,
            });
            noted.expect("noted");
            let ending = Ending {
                how: How::TimedOut,
                has_invited: true,
                said: String::new(),
                survives,
            };
            over(&mut guard, &ending).expect("noted");
            drop(guard);
            let next = LoginLock::new(folder.path()).try_acquire();
            matches!(next, Ok(Acquired::Orphan(..)))
        };
        assert!(!next_finds_it(false), "a browser that it has left");
        assert!(next_finds_it(true));
        assert!(group.end(Duration::ZERO));
        child.wait().expect("ended");
    }
}
