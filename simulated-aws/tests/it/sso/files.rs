//! The files of a login.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::setup::Setup;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_token_file_is_as_the_aws_cli_writes_it() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    let folder = setup.folder.path().join("home/.aws/sso/cache");
    let path = login.write_in_place(&folder, "demo").unwrap();
    // printf demo | sha1sum
    let name = "89e495e7941cf9e40e6980d14a16bf023ccd4c91.json";
    assert_eq!(path, folder.join(name));
    let file: serde_json::Value = serde_json::from_str(&text(&path)).unwrap();
    assert_eq!(file["startUrl"], "https://d-1234567890.awsapps.com/start");
    assert_eq!(file["refreshToken"], *login.refresh_token.as_ref().unwrap());
    assert_eq!(file.as_object().unwrap().len(), 8);
    let before = std::fs::metadata(&path).unwrap();
    assert_eq!(before.permissions().mode() & 0o777, 0o600);
    let next = setup.aws.sso().sign_in();
    assert_eq!(next.write_in_place(&folder, "demo").unwrap(), path);
    assert!(text(&path).contains(&next.access_token));
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), before.ino());
}

#[tokio::test]
async fn a_legacy_file_is_named_by_the_start_url_as_written() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in_without_refresh();
    let url = "https://d-1234567890.awsapps.com/start";
    let path = login.write_in_place(setup.folder.path(), url).unwrap();
    // printf https://d-1234567890.awsapps.com/start | sha1sum
    let name = "7487b5b67d5fa1132cf33fa93ae51ef38cc37752.json";
    assert_eq!(path.file_name().unwrap(), name);
    assert!(!text(&path).contains("refreshToken"));
    let slash = login.write_in_place(setup.folder.path(), &format!("{url}/"));
    let slash = slash.unwrap();
    assert_ne!(slash, path);
    assert!(text(&slash).contains("com/start/\""));
}
