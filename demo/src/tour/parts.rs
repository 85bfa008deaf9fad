//! What was started, and where.

use http::StatusCode;

use super::Tour;
use crate::error::Error;
use crate::repository::Repository;
use crate::stage::{BUCKET, PROFILE};
use crate::terminal::{size, time};

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    let (files, bytes) = tour.stage.repository.size();
    tour.terminal.say(&format!(
        "A simulated AWS, inside this program. Its S3 checks signatures and session tokens as the \
         real one does. Bucket `{BUCKET}` holds {} artifacts: {files} files, {}.",
        Repository::ARTIFACTS,
        size(bytes),
    ));
    tour.terminal.quote(&format!(
        "S3      {}\nbucket  {}",
        tour.stage.aws.endpoint_url(),
        tour.stage.bucket_folder().display()
    ));
    tour.terminal.say(&format!(
        "The real bazel-proxy, as a program of its own (process {}). Its profile is `{PROFILE}` of a \
         ~/.aws of its own, where somebody has logged in with AWS SSO.",
        tour.stage.proxy.process_id()
    ));
    tour.terminal.quote(&format!(
        "proxy   {}\npage    {}\n~/.aws  {}\ncache   {}\nlog     {}",
        tour.stage.url(""),
        tour.stage.url("status"),
        tour.stage.home.aws_folder().display(),
        tour.stage.cache_folder().display(),
        tour.stage.proxy.log().display()
    ));
    tour.terminal.say(&format!(
        "And the real sso-watcher (process {}), which on your machine launchd or systemd would run, \
         outside of any container. They share nothing but files in ~/.aws.",
        tour.stage.watcher.process_id()
    ));
    tour.terminal
        .quote(&format!("log     {}", tour.stage.watcher.log().display()));
    let alive = tour.client.get("/healthz").await?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!(
            "/healthz: the process is alive (answered in {})",
            time(alive.last_byte)
        ),
    );
    let ready = tour.client.get("/readyz").await?;
    tour.claim(
        ready.status == StatusCode::OK,
        &format!(
            "/readyz: the login is good and the bucket answers ({})",
            ready.status.as_u16()
        ),
    );
    let page = tour.client.get("/status").await?;
    tour.claim(
        page.status == StatusCode::OK,
        "/status: keep it open in a browser; it follows what you read here",
    );
    Ok(())
}
