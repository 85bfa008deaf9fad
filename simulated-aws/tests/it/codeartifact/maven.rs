//! Java packages.

use http::Method;
use http::header::LOCATION;
use simulated_aws::Format;

use super::http::Call;
use super::{repository, token};
use crate::setup::Setup;

#[tokio::test]
async fn a_release_is_published_once_and_its_checksums_come_by_themselves() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let url = repository.url(Format::Maven);
    let token = token(&setup).await;
    let put = |path: &str, text: &'static str| {
        let call = Call::new(Method::PUT, &format!("{url}{path}")).token(&token);
        call.send_with(text)
    };
    let get = |path: &str| Call::get(&format!("{url}{path}")).token(&token).send();
    let jar = "com/acme/tool/1.0/tool-1.0.jar";
    assert_eq!(put(jar, "jar").await.status(), 201);
    assert_eq!(put(jar, "jar").await.status(), 409);
    assert_eq!(put(&format!("{jar}.md5"), "wrong").await.status(), 400);
    let snapshot = "com/acme/tool/1.1-SNAPSHOT/tool-1.1-SNAPSHOT.jar";
    assert_eq!(put(snapshot, "one").await.status(), 201);
    assert_eq!(put(snapshot, "two").await.status(), 201);
    assert_eq!(repository.read(Format::Maven, snapshot).unwrap(), "two");
    let sha256 = repository.length_and_sha256(Format::Maven, jar).unwrap().1;
    assert_eq!(get(&format!("{jar}.sha256")).await.text(), sha256);
    assert_eq!(put(&format!("{jar}.sha1"), "x").await.status(), 400);
    let redirect = get(jar).await;
    let file = Call::get(redirect.header(LOCATION).unwrap()).send().await;
    assert_eq!(file.text(), "jar");
    let metadata = "com/acme/tool/maven-metadata.xml";
    let client_metadata = put(metadata, "<metadata/>").await;
    assert_eq!(client_metadata.status(), 201);
    let metadata = get(metadata).await.text();
    assert!(metadata.contains("<release>1.0</release>"), "{metadata}");
    assert_eq!(get("com/acme/none/1.0/none-1.0.jar").await.status(), 404);
}
