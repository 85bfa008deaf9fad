//! What to try by hand. Each URL that is printed was asked just before.

use http::StatusCode;

use super::Tour;
use crate::error::Error;
use crate::repository::{ATLAS_JAR, HELLO_JAR, HELLO_METADATA};

const FOLDER: &str = "com/example/";

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    let url = |key| tour.stage.url(key);
    let base = url("");
    let sha256 = tour.stage.repository.sha256(ATLAS_JAR);
    tour.terminal
        .say("In another terminal: a file, a folder (or in a browser), a download, headers.");
    tour.terminal.quote(&format!(
        "curl {}\ncurl {}\ncurl -O {}\ncurl -sI {}",
        url(HELLO_METADATA),
        url(FOLDER),
        url(HELLO_JAR),
        url(ATLAS_JAR),
    ));
    tour.terminal.say("In a MODULE.bazel:");
    tour.terminal.quote(&format!(
        "http_jar = use_repo_rule(\n    \"@bazel_tools//tools/build_defs/repo:http.bzl\",\n    \
         \"http_jar\",\n)\n\nhttp_jar(\n    name = \"atlas\",\n    sha256 =\n        \"{sha256}\",\n    \
         url = \"{}\",\n)",
        url(ATLAS_JAR)
    ));
    tour.terminal.say(
        "In a pom.xml; `com.example:hello:1.0` then brings `atlas` and `icons` along. The same URL \
         goes into rules_jvm_external's and Gradle's lists of repositories:",
    );
    tour.terminal.quote(&format!(
        "<repository>\n  <id>bazel-proxy</id>\n  <url>{base}</url>\n</repository>"
    ));
    tour.terminal
        .say("And against a bucket of your own, to see what is missing for it:");
    tour.terminal
        .quote("S3_BUCKET_NAME=my-bucket cargo run --release -p bazel-proxy -- check");
    check(tour).await
}

/// All that was printed, and all that a build would ask for after it.
async fn check(tour: &mut Tour<'_>) -> Result<(), Error> {
    let listing = tour.client.get(&format!("/{FOLDER}")).await?;
    let text = String::from_utf8_lossy(&listing.body);
    tour.claim(
        listing.status == StatusCode::OK && text.contains("hello/"),
        &format!("the folder is listed ({})", listing.status.as_u16()),
    );
    let (mut all, mut good) = (0, 0);
    for (key, content) in tour.stage.repository.files() {
        let answer = tour.client.get(&format!("/{key}")).await?;
        all += 1;
        good += usize::from(answer.is_copy_of(content));
    }
    tour.claim(
        good == all,
        &format!("{good} of the repository's {all} files come through the proxy, byte for byte"),
    );
    Ok(())
}
