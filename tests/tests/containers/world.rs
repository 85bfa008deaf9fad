//! The simulated AWS, a home whose owner has signed in, a configuration file, and the proxy that serves
//! containers by it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use simulated_aws::Login;
use tests::{Answer, PATIENCE, Proxy, ProxyBuilder, SsoWorld, eventually, within};

/// The account of every role here.
pub(crate) const ACCOUNT: &str = "111122223333";
/// What the service `build` says.
pub(crate) const BUILD_TOKEN: &str = "build-token-0123456789abcdef";
/// What the service `deploy` says.
pub(crate) const DEPLOY_TOKEN: &str = "deploy-token-fedcba9876543210";

/// Everything that one test needs. Fields are dropped in this order.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) address: SocketAddr,
    pub(crate) files: Files,
    pub(crate) sso: SsoWorld,
}

/// The folder of the configuration file.
pub(crate) struct Files(PathBuf);

/// The ARN of a role.
pub(crate) fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// Whom the role's credentials belong to, in a session named as the service.
pub(crate) fn session_of(role: &str, service: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{service}")
}

/// A service that assumes a role, as it stands below `services`.
pub(crate) fn service(name: &str, token: &str, role_name: &str) -> String {
    format!(
        "  {name}:\n    auth_token: {token}\n    assumed_role:\n      RoleArn: {}\n      \
         RoleSessionName: {name}\n",
        role(role_name)
    )
}

/// A configuration with these services, on any free port.
pub(crate) fn config(services: &[String]) -> String {
    with_server("", services)
}

/// The same, with more keys of `server`, each on a line of its own.
pub(crate) fn with_server(keys: &str, services: &[String]) -> String {
    let keys: Vec<_> = keys.lines().map(|line| format!("  {line}\n")).collect();
    let keys = keys.concat();
    let services = services.concat();
    format!("server:\n  host: 127.0.0.1\n  port: 0\n{keys}services:\n{services}")
}

/// The services `build` and `deploy`, with roles of their own.
pub(crate) fn usual() -> String {
    let build = service("build", BUILD_TOKEN, "Builder");
    config(&[build, service("deploy", DEPLOY_TOKEN, "Deployer")])
}

impl Files {
    fn new(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, by rename.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        let new = self.0.join("new");
        write_in_place(&new, text);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::rename(new, path).expect("renamed");
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        self.write("credentials.yaml", text);
    }
}

/// Truncates and writes, as most programs do.
#[expect(
    clippy::disallowed_methods,
    reason = "tests write what careless programs write"
)]
pub(crate) fn write_in_place(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::write(path, text).expect("a written file");
}

/// What there is before the proxy starts.
pub(crate) struct Setting {
    pub(crate) files: Files,
    pub(crate) sso: SsoWorld,
}

impl Setting {
    /// Nobody has signed in yet; there is no configuration.
    pub(crate) async fn new() -> Self {
        let sso = SsoWorld::new().await;
        let files = Files::new(sso.scratch.path().join("containers"));
        Self { files, sso }
    }

    /// A login.
    pub(crate) fn sign_in(&self) -> Login {
        self.sso.sign_in()
    }

    pub(crate) fn builder(&self) -> ProxyBuilder {
        let path = self.files.path("credentials.yaml");
        let path = path.display().to_string();
        self.sso.builder().env("BAZEL_PROXY_CONFIG_FILE", &path)
    }

    pub(crate) async fn start(self) -> World {
        let builder = self.builder();
        self.start_as(builder).await
    }

    pub(crate) async fn start_as(self, builder: ProxyBuilder) -> World {
        let proxy = builder.start().await;
        let address = proxy.credentials_address().await;
        let Self { files, sso } = self;
        World {
            proxy,
            address,
            files,
            sso,
        }
    }
}

impl World {
    /// Somebody has signed in; [`usual`] services.
    pub(crate) async fn new() -> Self {
        Self::of(&usual()).await
    }

    /// Somebody has signed in; services of this configuration.
    pub(crate) async fn of(config: &str) -> Self {
        let setting = Setting::new().await;
        let _login = setting.sign_in();
        setting.files.configure(config);
        setting.start().await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Any request, to the end of its body.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = async {
            let pending = tests::Pending::begin(self.address, method, path, headers);
            pending.await.finish().await
        };
        within(PATIENCE, path, answer).await
    }

    /// GET with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.request("GET", path, &[("authorization", token)]).await
    }

    /// The status for a token at `/v1/credentials`.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.get("/v1/credentials", token).await.status.as_u16()
    }

    /// Whether this token opens nothing. Whoever asks often is only counted.
    pub(crate) async fn refuses(&self, token: &str) -> bool {
        matches!(self.status(token).await, 401 | 429)
    }

    /// Waits until this token gets that status.
    pub(crate) async fn answers(&self, token: &str, status: u16) -> Answer {
        let mut last = None;
        eventually(&format!("the answer is {status}"), async || {
            last = Some(self.get("/v1/credentials", token).await);
            last.as_ref().is_some_and(|answer| answer.status == status)
        })
        .await;
        last.expect("found above")
    }

    /// Waits until this token gets credentials.
    pub(crate) async fn given(&self, token: &str) -> Value {
        document(&self.answers(token, 200).await)
    }

    /// Waits until the log has a line with all these words.
    pub(crate) async fn logged(&self, words: &[&str]) -> String {
        let mut found = None;
        eventually(&format!("the log says {words:?}"), async || {
            let log = self.proxy.log();
            let mut lines = log.lines();
            let line = lines.find(|line| words.iter().all(|word| line.contains(word)));
            found = line.map(str::to_owned);
            found.is_some()
        })
        .await;
        found.expect("found above")
    }

    /// Asks STS whose credentials these are.
    pub(crate) async fn owner(&self, document: &Value) -> String {
        use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
        let text = |name: &str| document[name].as_str().expect("a text").to_owned();
        let token = Some(text("Token"));
        let keys = Credentials::new(
            text("AccessKeyId"),
            text("SecretAccessKey"),
            token,
            None,
            "test",
        );
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-west-2"))
            .endpoint_url(self.sso.aws.endpoint_url())
            .credentials_provider(keys);
        let sts = aws_sdk_sts::Client::from_conf(config.build());
        let caller = sts.get_caller_identity().send().await;
        let caller = caller.unwrap_or_else(|error| panic!("{error:?}"));
        caller.arn().expect("an ARN").to_owned()
    }

    /// Waits until this token gives credentials that belong to somebody.
    pub(crate) async fn belongs(&self, token: &str, owner: &str) {
        eventually(&format!("it is {owner}"), async || {
            let answer = self.get("/v1/credentials", token).await;
            answer.status == 200 && self.owner(&document(&answer)).await == owner
        })
        .await;
    }
}

/// An answer's JSON.
pub(crate) fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {:?}", answer.text()))
}

/// When these credentials end.
pub(crate) fn end_of(document: &Value) -> jiff::Timestamp {
    let text = document["Expiration"].as_str().expect("a text");
    text.parse().expect("a time")
}
