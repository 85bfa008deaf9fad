//! Pages of Python projects, and who may read them.

use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method};
use simulated_aws::packages::Wheel;
use simulated_aws::{Action, Fault, Format, Links, Operation};

use super::http::Call;
use super::{OWNER, repository, token};
use crate::setup::{KEY_ID, Setup};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

#[tokio::test]
async fn whoever_has_no_good_token_gets_the_status_that_is_set() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let page = format!("{}simple/acme-tool/", repository.url(Format::Pypi));
    let good = token(&setup).await;
    let codeartifact = setup.aws.codeartifact();
    codeartifact.add_repository("other", OWNER, "us-west-2", "tools");
    let elsewhere = page.replace("/acme-", "/other-");
    assert_eq!(Call::get(&page).token(&good).send().await.status(), 200);
    let bearer = Call::get(&page).header(AUTHORIZATION, &format!("Bearer {good}"));
    assert_eq!(bearer.send().await.status(), 200);
    for status in [401, 403, 404] {
        codeartifact.set_refusal(status);
        let none = Call::get(&page).send().await;
        assert_eq!(none.status(), status);
        assert_eq!(none.header(WWW_AUTHENTICATE).is_some(), status == 401);
        assert_eq!(Call::get(&page).token("none").send().await.status(), status);
        let foreign = Call::get(&elsewhere).token(&good).send().await;
        assert_eq!(foreign.status(), status);
    }
    codeartifact.set_refusal(401).revoke_tokens();
    assert_eq!(Call::get(&page).token(&good).send().await.status(), 401);
    codeartifact.set_longest_token_life(Some(Duration::from_mins(1)));
    let short = token(&setup).await;
    assert_eq!(Call::get(&page).token(&short).send().await.status(), 200);
    setup.aws.clock().set_offset_seconds(61);
    assert_eq!(Call::get(&page).token(&short).send().await.status(), 401);
    setup.aws.clock().set_offset_seconds(0);
    // A token is good without the login it came from, and no better than its permissions.
    setup
        .aws
        .identities()
        .deny(KEY_ID, Action::ReadFromRepository);
    let denied = Call::get(&page).token(&short).send().await;
    assert_eq!(denied.status(), 403);
    assert!(denied.text().contains("codeartifact:ReadFromRepository"));
}

#[tokio::test]
async fn a_page_has_the_form_that_is_accepted() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let wheel = Wheel::new("acme-tool", "1.0").requires_python(">=3.8");
    repository.put_wheel(&wheel);
    let index = format!("{}simple/", repository.url(Format::Pypi));
    let page = format!("{index}Acme.Tool/");
    let token = token(&setup).await;
    let get = |accept: &'static str| Call::get(&page).token(&token).header(ACCEPT, accept).send();
    let html = get("text/html").await;
    assert_eq!(html.header(CONTENT_TYPE), Some("text/html"));
    let text = html.text();
    let (_, sha256) = repository
        .length_and_sha256(
            Format::Pypi,
            "simple/acme-tool/1.0/acme_tool-1.0-py3-none-any.whl",
        )
        .unwrap();
    let link = format!("<a href=\"1.0/acme_tool-1.0-py3-none-any.whl#sha256={sha256}\"");
    assert!(text.contains(&link), "{text}");
    assert!(text.contains("data-requires-python=\"&gt;=3.8\""), "{text}");
    assert!(text.contains("data-core-metadata=\"sha256="), "{text}");
    let json = get(JSON).await;
    assert_eq!(json.header(CONTENT_TYPE), Some(JSON));
    let json = json.json();
    assert_eq!(json["name"], "acme-tool");
    let file = &json["files"][0];
    assert_eq!(file["hashes"]["sha256"], sha256.as_str());
    assert_eq!(file["url"], "1.0/acme_tool-1.0-py3-none-any.whl");
    assert_eq!(file["requires-python"], ">=3.8");
    assert_eq!(file["size"], wheel.bytes().len());
    assert!(file["upload-time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(get("application/json").await.status(), 406);
    setup
        .aws
        .codeartifact()
        .set_links(Links::Absolute)
        .set_metadata(false);
    let json = get(JSON).await.json();
    let absolute = format!("{index}acme-tool/1.0/acme_tool-1.0-py3-none-any.whl");
    assert_eq!(json["files"][0]["url"], absolute.as_str());
    assert!(json["files"][0].get("core-metadata").is_none());
    for missing in [index.clone(), format!("{index}other/")] {
        assert_eq!(Call::get(&missing).token(&token).send().await.status(), 404);
    }
    let bare = Call::get(page.trim_end_matches('/'))
        .token(&token)
        .send()
        .await;
    assert_eq!(
        (bare.status(), bare.header(LOCATION)),
        (301, Some(page.as_str()))
    );
}

#[tokio::test]
async fn a_page_is_revalidated_unless_it_has_nothing_to_be_told_by() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let page = format!("{}simple/acme-tool/", repository.url(Format::Pypi));
    let token = token(&setup).await;
    let first = Call::get(&page).token(&token).send().await;
    let etag = first.header(ETAG).unwrap();
    assert!(first.header(LAST_MODIFIED).is_some());
    let again = Call::get(&page)
        .token(&token)
        .header(IF_NONE_MATCH, etag)
        .send()
        .await;
    assert_eq!(again.status(), 304);
    let head = Call::new(Method::HEAD, &page).token(&token).send().await;
    assert_eq!(head.header(CONTENT_LENGTH), first.header(CONTENT_LENGTH));
    repository.put_wheel(&Wheel::new("acme-tool", "1.1"));
    let changed = Call::get(&page)
        .token(&token)
        .header(IF_NONE_MATCH, etag)
        .send()
        .await;
    assert_eq!(changed.status(), 200);
    let codeartifact = setup.aws.codeartifact();
    codeartifact
        .set_validators(false, false)
        .set_chunked_pages(true);
    let bare = Call::get(&page).token(&token).send().await;
    assert_eq!(bare.header(ETAG), None);
    assert_eq!(bare.header(LAST_MODIFIED), None);
    assert_eq!(bare.header(CONTENT_LENGTH), None);
    assert_eq!(bare.body, changed.body);
}

