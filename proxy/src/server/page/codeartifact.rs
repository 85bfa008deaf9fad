//! What the page says of CodeArtifact: which repositories there are, until when their tokens are good, and how much
//! of their packages came from the cache.

use std::sync::Arc;

use serde::Serialize;
use sso_session::date;

use super::super::status;
use super::credentials::Advice;
use crate::codeartifact::{TokenReport, UpstreamReport};
use crate::error::{Error, Trouble};
use crate::metrics::{Metrics, PackageTotals};

/// One repository.
#[derive(Serialize)]
pub(super) struct Packages {
    /// Its name in the configuration, and in URLs.
    alias: String,
    /// What it is at CodeArtifact.
    repository: String,
    formats: Vec<&'static str>,
    publish: bool,
    /// Whether some names may be looked for in a public index.
    has_public_fallback: bool,
    /// `none-yet`, `good` or `missing`.
    token: &'static str,
    token_until: Option<String>,
    trouble: Option<Advice>,
    hits: u64,
    misses: u64,
    /// Of a hundred answers, how many came from the cache; unknown before the first.
    hit_percent: Option<u64>,
}

/// All of them.
pub(super) fn of(reports: Vec<UpstreamReport>, metrics: &Metrics) -> Vec<Packages> {
    let reports = reports.into_iter();
    let totals = |alias: &str| PackageTotals::of(metrics, alias);
    reports
        .map(|report| {
            let totals = totals(&report.alias);
            Packages::new(report, totals)
        })
        .collect()
}

/// How the tokens of all repositories stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    /// Whether there is a good one for any.
    pub(super) is_one_good: bool,
    /// For how many repositories none can be had.
    pub(super) missing: usize,
    /// Of how many.
    pub(super) repositories: usize,
    /// Why not, of the first.
    pub(super) trouble: Option<Arc<Trouble>>,
}

/// What becomes of these tokens.
pub(super) fn tokens(reports: &[UpstreamReport]) -> Tokens {
    let mut tokens = Tokens {
        repositories: reports.len(),
        ..Tokens::default()
    };
    for report in reports {
        match &report.token {
            TokenReport::NoneYet => {}
            TokenReport::Good { .. } => tokens.is_one_good = true,
            TokenReport::Missing(error) => {
                tokens.missing += 1;
                let trouble = || status::trouble(error).map(|(_, trouble)| trouble);
                tokens.trouble = tokens.trouble.take().or_else(trouble);
            }
        }
    }
    tokens
}

impl Packages {
    fn new(report: UpstreamReport, totals: PackageTotals) -> Self {
        let (token, until, error) = match report.token {
            TokenReport::NoneYet => ("none-yet", None, None),
            TokenReport::Good { until, trouble } => ("good", Some(until), trouble),
            TokenReport::Missing(error) => ("missing", None, Some(error)),
        };
        Self {
            alias: report.alias,
            repository: report.name,
            formats: report.formats.iter().map(|format| format.name()).collect(),
            publish: report.publish,
            has_public_fallback: report.has_public_fallback,
            token,
            token_until: until.map(date::format),
            trouble: error.or(report.refusal).as_ref().and_then(advice),
            hits: totals.hits,
            misses: totals.misses,
            hit_percent: totals.hit_percent(),
        }
    }
}

fn advice(error: &Error) -> Option<Advice> {
    status::trouble(error).map(|(_, trouble)| Advice::of(&trouble))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::super::containers::tests::status;
    use super::*;
    use crate::config::Format;
    use crate::server::html::Pages;

    fn report(alias: &str, token: TokenReport) -> UpstreamReport {
        UpstreamReport {
            alias: alias.to_owned(),
            name: "acme-012345678901.eu-central-1/all".to_owned(),
            formats: vec![Format::Pypi, Format::Npm],
            publish: false,
            has_public_fallback: false,
            token,
            renewals: 1,
            refusal: None,
        }
    }

    async fn page(repositories: &[Packages]) -> String {
        let mut status = status(&json!([]));
        status["codeartifact"] = json!(repositories);
        let page = Pages::new().render("status.html", &status);
        assert_eq!(page.status(), 200);
        let body = page.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("UTF-8")
    }

    #[tokio::test]
    async fn each_repository_is_shown_with_its_token_its_hits_and_its_trouble() {
        // An hour after the page's own time.
        let until = UNIX_EPOCH + Duration::from_secs(1_767_369_845);
        let good = TokenReport::Good {
            until,
            trouble: None,
        };
        let totals = PackageTotals { hits: 2, misses: 1 };
        let good = Packages::new(report("main", good), totals);
        let trouble = Trouble::new("the login has ended", "Run `aws sso login`.");
        let missing = TokenReport::Missing(Error::LoginRequired(trouble));
        let missing = Packages {
            publish: true,
            has_public_fallback: true,
            ..Packages::new(report("tools", missing), PackageTotals::default())
        };
        let mut unused = report("idle", TokenReport::NoneYet);
        unused.refusal = Some(Error::Misconfigured(Trouble::new("it is refused", "Ask.")));
        let unused = Packages::new(unused, totals);
        let page = page(&[good, missing, unused]).await;
        for part in [
            "CodeArtifact <span class=\"count number\">3</span>",
            "<strong>main</strong>",
            "acme-012345678901.eu-central-1/all",
            "pypi, npm",
            "token until ",
            "in 1 h",
            "66 % of 3 answers from the cache",
            "<strong>tools</strong>",
            "no token",
            "clients may publish",
            "some names from a public index",
            "the login has ended. Run <code>aws sso login</code>.",
            "no token needed yet",
            "it is refused. Ask.",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn tokens_that_cannot_be_had_are_counted() {
        let until = UNIX_EPOCH + Duration::from_secs(1);
        let good = || TokenReport::Good {
            until,
            trouble: None,
        };
        let missing =
            |reason| TokenReport::Missing(Error::Misconfigured(Trouble::new(reason, "Ask.")));
        let reports = [
            report("a", TokenReport::NoneYet),
            report("b", missing("first")),
            report("c", good()),
            report("d", missing("second")),
        ];
        let all = tokens(&reports);
        assert_eq!(
            (all.repositories, all.missing, all.is_one_good),
            (4, 2, true)
        );
        assert_eq!(all.trouble.expect("one").reason, "first");
        let none = tokens(&reports[..1]);
        assert_eq!((none.missing, none.is_one_good), (0, false));
        assert!(none.trouble.is_none());
    }

    #[tokio::test]
    async fn without_repositories_nothing_is_said_of_them() {
        assert!(!page(&[]).await.contains("CodeArtifact"));
    }
}
