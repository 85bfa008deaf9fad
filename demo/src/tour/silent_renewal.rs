//! A program asks for a login, and nobody has to make it: the watcher renews the session.

use std::time::{Duration, Instant};

use serde_json::json;
use simulated_aws::Operation;
use sso_session::disk;

use super::Tour;
use crate::error::Error;
use crate::stage::OTHER_PROFILE;
use crate::terminal::time;

/// The watcher looks every second, and needs less than another.
const PATIENCE: Duration = Duration::from_secs(15);
/// Since when the token is no good.
const ENDED_AGO: Duration = Duration::from_mins(5);

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    let stage = tour.stage;
    let now = stage.aws.clock().now();
    tour.terminal.say(&format!(
        "sso-watcher runs logins on the host, for whoever asks. The token of profile `{OTHER_PROFILE}` has \
         ended {} minutes ago; bazel-proxy does not use it.",
        ENDED_AGO.as_secs() / 60
    ));
    let mut login = stage.aws.sso().sign_in();
    login.expires_at = now - ENDED_AGO;
    let elsewhere = stage.home.log_in_elsewhere(OTHER_PROFILE, &login)?;
    let refreshes_before = stage.aws.sso().refreshes();
    tour.terminal
        .doing("a script asks for a login, in ~/.aws/sso-renewer/login-required.json:");
    let signal = json!({
        "profile": OTHER_PROFILE,
        "reason": "the nightly report needs it",
        "source": "a script",
        "timestamp": sso_session::date::format(now),
    });
    tour.terminal.quote_wrapped(&signal.to_string());
    disk::replace(&stage.home.signal_path(), signal.to_string().as_bytes())?;
    let asked = Instant::now();
    let is_gone = async || stage.home.signal().is_none().then(|| asked.elapsed());
    let gone = tour.until(PATIENCE, is_gone).await;
    tour.claim(
        gone.is_some(),
        &gone.map_or_else(
            || "nothing came of the request".to_owned(),
            |after| format!("{} later the request is dealt with, and gone", time(after)),
        ),
    );
    let token = elsewhere.token().await;
    let is_new = token.is_some_and(|token| token.expires_at > now);
    let refreshes = stage.aws.sso().refreshes() - refreshes_before;
    tour.claim(
        is_new && refreshes == 1,
        &format!(
            "AWS renewed that session's token × {refreshes}; the new one is in ~/.aws/sso/cache"
        ),
    );
    let sign_ins = stage.counters().count(Operation::StartDeviceAuthorization);
    tour.claim(
        sign_ins == 0 && stage.home.opened_page().is_none(),
        "no browser was opened, and nobody was asked",
    );
    Ok(())
}
