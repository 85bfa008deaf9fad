//! The one gateway of a test run, and its STS.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use tests::workspace_folder;
use tokio::sync::OnceCell;

use crate::aftermath::{Aftermath, shared_folder};
use crate::clients::{CURL, RADOSGW, are_installed};
use tests::commands::{client, succeed};

/// A running radosgw and a user of it.
pub(super) struct Gateway {
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    role_arn: String,
    folder: PathBuf,
    _aftermath: Aftermath,
}

/// What `AssumeRole` gives.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) token: String,
    /// As STS writes it: RFC 3339.
    pub(super) expiration: String,
}

/// The gateway, started by whichever test comes first; it ends with this process.
pub(super) async fn shared() -> Option<&'static Gateway> {
    static SHARED: OnceCell<Gateway> = OnceCell::const_new();
    if !are_installed(&[RADOSGW, CURL]) {
        return None;
    }
    Some(SHARED.get_or_init(start).await)
}

async fn start() -> Gateway {
    let scripts = workspace_folder().join("tests/clients");
    let folder = shared_folder("rgw-");
    let down = scripts.join("radosgw-down.sh");
    // Before it starts, so that a half-started one is ended, too.
    let aftermath = Aftermath::run(
        "\"$1\" \"$2\"; rm -rf -- \"$2\"",
        &[down.as_os_str(), folder.as_os_str()],
    );
    let mut up = Command::new(scripts.join("radosgw-up.sh"));
    up.arg(&folder);
    let ended = succeed(up, Duration::from_mins(3)).await;
    let text = ended.text();
    let mut values: HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let mut value = |name: &str| {
        let value = values.remove(name);
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    Gateway {
        endpoint: value("AWS_ENDPOINT_URL"),
        region: value("AWS_REGION"),
        access_key_id: value("AWS_ACCESS_KEY_ID"),
        secret_access_key: value("AWS_SECRET_ACCESS_KEY"),
        role_arn: value("ROLE_ARN"),
        folder,
        _aftermath: aftermath,
    }
}

impl Gateway {
    /// A client of its own for each test: connections belong to a test's runtime.
    pub(super) fn client(&self) -> Client {
        let (key, secret) = (&self.access_key_id, &self.secret_access_key);
        let credentials = Credentials::new(key, secret, None, None, "radosgw");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.endpoint)
            .credentials_provider(credentials)
            .force_path_style(true)
            // 16.2 refuses the trailing checksums of newer SDKs.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        Client::from_conf(config.build())
    }

    /// Assumes the role for so many seconds.
    pub(super) async fn assume_role(&self, seconds: u32) -> Session {
        let mut curl = client("curl", &self.folder);
        let user = format!("{}:{}", self.access_key_id, self.secret_access_key);
        let service = format!("aws:amz:{}:sts", self.region);
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName=test\
             &DurationSeconds={seconds}",
            self.role_arn
        );
        curl.args(["-q", "-sS", "-f", "--aws-sigv4", &service, "--user", &user])
            .args(["-d", &form, &format!("{}/", self.endpoint)]);
        let answer = succeed(curl, Duration::from_secs(30)).await.text();
        let element = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap_or_default();
            let (value, _) = rest.split_once('<').unwrap_or_default();
            assert!(!value.is_empty(), "no {name} in {answer}");
            value.to_owned()
        };
        Session {
            access_key_id: element("AccessKeyId"),
            secret_access_key: element("SecretAccessKey"),
            token: element("SessionToken"),
            expiration: element("Expiration"),
        }
    }
}
