//! `sso-watcher logout`: ends one SSO session, and leaves the others alone. `aws sso logout` ends all.

use std::process::ExitCode;

use sso_session::disk;

use super::{Context, block_on, failed};
use crate::clock;

pub(super) fn run(context: &Context, profile: Option<&str>) -> ExitCode {
    match logout(context, profile) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn logout(context: &Context, profile: Option<&str>) -> Result<String, String> {
    let session = context.session(profile)?;
    let name = &session.profile().base_profile;
    let path = session.token_file().path().to_owned();
    // First, so that the agent does not take the missing token for a request to log in.
    context
        .state
        .note_logout(&path)
        .map_err(|error| error.to_string())?;
    let ended = block_on(async {
        let token = session.token().await?;
        Some(session.portal().log_out(&token.access_token).await)
    })?;
    let removed = disk::remove(&path).map_err(|error| error.to_string())?;
    // Once more: meanwhile, the agent forgets a logout whose session has a token.
    context
        .state
        .note_logout(&path)
        .map_err(|error| error.to_string())?;
    // Whoever logs out is there.
    context
        .state
        .note_hand(clock::wall())
        .map_err(|error| error.to_string())?;
    let text = match (removed, ended) {
        (false, _) => format!("Nobody was signed in with profile {name}."),
        (true, Some(Ok(()))) => format!("Signed out of profile {name}, here and at AWS."),
        (true, Some(Err((_, failure)))) => format!(
            "Signed out of profile {name} here. AWS could not be told: {failure}; there, the session \
             ends by itself."
        ),
        (true, None) => format!("The damaged token of profile {name} is removed."),
    };
    Ok(format!(
        "{text} The agent asks for no login until `sso-watcher login`."
    ))
}
