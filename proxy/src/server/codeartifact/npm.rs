//! Errors as npm shows them: the member `error` of a JSON body (npm-registry-fetch, `lib/errors.js`).

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::{Value, json};

use super::super::content::{Answer, Content, page};

/// More is said of no error.
const MOST_BYTES: usize = 64 * 1024;
const PROBLEM: &str = "application/problem+json";

/// In the extensions of an answer whose words are CodeArtifact's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct OthersWords;

/// An error of the proxy's own, with what it says also where npm looks for it. Others' words stay as they are.
pub(super) async fn explained(answer: Answer) -> Answer {
    let is_error = answer.status().is_client_error() || answer.status().is_server_error();
    if !is_error || answer.extensions().get::<OthersWords>().is_some() {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    // It has another one from now on.
    head.headers.remove(CONTENT_LENGTH);
    let told = match body {
        Content::Page(body) => axum::body::to_bytes(body, MOST_BYTES).await,
        other @ (Content::Bytes(_) | Content::Artifact(_)) => {
            return Answer::from_parts(head, other);
        }
    };
    let told = told.unwrap_or_default();
    let of_type = head.headers.get(CONTENT_TYPE);
    let is_problem = of_type.is_some_and(|of_type| of_type.as_bytes() == PROBLEM.as_bytes());
    let document = if is_problem {
        serde_json::from_slice(&told)
            .ok()
            .map(|mut document: Value| {
                document["error"] = document["detail"].clone();
                document
            })
    } else {
        let text = String::from_utf8_lossy(&told);
        head.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Some(json!({ "error": text.trim_end() }))
    };
    let body = document.map_or_else(
        || Body::from(told),
        |document| Body::from(format!("{document}\n")),
    );
    page(Response::from_parts(head, body))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt as _;

    use super::super::super::status;
    use super::super::super::verdict::Verdict;
    use super::*;
    use crate::error::{Error, Trouble};

    async fn told(response: Response) -> (String, Value) {
        let answer = explained(page(response)).await;
        let of_type = answer.headers()[CONTENT_TYPE]
            .to_str()
            .expect("text")
            .to_owned();
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        (of_type, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn npm_is_told_what_is_wrong() {
        let trouble = Trouble::new("it has ended", "Run this.");
        let (of_type, body) = told(status::answer(&Error::LoginRequired(trouble))).await;
        assert_eq!(of_type, PROBLEM);
        assert_eq!(
            (&body["error"], &body["status"]),
            (&json!("it has ended. Run this."), &json!(503))
        );
        let (of_type, body) = told(status::plain(
            StatusCode::NOT_FOUND,
            "no such thing",
            Verdict::NotFound,
        ))
        .await;
        assert_eq!(of_type, "application/json");
        assert_eq!(body, json!({ "error": "no such thing" }));
    }

    #[tokio::test]
    async fn what_codeartifact_says_stays_as_it_is() {
        let mut theirs = status::plain(StatusCode::CONFLICT, "as it is", Verdict::Rejected);
        theirs.extensions_mut().insert(OthersWords);
        let answer = explained(page(theirs)).await;
        let body = answer.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "as it is\n");
    }
}
