//! The watcher opens the page, somebody signs in there, and what waited goes on.

use std::time::{Duration, Instant};

use http::StatusCode;
use simulated_aws::Operation;

use super::Tour;
use super::build::Fetched;
use super::session_end::{CLIENTS, Waiting};
use crate::client::Client;
use crate::error::Error;
use crate::stage::LOGIN_TIMEOUT_SECONDS;
use crate::terminal::time;

/// What the proxy promises for the time from the new token to the first file.
const PROMISE: Duration = Duration::from_secs(2);
/// How long everything but the person may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the person may take, and the login.
const PATIENCE_WITH_THE_PERSON: Duration = Duration::from_secs(LOGIN_TIMEOUT_SECONDS);

/// `waiting` waits, if it came about.
pub(super) async fn show(tour: &mut Tour<'_>, waiting: Option<Waiting>) -> Result<(), Error> {
    let page = show_page(tour).await?;
    show_status(tour).await?;
    let signed_in = sign_in(tour, &page).await?;
    if let Some(waiting) = waiting {
        let fetched = waiting.build.finish().await?;
        show_build(tour, &fetched, waiting.since, signed_in);
    }
    show_that_it_is_over(tour).await
}

/// Gives the page that the watcher's login has opened.
async fn show_page(tour: &mut Tour<'_>) -> Result<String, Error> {
    let home = &tour.stage.home;
    let opened = tour.until(PATIENCE, async || home.opened_page()).await;
    let lock = home.login_lock()?;
    let refusals = tour.stage.refusals().len();
    tour.claim(
        opened.is_some() && lock.is_some() && refusals > 1,
        &format!(
            "sso-watcher has taken it up, under a lock. First it tried to renew the session, too (AWS \
             refused × {refusals} by now); then it ran `aws sso login` (simulated, too), which opens in \
             the browser:"
        ),
    );
    let page = opened.ok_or_else(|| Error::Page("nothing".to_owned()))?;
    tour.terminal.quote(&page);
    Ok(page)
}

async fn show_status(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal.doing("sso-watcher status");
    let output = tour.stage.watcher.run(&["status"]).await?;
    let status = String::from_utf8_lossy(&output.stdout);
    for line in status.lines() {
        tour.terminal.quote_wrapped(line);
    }
    tour.claim(
        output.status.code() == Some(1) && status.contains("complete the sign-in in your browser"),
        "it says what is wanted of whom, and its exit code 1 that a login is needed",
    );
    Ok(())
}

/// Gives the moment at which the new token was there.
async fn sign_in(tour: &mut Tour<'_>, page: &str) -> Result<Instant, Error> {
    let (stage, click) = (tour.stage, tour.click);
    let before = stage.home.token().await;
    let code = page.rsplit('=').next().unwrap_or_default();
    let patience = if click {
        let words = "Your turn: open that page in your browser, and click \"Allow access\".";
        tour.terminal.say(words);
        PATIENCE_WITH_THE_PERSON
    } else {
        let words = "the tour plays the person: it looks at the page, and clicks \"Allow access\"";
        tour.terminal.doing(words);
        let shown = allow(tour, page).await?;
        let words = format!("the page asked about code {code}");
        tour.claim(shown.contains(code), &words);
        PATIENCE
    };
    let clicked = Instant::now();
    let is_new = async || (stage.home.token().await != before).then(Instant::now);
    let signed_in = tour.until(patience, is_new).await;
    stage.home.close_page()?;
    let Some(signed_in) = signed_in else {
        return Err(Error::Page(format!("{page}; nobody signed in there")));
    };
    let after = time(signed_in.saturating_duration_since(clicked));
    let words = if click {
        "you have signed in: the new token is in ~/.aws/sso/cache".to_owned()
    } else {
        format!("{after} after the click the new token is in ~/.aws/sso/cache")
    };
    tour.claim(true, &words);
    Ok(signed_in)
}

/// Plays the person. Gives the page as it was before the click.
async fn allow(tour: &Tour<'_>, page: &str) -> Result<String, Error> {
    let stage = tour.stage;
    let path = page.strip_prefix(&stage.aws.endpoint_url());
    let path = path.ok_or_else(|| Error::Page(page.to_owned()))?;
    let aws = Client::new(stage.aws.address());
    let shown = aws.get(path).await?;
    let answer = aws.post_form(path, "decision=allow").await?;
    if answer.status != StatusCode::OK {
        return Err(Error::Page(format!("{page} ({})", answer.status)));
    }
    Ok(String::from_utf8_lossy(&shown.body).into_owned())
}

fn show_build(
    tour: &mut Tour<'_>,
    fetched: &[Fetched],
    asked: Option<Instant>,
    signed_in: Instant,
) {
    let held = fetched.iter().filter(|fetched| fetched.answer.was_held());
    let after = |fetched: &Fetched| fetched.at.saturating_duration_since(signed_in);
    let (waited, first) = (held.clone().count(), held.map(after).min());
    tour.claim(
        waited == CLIENTS && first.is_some_and(|first| first <= PROMISE),
        &format!(
            "{} after that (2 s are promised) the build goes on; {waited} of its files say \
             Cache-Status: …; held",
            first.map_or_else(|| "never".to_owned(), time)
        ),
    );
    let repository = &tour.stage.repository;
    let is_good = |it: &&Fetched| it.answer.is_copy_of(repository.content(&it.key));
    let (all, good) = (fetched.len(), fetched.iter().filter(is_good).count());
    let end = fetched.iter().map(|fetched| fetched.at).max();
    let took = asked.and_then(|asked| Some(end?.saturating_duration_since(asked)));
    tour.claim(
        good == all && all > 0,
        &format!(
            "it ends {} after the host was told, with {good} of its {all} files, byte for byte: no 404, \
             no 503, no error at all",
            took.map_or_else(|| "sometime".to_owned(), time)
        ),
    );
}

async fn show_that_it_is_over(tour: &mut Tour<'_>) -> Result<(), Error> {
    let stage = tour.stage;
    let is_gone = async || stage.home.signal().is_none().then_some(());
    let gone = tour.until(PATIENCE, is_gone).await;
    tour.claim(
        gone.is_some(),
        "the host is told that it is over: login-required.json is gone",
    );
    let is_free = async || matches!(stage.home.login_lock(), Ok(None)).then_some(());
    let free = tour.until(PATIENCE, is_free).await;
    let sign_ins = stage.counters().count(Operation::StartDeviceAuthorization);
    tour.claim(
        free.is_some() && sign_ins == 1,
        &format!("it was one login: sign-ins begun × {sign_ins}; and its lock is free"),
    );
    let output = stage.watcher.run(&["status"]).await?;
    let status = String::from_utf8_lossy(&output.stdout);
    let next = status.lines().find_map(|line| line.strip_prefix("next"));
    let next = next.unwrap_or_default().trim();
    tour.claim(
        output.status.success(),
        &format!("`sso-watcher status` exits 0, and says what comes next: {next}"),
    );
    let alive = tour.client.get("/healthz").await?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!(
            "nothing was restarted: process {} goes on",
            stage.proxy.process_id()
        ),
    );
    Ok(())
}
