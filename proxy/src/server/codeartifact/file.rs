//! Files of packages: as artifacts of the bucket are answered.

use std::time::Duration;

use super::super::artifact;
use super::super::content::Answer;
use super::Asked;
use crate::artifact::ArtifactKey;
use crate::codeartifact::Kind;
use crate::error::Error;
use crate::fetch::{Found, Verdict as How};

/// For a token, where it is asked for only to know what is wrong.
const TOKEN_PATIENCE: Duration = Duration::from_secs(2);

/// A file for which nothing has to be waited for.
pub(super) fn at_hand(asked: &Asked<'_>) -> Option<Answer> {
    if asked.address.kind() != Kind::File {
        return None;
    }
    let fetcher = asked.codeartifact.fetcher();
    asked.codeartifact.may_be_served(asked.address).ok()?;
    let key = asked.address.key()?;
    let found = fetcher.at_hand(key.as_str())?;
    Some(with(asked, &key, &found))
}

/// A HEAD begins the download, too: who asks for the size means to read, and the file's own host takes no HEAD.
pub(super) async fn answer(asked: &Asked<'_>) -> Result<Answer, Error> {
    let fetcher = asked.codeartifact.fetcher();
    asked.codeartifact.may_be_served(asked.address)?;
    let key = asked.address.key().ok_or(Error::NotFound)?;
    let found = fetcher.get(&key).await?;
    if found.verdict == How::Stale && asked.codeartifact.is_read_to_be_written(asked.address) {
        // A login is waited for, if that is why.
        let upstream = asked.address.upstream();
        asked.codeartifact.ready(upstream, TOKEN_PATIENCE).await?;
        return Err(Error::unavailable(
            "CodeArtifact does not say which versions there are, and a deployment by an old list would lose some",
        ));
    }
    Ok(with(asked, &key, &found))
}

fn with(asked: &Asked<'_>, key: &ArtifactKey, found: &Found) -> Answer {
    let of = (asked.request, asked.codeartifact.fetcher());
    artifact::with_artifact(asked.app, asked.abort.clone(), key, of, found)
}

/// By its name, of which installers want just these letters.
pub(super) fn is_wheel(name: &str) -> bool {
    name.strip_suffix(".whl").is_some()
}
