//! What the page says of containers: which services there are, and whether credentials can be handed out.

use serde::Serialize;
use sso_session::date;

use super::super::credentials::{CredentialsService, ServiceOverview};
use super::credentials::Advice;

/// One service.
#[derive(Serialize)]
pub(super) struct Container {
    service: String,
    /// The keeper's state, as in `state.name`.
    state: &'static str,
    is_ready: bool,
    role_arn: Option<String>,
    expires_at: Option<String>,
    trouble: Option<Advice>,
    last_issued_at: Option<String>,
    last_issued_to: Option<String>,
}

/// All services, and how much of the configuration is not in force; where there is one.
pub(super) fn of(credentials: Option<&CredentialsService>) -> Option<(Vec<Container>, usize)> {
    let overview = credentials?.overview();
    let services = overview.services.into_iter();
    Some((
        services.map(Container::from).collect(),
        overview.not_in_force,
    ))
}

impl From<ServiceOverview> for Container {
    fn from(service: ServiceOverview) -> Self {
        Self {
            service: service.name,
            state: service.state,
            is_ready: service.is_ready,
            role_arn: service.role_arn,
            expires_at: service.expires_at.map(date::format),
            trouble: service.trouble.as_deref().map(Advice::of),
            last_issued_at: service.last.map(|last| date::format(last.at)),
            last_issued_to: service.last.map(|last| last.peer.to_string()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Trouble;
    use crate::server::html::Pages;

    /// A page of a proxy that does nothing.
    pub(in super::super) fn status(containers: &Value) -> Value {
        let now = "2026-01-02T15:04:05Z";
        json!({
            "now": now,
            "state": {
                "name": "valid", "tone": "good", "title": "Ready", "meaning": "x", "since": now,
                "reason": null, "cure": null, "command": null,
            },
            "identity": null,
            "credentials": { "expires_at": null, "renewal_at": null, "token": null },
            "login_ahead": null, "renewal_trouble": null, "signal": null, "upstream": null,
            "parked": { "requests": 0, "keys": 0, "longest": [] },
            "downloads": { "count": 0, "longest": [] },
            "traffic": {
                "hits": 0, "misses": 0, "hit_percent": null, "from_cache_bytes": 0, "from_origin_bytes": 0,
            },
            "cache": {
                "folder": "/x", "occupied_bytes": 0, "max_bytes": 1, "available_bytes": 1,
                "min_available_bytes": 0, "objects": 0, "is_counted": true,
            },
            "codeartifact": null,
            "containers": containers,
            "containers_not_in_force": 0,
            "troubles": [],
            "program": {
                "version": "0", "started": now, "uptime_seconds": 0, "repository": "r", "region": "r",
                "profile": "p", "listening": [], "login_wait_seconds": 0,
            },
        })
    }

    async fn page(containers: &[Container]) -> String {
        rendered(&status(&json!(containers))).await
    }

    async fn rendered(status: &Value) -> String {
        let page = Pages::new().render("status.html", status);
        assert_eq!(page.status(), 200);
        let body = page.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("UTF-8")
    }

    fn container(service: &str) -> Container {
        Container {
            service: service.to_owned(),
            state: "valid",
            is_ready: true,
            role_arn: Some("arn:aws:iam::1:role/x".to_owned()),
            expires_at: Some("2026-01-02T16:04:05Z".to_owned()),
            trouble: None,
            last_issued_at: Some("2026-01-02T15:03:05Z".to_owned()),
            last_issued_to: Some("10.0.0.7".to_owned()),
        }
    }

    #[tokio::test]
    async fn each_service_is_shown_with_its_role_its_end_and_its_trouble() {
        let trouble = Trouble::new("the session has ended", "Run `aws sso login`.");
        let bad = Container {
            state: "login-required",
            is_ready: false,
            role_arn: None,
            trouble: Some(Advice::of(&trouble)),
            last_issued_at: None,
            ..container("batch")
        };
        let page = page(&[container("app"), bad]).await;
        for part in [
            "Containers <span class=\"count number\">2</span>",
            "<strong>app</strong>",
            "in 1 h",
            "arn:aws:iam::1:role/x",
            "last asked by 10.0.0.7 1 min ago",
            "<strong>batch</strong>",
            "<code>login-required</code>",
            "not asked for yet",
            "the session has ended. Run <code>aws sso login</code>.",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[tokio::test]
    async fn what_is_not_in_force_is_said_even_without_services() {
        let mut status = status(&json!([]));
        status["containers_not_in_force"] = json!(2);
        let page = rendered(&status).await;
        let told = "is in force. Run <code>bazel-proxy check</code> to see why.";
        assert!(page.contains(told), "{page}");
    }

    #[tokio::test]
    async fn without_services_nothing_is_said_of_them() {
        assert!(!page(&[]).await.contains("Containers"));
    }
}
