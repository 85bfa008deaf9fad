//! Files of packages: as artifacts of the bucket are answered, and the metadata inside of wheels.

use std::time::Duration;

use bytes::Bytes;

use super::super::artifact;
use super::super::content::Answer;
use super::Asked;
use crate::artifact::ArtifactKey;
use crate::codeartifact::{Address, Kind};
use crate::config::Format;
use crate::error::Error;
use crate::fetch::{Found, Verdict as How};

/// For a token, where it is asked for only to know what is wrong.
const TOKEN_PATIENCE: Duration = Duration::from_secs(2);
/// What a wheel's name is followed by for its metadata alone (PEP 658).
const METADATA: &str = ".metadata";

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
    let found = match (fetcher.get(&key).await, of_metadata(asked.address)) {
        (Err(Error::NotFound), Some(wheel)) => {
            // Whoever asks was told of it, so the wheel was here, and had to go for others.
            read_whole(asked, &wheel).await?;
            fetcher.get(&key).await?
        }
        (found, _) => found?,
    };
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

/// The wheel whose metadata is asked for.
fn of_metadata(address: &Address) -> Option<Address> {
    let wheel = address.path().strip_suffix(METADATA)?;
    let is_of_wheel = address.format() == Format::Pypi && is_wheel(wheel);
    is_of_wheel.then(|| address.at(wheel, None)).flatten()
}

/// By its name, of which installers want just these letters.
pub(super) fn is_wheel(name: &str) -> bool {
    name.strip_suffix(".whl").is_some()
}

async fn read_whole(asked: &Asked<'_>, wheel: &Address) -> Result<(), Error> {
    let fetcher = asked.codeartifact.fetcher();
    let key = wheel.key().ok_or(Error::NotFound)?;
    let found = fetcher.get(&key).await?;
    let mut reader = found.reader(fetcher, &key, 0, found.attributes().length);
    while reader
        .next()
        .await?
        .is_some_and(|bytes: Bytes| !bytes.is_empty())
    {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    #[test]
    fn only_wheels_have_metadata_beside_them() {
        let table = Table::new(vec![CodeArtifactUpstream {
            alias: "main".to_owned(),
            domain: "acme".to_owned(),
            domain_owner: "012345678901".to_owned(),
            region: "eu-central-1".to_owned(),
            repository: "all".to_owned(),
            formats: Format::ALL.to_vec(),
            publish: false,
            public_fallback: None,
            token_duration: Duration::ZERO,
        }]);
        let upstream = table.by_alias("main").expect("an upstream");
        let wheel = |format, path: &str| {
            let address = Address::parse(upstream, format, path, None).expect("an address");
            of_metadata(&address).map(|wheel| wheel.path().to_owned())
        };
        let path = "simple/x/1/x-1-py3-none-any.whl";
        let of = |suffix: &str| wheel(Format::Pypi, &format!("{path}{suffix}"));
        assert_eq!(of(".metadata").as_deref(), Some(path));
        assert_eq!(of(""), None);
        assert_eq!(of(".asc"), None);
        assert_eq!(wheel(Format::Pypi, "simple/x/1/x-1.tar.gz.metadata"), None);
        assert_eq!(wheel(Format::Maven, "g/a/1/a.whl.metadata"), None);
    }
}