#[tokio::test]
async fn faults_and_counters_know_pages_by_their_paths() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let page = format!("{}simple/acme-tool/", repository.url(Format::Pypi));
    let token = token(&setup).await;
    let key = "pypi/simple/acme-tool/";
    let faults = setup.aws.faults();
    faults.add(
        Fault::on(Operation::ReadPackage)
            .bucket("tools")
            .key(key)
            .times(1)
            .respond(429, "TooManyRequests")
            .header(RETRY_AFTER, HeaderValue::from_static("3")),
    );
    faults.add(
        Fault::on(Operation::ReadPackage)
            .times(1)
            .cut_with_reset(20),
    );
    let get = || Call::get(&page).token(&token).header(COOKIE, "a=b");
    let throttled = get().send().await;
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.header(RETRY_AFTER), Some("3"));
    assert!(get().send().await.body.is_err());
    assert_eq!(get().send().await.status(), 200);
    let counters = setup.aws.counters();
    assert_eq!(counters.count_key(Operation::ReadPackage, key), 3);
    let log = counters.log();
    let head = log.last().unwrap().head.clone().unwrap();
    assert_eq!(head.header("cookie"), Some("a=b"));
    assert_eq!(head.method, Method::GET);
    let known = setup.aws.codeartifact().token_of(log.last().unwrap());
    let known = known.unwrap();
    assert_eq!(
        (known.token, known.access_key_id),
        (token, KEY_ID.to_owned())
    );
    assert!(head.uri.path().ends_with("/pypi/tools/simple/acme-tool/"));
}

#[tokio::test]
async fn the_name_of_the_real_endpoint_serves_too() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let token = token(&setup).await;
    let url = format!(
        "{}/pypi/tools/simple/acme-tool/1.0/acme_tool-1.0-py3-none-any.whl",
        setup.aws.endpoint_url()
    );
    let host = format!("acme-{OWNER}.d.codeartifact.us-west-2.amazonaws.com");
    let answer = Call::new(Method::GET, &url)
        .host(&host)
        .token(&token)
        .send()
        .await;
    assert_eq!(answer.status(), 302);
    let location = answer.header(LOCATION).unwrap();
    assert!(
        location.starts_with("https://assets-193858265520-us-west-2.s3.us-west-2.amazonaws.com/"),
        "{location}"
    );
}
