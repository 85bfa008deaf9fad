//! Somebody signs in, and what waited goes on.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::Tour;
use super::build::{Build, Fetched};
use super::session_end::CLIENTS;
use crate::error::Error;
use crate::sign_in::SignIn;
use crate::terminal::time;

/// What the proxy promises for the time from the new token to the first file.
const PROMISE: Duration = Duration::from_secs(2);
/// How long the signal may outlive the need for it.
const SIGNAL_PATIENCE: Duration = Duration::from_secs(5);

/// `build` waits, if it came about.
pub(super) async fn show(tour: &mut Tour<'_>, build: Option<Build>) -> Result<(), Error> {
    sign_in(tour).await?;
    let signed_in = Instant::now();
    if let Some(build) = build {
        let fetched = build.finish().await?;
        show_build(tour, &fetched, signed_in);
    }
    let home = &tour.stage.home;
    let is_gone = async || home.signal().is_none().then_some(());
    let gone = tour.until(SIGNAL_PATIENCE, is_gone).await;
    tour.claim(
        gone.is_some(),
        "the host is told that it is over: login-required.json is gone",
    );
    let alive = tour.client.get("/healthz").await?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!(
            "nothing was restarted: process {} goes on",
            tour.stage.proxy.process_id()
        ),
    );
    Ok(())
}

async fn sign_in(tour: &mut Tour<'_>) -> Result<(), Error> {
    let stage = tour.stage;
    tour.terminal
        .doing("as `aws sso login` does: asking AWS for a page to sign in at");
    let sign_in = SignIn::begin(&stage.aws).await?;
    let (page, code) = (sign_in.page(), sign_in.user_code());
    tour.terminal
        .quote(&format!("{}{page}", stage.aws.endpoint_url()));
    tour.terminal
        .doing("the tour plays the person: it opens the page and clicks \"Allow access\"");
    let shown = sign_in.allow().await?;
    let token = sign_in.poll(stage.aws.clock().now()).await?;
    tour.claim(
        shown.contains(code) && token.is_some(),
        &format!("the page asked about code {code}, and AWS gave a token for the click"),
    );
    if let Some(token) = token {
        tour.terminal
            .doing("as `aws sso login` does: writing the token into ~/.aws/sso/cache");
        stage.home.write_token(&token)?;
    }
    Ok(())
}

fn show_build(tour: &mut Tour<'_>, fetched: &[Fetched], signed_in: Instant) {
    let held = fetched.iter().filter(|fetched| fetched.answer.was_held());
    let after = |fetched: &Fetched| fetched.at.saturating_duration_since(signed_in);
    let (waited, first) = (held.clone().count(), held.map(after).min());
    tour.claim(
        waited == CLIENTS && first.is_some_and(|first| first <= PROMISE),
        &format!(
            "{} after the login (2 s are promised) the build goes on; {waited} of its files say \
             Cache-Status: …; detail=held",
            first.map_or_else(|| "never".to_owned(), time)
        ),
    );
    let repository = &tour.stage.repository;
    let is_good = |it: &&Fetched| it.answer.is_copy_of(repository.content(&it.key));
    let (all, good) = (fetched.len(), fetched.iter().filter(is_good).count());
    let last = fetched.iter().map(after).max().unwrap_or_default();
    tour.claim(
        good == all && all > 0,
        &format!(
            "it ends {} after the login with {good} of its {all} files, byte for byte: no 404, no \
             503, no error at all",
            time(last)
        ),
    );
}
