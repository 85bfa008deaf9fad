//! What a client is told that cannot wait any longer.

use http::StatusCode;

use super::Tour;
use crate::error::Error;
use crate::repository::TIDES_JAR;
use crate::stage::PROFILE;
use crate::terminal::time;

/// Nine minutes, `LOGIN_WAIT`, in the holds of 15 s that Bazel bears.
const HOLDS: u32 = 36;

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal.say(
        "Each client waits in a way that it bears, up to LOGIN_WAIT: nine minutes. Bazel gives up \
         after 20 s without an answer, so every 15 s it is redirected to the same URL, with a count.",
    );
    let path = format!("/{TIDES_JAR}?w={HOLDS}");
    tour.terminal
        .doing(&format!("GET {path}, as Bazel after its nine minutes"));
    let answer = tour.client.get_as("bazel/8.4.2", &path).await?;
    let retry = answer.header("retry-after");
    tour.claim(
        answer.status == StatusCode::SERVICE_UNAVAILABLE && !retry.is_empty(),
        &format!(
            "{} with Retry-After: {retry} after {}, never \"not found\", for which builds would ask \
             the next repository",
            answer.status.as_u16(),
            time(answer.last_byte)
        ),
    );
    let explanation = answer.explanation();
    tour.claim(
        explanation.contains(&format!("aws sso login --profile {PROFILE}")),
        "and the answer says what to do:",
    );
    tour.terminal.quote_wrapped(&explanation);
    Ok(())
}
