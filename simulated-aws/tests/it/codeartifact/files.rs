//! Files: the redirect, and the host that it leads to.

use std::time::Duration;

use http::Method;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH,
    LOCATION, RANGE,
};
use simulated_aws::packages::{Sdist, Wheel};
use simulated_aws::{Action, Fault, Format, Operation, Origin, Restriction};

use super::http::{Answer, Call};
use super::{repository, token};
use crate::setup::{KEY_ID, Setup};

const PATH: &str = "simple/acme-tool/1.0/acme_tool-1.0-py3-none-any.whl";

async fn location(url: &str, token: &str) -> String {
    let answer = Call::get(url).token(token).send().await;
    assert_eq!(answer.status(), 302, "{url}");
    answer.header(LOCATION).unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_behind_a_url_that_takes_nothing_else() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let wheel = Wheel::new("acme-tool", "1.0");
    repository.put_wheel(&wheel);
    let token = token(&setup).await;
    let url = format!("{}{PATH}", repository.url(Format::Pypi));
    let signed = location(&url, &token).await;
    assert!(!signed.contains(&token));
    let whole = Call::get(&signed).send().await;
    let bytes = wheel.bytes();
    assert_eq!(whole.body.as_deref().unwrap(), bytes.as_slice());
    let authorized = Call::get(&signed).token(&token).send().await;
    assert_eq!(authorized.status(), 400);
    assert!(authorized.text().contains("<Code>InvalidArgument</Code>"));
    let head = Call::new(Method::HEAD, &signed).send().await;
    assert_eq!(head.status(), 403);
    let spoiled = signed.replace("acme_tool-1.0", "acme_tool-2.0");
    assert_eq!(Call::get(&spoiled).send().await.status(), 403);
    let part = Call::get(&signed).header(RANGE, "bytes=3-9").send().await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.body.as_deref().unwrap(), &bytes[3..10]);
    let told = format!("bytes 3-9/{}", bytes.len());
    assert_eq!(part.header(CONTENT_RANGE), Some(told.as_str()));
    let etag = whole.header(ETAG).unwrap();
    let matched = Call::get(&signed)
        .header(IF_MATCH, etag)
        .header(RANGE, "bytes=-4")
        .send()
        .await;
    assert_eq!(matched.body.as_deref().unwrap(), &bytes[bytes.len() - 4..]);
    let changed = Call::get(&signed)
        .header(IF_MATCH, "\"other\"")
        .send()
        .await;
    assert_eq!(changed.status(), 412);
    let same = Call::get(&signed).header(IF_NONE_MATCH, etag).send().await;
    assert_eq!(same.status(), 304);
    let beyond = Call::get(&signed)
        .header(RANGE, "bytes=999999-")
        .send()
        .await;
    assert_eq!(beyond.status(), 416);
    setup.aws.clock().set_offset_seconds(3_601);
    let late = Call::get(&signed).send().await;
    assert_eq!(late.status(), 403);
    assert!(late.text().contains("Request has expired"));
}

#[tokio::test]
async fn the_life_of_a_url_and_its_faults_can_be_set() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let codeartifact = setup.aws.codeartifact();
    codeartifact.set_presigned_life(Duration::from_secs(30));
    let token = token(&setup).await;
    let url = format!("{}{PATH}", repository.url(Format::Pypi));
    let signed = location(&url, &token).await;
    let key = format!("pypi/{PATH}");
    let faults = setup.aws.faults();
    faults.add(
        Fault::on(Operation::GetAsset)
            .key(&key)
            .times(1)
            .flip_byte(5),
    );
    faults.add(Fault::on(Operation::GetAsset).times(1).cut_with_reset(5));
    let good = repository.read(Format::Pypi, PATH).unwrap();
    let spoiled = Call::get(&signed).send().await;
    assert_ne!(spoiled.body.unwrap(), good);
    assert!(Call::get(&signed).send().await.body.is_err());
    setup.aws.clock().set_offset_seconds(31);
    assert_eq!(Call::get(&signed).send().await.status(), 403);
    let counters = setup.aws.counters();
    assert_eq!(counters.count_key(Operation::ReadAsset, &key), 1);
    assert_eq!(counters.count_key(Operation::GetAsset, &key), 3);
    assert_eq!(
        Call::get(&format!("{url}x"))
            .token(&token)
            .send()
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn metadata_of_a_wheel_is_a_file_beside_it() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let wheel = Wheel::new("acme-tool", "1.0").requires("acme-base>=1.0");
    repository.put_wheel(&wheel);
    let token = token(&setup).await;
    let url = format!("{}{PATH}.metadata", repository.url(Format::Pypi));
    let signed = location(&url, &token).await;
    let metadata = Call::get(&signed).send().await.text();
    assert_eq!(metadata, wheel.metadata());
    assert!(metadata.contains("Requires-Dist: acme-base>=1.0\n"));
}

