//! The simulated AWS with a repository of CodeArtifact, a home whose owner has signed in, a configuration file, and
//! the proxy that serves all of it; a public index beside them where it is asked for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{Full, StreamBody};
use hyper::body::{Body, Frame};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use simulated_aws::packages::{NpmPackage, Wheel};
use simulated_aws::{
    Call, CodeArtifact, Format, Operation, Origin, PublicIndex, Repository, Restriction,
};
use tests::sso_world::readiness;
use tests::{Answer, Proxy, ProxyBuilder, SsoWorld, eventually, within};
use tokio::net::TcpStream;

/// The domain.
pub(crate) const DOMAIN: &str = "acme";
/// An account whose leading zero counts.
pub(crate) const OWNER: &str = "012345678901";
/// The region.
pub(crate) const REGION: &str = "us-west-2";
/// The repository.
pub(crate) const REPOSITORY: &str = "all";
/// What the proxy calls it.
pub(crate) const ALIAS: &str = "main";
/// The path that all of the repository is below.
pub(crate) const PREFIX: &str = "/codeartifact/main";
/// What the index of a project is asked for as pip asks.
pub(crate) const ACCEPT_JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A gigabyte through programs that are not optimised, on a busy machine.
const LONGEST_UPLOAD: Duration = Duration::from_mins(5);

/// What there is before the proxy starts.
pub(crate) struct Setting {
    pub(crate) repository: Repository,
    pub(crate) sso: SsoWorld,
}

/// Everything. Fields are dropped in this order.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) repository: Repository,
    pub(crate) sso: SsoWorld,
}

/// One upstream, as it stands in the file, with further keys.
pub(crate) fn upstream(keys: &str) -> String {
    let mut text = format!(
        "codeartifact:\n  {ALIAS}:\n    domain: {DOMAIN}\n    domain_owner: \"{OWNER}\"\n    \
         region: {REGION}\n    repository: {REPOSITORY}\n"
    );
    for line in keys.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The keys of a fallback to this index.
pub(crate) fn fallback(index: &PublicIndex, names: &[&str], private: &[&str]) -> String {
    let list = |names: &[&str]| format!("[{}]", names.join(", "));
    let files = index.files_host();
    let files = files
        .rsplit_once(':')
        .map_or(files.as_str(), |(host, _)| host);
    format!(
        "public_fallback:\n  index_url: {}/\n  file_hosts: [\"{files}\"]\n  names: {}\n  \
         private_prefixes: {}",
        index.index_url(),
        list(names),
        list(private),
    )
}

impl Setting {
    /// The repository is empty; nobody has signed in.
    pub(crate) async fn new() -> Self {
        let sso = SsoWorld::new().await;
        let service = sso.aws.codeartifact();
        let repository = service.add_repository(DOMAIN, OWNER, REGION, REPOSITORY);
        let setting = Self { repository, sso };
        setting.configure(&upstream(""));
        setting
    }

    pub(crate) fn service(&self) -> &CodeArtifact {
        self.sso.aws.codeartifact()
    }

    /// Puts packages of this name into the repository.
    pub(crate) fn seed(&self, name: &str) {
        seed(&self.repository, name);
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        configure(&self.sso, text);
    }

    pub(crate) fn builder(&self) -> ProxyBuilder {
        let file = file(&self.sso).display().to_string();
        self.sso
            .builder()
            .env("BAZEL_PROXY_CONFIG_FILE", &file)
            .env("AWS_REGION", REGION)
    }

    pub(crate) async fn start(self) -> World {
        let builder = self.builder();
        self.start_as(builder).await
    }

    pub(crate) async fn start_as(self, builder: ProxyBuilder) -> World {
        let proxy = builder.start().await;
        let Self { repository, sso } = self;
        World {
            proxy,
            repository,
            sso,
        }
    }
}

fn file(sso: &SsoWorld) -> PathBuf {
    sso.scratch.path().join("codeartifact.yaml")
}

/// By rename.
#[expect(clippy::disallowed_methods, reason = "a scratch file")]
fn configure(sso: &SsoWorld, text: &str) {
    let new = sso.scratch.path().join("codeartifact.new");
    std::fs::write(&new, text).expect("a configuration");
    std::fs::rename(new, file(sso)).expect("renamed");
}

/// A wheel of a project, at version 1.0.
pub(crate) fn wheel_bytes(project: &str) -> Bytes {
    Wheel::new(project, "1.0").bytes().into()
}

/// `acme-<name>`, `@acme/<name>` and `com.acme:<name>`, each of which needs its `<name>-base`, all at version 1.0.
fn seed(repository: &Repository, name: &str) {
    let base = format!("{name}-base");
    repository.put_wheel(&Wheel::new(&format!("acme-{base}"), "1.0"));
    let wheel = Wheel::new(&format!("acme-{name}"), "1.0");
    repository.put_wheel(&wheel.requires(&format!("acme-{base}>=1.0")));
    repository.put_npm(&NpmPackage::new(&format!("@acme/{base}"), "1.0.0"));
    let package = NpmPackage::new(&format!("@acme/{name}"), "1.0.0");
    repository.put_npm(&package.requires(&format!("@acme/{base}"), "^1.0.0"));
    for (artifact, needs) in [(base.as_str(), None), (name, Some(base.as_str()))] {
        let dependency = needs.map(|needs| {
            format!(
                "<dependencies><dependency><groupId>com.acme</groupId><artifactId>{needs}</artifactId>\
                 <version>1.0</version></dependency></dependencies>"
            )
        });
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId>\
             <artifactId>{artifact}</artifactId><version>1.0</version>{}</project>",
            dependency.unwrap_or_default()
        );
        let path = format!("com/acme/{artifact}/1.0/{artifact}-1.0");
        repository.put_maven(&format!("{path}.pom"), pom);
        // A jar is a zip, too, and nobody looks into this one.
        repository.put_maven(&format!("{path}.jar"), wheel_bytes(artifact));
    }
}

