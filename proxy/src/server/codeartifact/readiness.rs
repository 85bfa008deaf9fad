//! Whether packages can be had: there is a token for each repository, and it was not refused when it was asked last.
//! Whether the data endpoint answers is not asked: what is cached is served without it, and an outage is no reason to
//! stop that.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::super::status;
use crate::codeartifact::{CodeArtifact, Upstream};
use crate::error::{Error, Trouble};

/// For all of them, as they are asked at once. A failure is remembered for a moment by whoever keeps the tokens, so
/// that many questions ask AWS no more than one.
const PATIENCE: Duration = Duration::from_secs(3);
/// For a repository that was refused, to say whether that is still so.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// How all repositories stand.
pub(in crate::server) struct Repositories {
    pub(in crate::server) are_ready: bool,
    pub(in crate::server) by_alias: Value,
    /// What is wrong with the first that is not ready.
    pub(in crate::server) trouble: Option<Arc<Trouble>>,
}

/// All of them; `None` where none is served.
pub(in crate::server) async fn readiness(
    codeartifact: Option<&CodeArtifact>,
) -> Option<Repositories> {
    let codeartifact = codeartifact?;
    let table = codeartifact.table();
    let asked = table.upstreams().iter().map(|upstream| async {
        let outcome = of(codeartifact, upstream).await;
        (upstream.config.alias.clone(), outcome)
    });
    let outcomes = join_all(asked).await;
    let by_alias = outcomes
        .iter()
        .map(|(alias, outcome)| (alias.clone(), about(outcome)));
    let errors = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().err());
    Some(Repositories {
        trouble: errors
            .filter_map(status::trouble)
            .map(|(_, trouble)| trouble)
            .next(),
        by_alias: Value::Object(by_alias.collect::<Map<_, _>>()),
        are_ready: outcomes.iter().all(|(_, outcome)| outcome.is_ok()),
    })
}

/// One alone; `None` where no such one is served.
pub(in crate::server) async fn readiness_of(
    codeartifact: Option<&CodeArtifact>,
    alias: &str,
) -> Option<(bool, Value)> {
    let codeartifact = codeartifact?;
    let table = codeartifact.table();
    let outcome = of(codeartifact, table.by_alias(alias)?).await;
    Some((outcome.is_ok(), about(&outcome)))
}

async fn of(codeartifact: &CodeArtifact, upstream: &Arc<Upstream>) -> Result<SystemTime, Error> {
    let asked = async {
        let until = codeartifact.ready(upstream, PATIENCE).await?;
        codeartifact.may_be_read(upstream, PROBE_PATIENCE).await?;
        Ok(until)
    };
    let in_time = tokio::time::timeout(PATIENCE, asked).await;
    in_time.unwrap_or_else(|_| Err(Error::unavailable("CodeArtifact does not answer")))
}

fn about(outcome: &Result<SystemTime, Error>) -> Value {
    match outcome {
        Ok(until) => json!({ "ready": true, "token_until": sso_session::date::format(*until) }),
        Err(error) => {
            let trouble = status::trouble(error).map(|(_, trouble)| trouble);
            let (reason, cure) = trouble.map_or((error.to_string(), None), |trouble| {
                (trouble.reason.clone(), Some(trouble.cure.clone()))
            });
            json!({ "ready": false, "reason": reason, "cure": cure })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_token_has_an_end_and_trouble_has_a_cure() {
        let told = about(&Ok(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
        let expected = json!({ "ready": true, "token_until": "2023-11-14T22:13:20Z" });
        assert_eq!(told, expected);
        let trouble = Trouble::new("the login has ended", "Run this.");
        let told = about(&Err(Error::LoginRequired(trouble)));
        let expected =
            json!({ "ready": false, "reason": "the login has ended", "cure": "Run this." });
        assert_eq!(told, expected);
    }
}