#[tokio::test]
async fn a_file_larger_than_anyone_keeps_is_made_up() {
    const LENGTH: u64 = 70_000_000;
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_large_file("acme-model", "1.0", "acme_model-1.0.tar.gz", LENGTH);
    let token = token(&setup).await;
    let path = "simple/acme-model/1.0/acme_model-1.0.tar.gz";
    let url = format!("{}{path}", repository.url(Format::Pypi));
    let signed = location(&url, &token).await;
    let part = Call::get(&signed)
        .header(RANGE, "bytes=8000000-8999999")
        .send()
        .await;
    let whole = Call::get(&signed).send().await;
    assert_eq!(whole.header(CONTENT_LENGTH), Some("70000000"));
    let bytes = whole.body.unwrap();
    assert_eq!(bytes.len() as u64, LENGTH);
    assert_eq!(part.body.unwrap(), bytes[8_000_000..9_000_000]);
    // An upload of that size is taken as well, and only its digests are kept.
    let told = repository.length_and_sha256(Format::Pypi, path);
    let name = "acme_model-1.1.tar.gz";
    let index = repository.url(Format::Pypi);
    let answer = upload(&index, &token, "acme-model", "1.1", name, &bytes);
    assert_eq!(answer.await.status(), 200);
    let path = format!("simple/acme-model/1.1/{name}");
    assert_eq!(repository.length_and_sha256(Format::Pypi, &path), told);
    assert_eq!(repository.read(Format::Pypi, &path), None);
}

async fn upload(
    url: &str,
    token: &str,
    project: &str,
    version: &str,
    file: &str,
    bytes: &[u8],
) -> Answer {
    let mut form = Vec::new();
    for (name, value) in [
        (":action", "file_upload"),
        ("name", project),
        ("version", version),
    ] {
        let part =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        form.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{file}\"\r\n\r\n"
    );
    form.extend_from_slice(part.as_bytes());
    form.extend_from_slice(bytes);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let call = Call::new(Method::POST, url).token(token);
    call.header(CONTENT_TYPE, "multipart/form-data; boundary=b")
        .send_with(form)
        .await
}

#[tokio::test]
async fn a_file_is_published_once_by_those_who_may() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let url = repository.url(Format::Pypi);
    let token = token(&setup).await;
    let sdist = Sdist::new("Acme-Tool", "1.0");
    let (name, bytes) = (sdist.file_name(), sdist.bytes());
    let publish = || upload(&url, &token, "Acme-Tool", "1.0", &name, &bytes);
    let identities = setup.aws.identities();
    identities.deny(KEY_ID, Action::PublishPackageVersion);
    assert_eq!(publish().await.status(), 403);
    identities.allow(KEY_ID, Action::PublishPackageVersion);
    let origin = Origin {
        publish: Restriction::Block,
        upstream: Restriction::Allow,
    };
    repository.set_origin(Format::Pypi, "acme-tool", origin);
    assert_eq!(publish().await.status(), 403);
    repository.set_origin(Format::Pypi, "acme-tool", Origin::default());
    assert_eq!(publish().await.status(), 200);
    assert_eq!(publish().await.status(), 409);
    let path = "simple/acme-tool/1.0/acme_tool-1.0.tar.gz";
    assert_eq!(repository.files(Format::Pypi), [path]);
    assert_eq!(
        repository.read(Format::Pypi, path).unwrap(),
        bytes.as_slice()
    );
    let anonymous = Call::new(Method::POST, &url).header(AUTHORIZATION, "Basic YTpi");
    assert_eq!(anonymous.send_with("x").await.status(), 401);
    repository.remove_file("acme-tool", &name);
    assert!(repository.files(Format::Pypi).is_empty());
}
