//! JavaScript packages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use serde_json::json;
use simulated_aws::Format;
use simulated_aws::packages::NpmPackage;

use super::http::Call;
use super::{repository, token};
use crate::setup::Setup;

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

#[tokio::test]
async fn a_packument_leads_to_the_tarball() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let package = NpmPackage::new("@acme/tool", "1.0.0").requires("left", "^1.0.0");
    repository.put_npm(&package);
    let url = repository.url(Format::Npm);
    let token = token(&setup).await;
    let get = |path: &str, accept: &'static str| {
        Call::get(&format!("{url}{path}"))
            .token(&token)
            .header(ACCEPT, accept)
            .send()
    };
    let full = get("@acme%2ftool", "application/json").await.json();
    assert_eq!(full["dist-tags"]["latest"], "1.0.0");
    assert!(full["time"]["1.0.0"].is_string());
    let dist = &full["versions"]["1.0.0"]["dist"];
    let tarball = dist["tarball"].as_str().unwrap();
    assert_eq!(tarball, format!("{url}@acme/tool/-/tool-1.0.0.tgz"));
    assert!(dist["integrity"].as_str().unwrap().starts_with("sha512-"));
    assert_eq!(dist["shasum"].as_str().unwrap().len(), 40);
    let answer = Call::get(tarball).token(&token).send().await;
    let bytes = Call::get(answer.header(LOCATION).unwrap()).send().await;
    assert_eq!(bytes.body.unwrap(), package.tarball());
    setup.aws.codeartifact().set_integrity(false);
    let short = get("@acme/tool", ABBREVIATED).await;
    assert_eq!(short.header(CONTENT_TYPE), Some(ABBREVIATED));
    let short = short.json();
    let version = &short["versions"]["1.0.0"];
    assert!(version["dist"].get("integrity").is_none());
    assert!(version.get("description").is_none());
    assert_eq!(version["dependencies"]["left"], "^1.0.0");
    assert_eq!(get("none", ABBREVIATED).await.status(), 404);
    assert_eq!(get("-/ping", ABBREVIATED).await.status(), 200);
}

#[tokio::test]
async fn a_version_is_published_once_and_tags_move() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let url = repository.url(Format::Npm);
    let token = token(&setup).await;
    let publish = |version: &'static str| {
        let package = NpmPackage::new("tool", version);
        let body = json!({
            "_id": "tool",
            "name": "tool",
            "dist-tags": { "next": version },
            "versions": { version: package.manifest() },
            "_attachments": { format!("tool-{version}.tgz"): {
                "data": STANDARD.encode(package.tarball()),
            }},
        });
        let call = Call::new(Method::PUT, &format!("{url}tool")).token(&token);
        call.send_with(body.to_string())
    };
    assert_eq!(publish("1.0.0").await.status(), 200);
    assert_eq!(publish("1.1.0").await.status(), 200);
    assert_eq!(publish("1.0.0").await.status(), 409);
    let tags = format!("{url}-/package/tool/dist-tags");
    let told = Call::get(&tags).token(&token).send().await.json();
    assert_eq!(told, json!({ "latest": "1.0.0", "next": "1.1.0" }));
    let tag =
        |method: Method, name: &str| Call::new(method, &format!("{tags}/{name}")).token(&token);
    let moved = tag(Method::PUT, "latest").send_with("\"1.1.0\"").await;
    assert_eq!(moved.status(), 200);
    assert_eq!(tag(Method::DELETE, "next").send().await.status(), 200);
    let unknown = tag(Method::PUT, "latest").send_with("\"9.0.0\"").await;
    assert_eq!(unknown.status(), 404);
    let told = Call::get(&tags).token(&token).send().await.json();
    assert_eq!(told, json!({ "latest": "1.1.0" }));
    assert_eq!(repository.files(Format::Npm).len(), 2);
}