/// A package's name in a format, as its clients have it.
pub(crate) fn package(format: &str, name: &str) -> String {
    match format {
        "pypi" => format!("acme-{name}"),
        "npm" => format!("@acme/{name}"),
        _ => name.to_owned(),
    }
}

/// As in lock files.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl World {
    /// The first token dies before it is used.
    pub(crate) async fn lose_the_first_token(&self) {
        self.proxy.get("/readyz").await;
        eventually("there is a token", async || {
            self.calls(Operation::GetAuthorizationToken).len() == 1
        })
        .await;
        self.service().revoke_tokens();
    }

    /// Somebody has signed in; these packages are there.
    pub(crate) async fn seeded(names: &[&str]) -> Self {
        let setting = Setting::new().await;
        let _login = setting.sso.sign_in();
        for name in names {
            setting.seed(name);
        }
        setting.start().await
    }

    pub(crate) fn service(&self) -> &CodeArtifact {
        self.sso.aws.codeartifact()
    }

    pub(crate) fn seed(&self, name: &str) {
        seed(&self.repository, name);
    }

    pub(crate) fn configure(&self, text: &str) {
        configure(&self.sso, text);
    }

    /// A file of that length for Python and for Java.
    pub(crate) fn seed_large(&self, length: usize) {
        let mut random = fastrand::Rng::with_seed(7);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
            .take(length)
            .collect();
        self.repository
            .put_file("acme-large", "1.0", "acme_large-1.0.tar.gz", bytes.clone())
            .put_maven("com/acme/large/1.0/large-1.0.jar", bytes);
    }

    /// Nothing of that name may come from elsewhere, though no version of it was published.
    pub(crate) fn block_upstream(&self, project: &str) {
        let origin = Origin {
            publish: Restriction::Allow,
            upstream: Restriction::Block,
        };
        self.repository.set_origin(Format::Pypi, project, origin);
    }

    /// Where the repository is.
    pub(crate) fn index(&self) -> String {
        format!("{}{}", self.proxy.url(), PREFIX)
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = format!("{PREFIX}{path}");
        self.proxy.request(method, &path, headers).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", path, headers).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.get_with(path, &[("accept", accept)]).await
    }

    /// The path and the SHA-256 of a project's wheel, as its page has them.
    pub(crate) async fn locked_wheel(&self, project: &str) -> (String, String) {
        let folder = format!("/pypi/simple/{project}/");
        let page = self.get_as(&folder, ACCEPT_JSON).await;
        assert_eq!(page.status, 200, "{project}: {}", page.text());
        let page: Value = serde_json::from_slice(&page.body).expect("JSON");
        let files = page["files"].as_array().expect("files");
        let is_wheel = |file: &&Value| {
            let name = file["filename"].as_str();
            name.is_some_and(|name| name.strip_suffix(".whl").is_some())
        };
        let file = files.iter().find(is_wheel).expect("a wheel");
        let url = file["url"].as_str().expect("a URL");
        let sha256 = file["hashes"]["sha256"].as_str().expect("a hash");
        assert!(!url.contains("://"), "{url} is not relative");
        (resolved(&folder, url), sha256.to_owned())
    }

    /// All calls of a kind.
    pub(crate) fn calls(&self, operation: Operation) -> Vec<Call> {
        let mut calls = self.sso.aws.counters().log();
        calls.retain(|call| call.operation == operation);
        calls
    }

    /// All calls to CodeArtifact, of whatever kind.
    pub(crate) fn asked(&self) -> Vec<Call> {
        let mut calls = self.sso.aws.counters().log();
        calls.retain(|call| call.head.is_some());
        calls
    }

    /// How many calls were refused for their token.
    pub(crate) fn refused(&self) -> u64 {
        self.sso.aws.counters().count_status(401)
    }

    /// Everything that nobody may see.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let tokens = self.service().tokens();
        let mut secrets: Vec<_> = tokens
            .iter()
            .map(|token| token.token[token.token.len() - 60..].to_owned())
            .collect();
        secrets.push("X-Amz-Signature".to_owned());
        secrets
    }

    /// The session ends, with all that was had by it.
    pub(crate) fn end_login(&self) {
        self.sso.aws.sso().end_sessions();
        self.sso.aws.sso().expire_role_credentials();
        self.service().revoke_tokens();
    }

    /// Waits until somebody waits for a login.
    pub(crate) async fn until_waiting(&self) {
        eventually("somebody waits", async || self.waiting().await > 0).await;
    }

    /// How many requests wait for a login.
    pub(crate) async fn waiting(&self) -> u64 {
        readiness(&self.proxy).await["waiting"]
            .as_u64()
            .unwrap_or(0)
    }

    /// PUTs so many zeros, and gives the status.
    pub(crate) async fn put_zeros(&self, path: &str, length: u64) -> u16 {
        const BLOCK: usize = 256 * 1024;
        let zeros = Bytes::from(vec![0; BLOCK]);
        let blocks = futures_util::stream::unfold(length, move |left| {
            let zeros = zeros.clone();
            async move {
                let taken = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
                let next = left - u64::try_from(taken).unwrap_or(left);
                let frame = Frame::data(zeros.slice(..taken));
                (taken > 0).then_some((Ok::<_, Infallible>(frame), next))
            }
        });
        let request = Request::put(format!("{PREFIX}{path}"))
            .header("host", self.proxy.address().to_string())
            .header("content-length", length)
            .body(StreamBody::new(blocks))
            .expect("a request");
        send(self.proxy.address(), request).await
    }

    /// POSTs a wheel as twine does, to any path of the proxy, and gives the status.
    pub(crate) async fn upload_wheel(&self, path: &str, project: &str, wheel: &Bytes) -> u16 {
        const BOUNDARY: &str = "boundary-of-a-test";
        let file = format!("{}-1.0-py3-none-any.whl", project.replace('-', "_"));
        let mut body = Vec::new();
        for (name, value) in [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", project),
            ("version", "1.0"),
            ("filetype", "bdist_wheel"),
            ("pyversion", "py3"),
            ("sha256_digest", &sha256(wheel)),
        ] {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{file}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(part.as_bytes());
        body.extend_from_slice(wheel);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let request = Request::post(path)
            .header("host", self.proxy.address().to_string())
            .header(
                "content-type",
                format!("multipart/form-data; boundary={BOUNDARY}"),
            )
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        send(self.proxy.address(), request).await
    }
}

/// Sends a request with a body, and gives the status of its answer.
async fn send<B>(address: SocketAddr, request: Request<B>) -> u16
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(address).await.expect("a connection");
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.expect("a connection");
    tokio::spawn(connection);
    let answer = within(LONGEST_UPLOAD, "an upload", sender.send_request(request)).await;
    answer.expect("an answer").status().as_u16()
}

/// A relative link on a page.
fn resolved(folder: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let mut parts: Vec<_> = folder.trim_end_matches('/').split('/').collect();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
