//! A headless Chromium, driven as `WebDriver` has it <https://www.w3.org/TR/webdriver2/>.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::wait::{eventually, within};

const FLAGS: [&str; 13] = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    // A hidden window would be slowed down, and nobody looks at these.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];
/// One command, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);
/// To end a browser.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// How often chromedriver may meet somebody else on its port.
const ATTEMPTS: u32 = 8;

/// A browser with one window; ended when dropped.
#[derive(Debug)]
pub struct Chromium {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// Removed with the browser.
    profile: TempDir,
}

impl Chromium {
    /// Starts a browser that nobody has used before.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let (driver, port) = driver().await;
        let profile = tempfile::tempdir().expect("a folder");
        let mut this = Self {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            profile,
        };
        let folder = format!("--user-data-dir={}", this.profile.path().display());
        let flags: Vec<_> = FLAGS.iter().copied().chain([folder.as_str()]).collect();
        let options = json!({ "args": flags, "binary": "/usr/bin/chromium" });
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let made = this.call("POST", "/session", Some(wanted)).await;
        this.session
            .push_str(made["sessionId"].as_str().expect("a session"));
        this
    }

    /// Opens a page, and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.command("url", json!({ "url": url })).await;
    }

    /// What a script returns, a promise's value included. It is not subject to the page's policy.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        self.command(
            "execute/sync",
            json!({ "script": script, "args": arguments }),
        )
        .await
    }

    /// Waits until a script returns true.
    ///
    /// # Panics
    /// If it does not.
    pub async fn until(&self, what: &str, script: &str) {
        eventually(what, async || {
            self.run(script, json!([])).await == Value::Bool(true)
        })
        .await;
    }

    /// A command of the `DevTools` protocol.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.command(
            "goog/cdp/execute",
            json!({ "cmd": name, "params": parameters }),
        )
        .await
    }

    /// Light or dark, and so wide.
    pub async fn look_as(&self, scheme: &str, width: u32, height: u32) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Puts the window away, so that nobody sees the page.
    pub async fn hide(&self) {
        self.command("window/minimize", json!({})).await;
    }

    /// Brings the window back.
    pub async fn show(&self) {
        let size = json!({ "width": 1280, "height": 800 });
        self.command("window/rect", size).await;
    }

    /// Presses keys, one after the other, as a person does: `\u{e004}` is Tab.
    pub async fn press(&self, keys: &str) {
        let presses = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let presses: Vec<_> = presses.collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": presses });
        self.command("actions", json!({ "actions": [keyboard] }))
            .await;
    }

    /// What the console has said since it was asked last: errors, warnings, breaches of the policy.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().expect("entries").clone();
        entries
            .iter()
            .map(|entry| format!("{}: {}", entry["level"], entry["message"]))
            .collect()
    }

    /// Everything that the page shows, as a PNG.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn screenshot(&self, file: &Path) {
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.devtools("Page.captureScreenshot", parameters).await;
        let image = taken["data"].as_str().expect("an image");
        let image = STANDARD.decode(image).expect("base64");
        #[expect(clippy::disallowed_methods, reason = "a picture for people")]
        std::fs::write(file, image).expect("written");
    }

    async fn command(&self, name: &str, body: Value) -> Value {
        let path = format!("/session/{}/{name}", self.session);
        self.call("POST", &path, Some(body)).await
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let asked = async {
            let stream = TcpStream::connect(self.address).await.expect("a driver");
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
            tokio::spawn(connection);
            let request = Request::builder().method(method).uri(path);
            let request = request.header("host", self.address.to_string());
            let request = request.body(Full::new(Bytes::from(body)));
            let answer = sender.send_request(request.expect("a request")).await;
            let answer = answer.expect("an answer").into_body().collect().await;
            answer.expect("a whole answer").to_bytes()
        };
        let answer = within(PATIENCE, path, asked).await;
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{path}: {value:#}");
        value
    }
}

impl Chromium {
    /// Ends the window, and so the browser. The driver does not when it is ended itself.
    fn quit(&self) -> std::io::Result<()> {
        let mut stream = std::net::TcpStream::connect_timeout(&self.address, LAST_PATIENCE)?;
        stream.set_read_timeout(Some(LAST_PATIENCE))?;
        let (session, address) = (&self.session, self.address);
        let request = format!(
            "DELETE /session/{session} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        stream.read(&mut [0; 512]).map(drop)
    }

    /// The folder of its profile, which no other browser has.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.profile.path().to_owned()
    }

    /// The processes that run for this profile: their command lines name it.
    #[must_use]
    pub fn processes_of(profile: &Path) -> Vec<Pid> {
        let profile = profile.as_os_str().as_encoded_bytes();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_of_it = |number: &i32| {
            let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            line.windows(profile.len()).any(|part| part == profile)
        };
        numbers.filter(is_of_it).map(Pid::from_raw).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _quit = self.quit();
        }
        let pid = i32::try_from(self.driver.id()).expect("a process id");
        let _ended = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _status = self.driver.wait();
        // One that has not started to its end, or hangs.
        for process in Self::processes_of(self.profile.path()) {
            let _ended = kill(process, Signal::SIGKILL);
        }
    }
}

/// A chromedriver, and the port that it listens on.
///
/// It takes a port that is free for IPv4 and then asks for the same one with IPv6, which another
/// program may hold (on a machine full of tests it happens); then it says so and exits.
async fn driver() -> (Child, u16) {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let mut driver = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let output = BufReader::new(driver.stdout.take().expect("its output"));
        match port(output).await {
            Ok(port) => return (driver, port),
            Err(lines) => said = lines,
        }
        let _reaped = driver.wait();
    }
    panic!("chromedriver found no port in {ATTEMPTS} attempts; the last one said:\n{said}");
}

/// The port that chromedriver says it has, or all that it said instead.
async fn port(said: impl BufRead + Send + 'static) -> Result<u16, String> {
    let found = tokio::task::spawn_blocking(move || {
        let mut lines = said.lines().map_while(Result::ok);
        let mut before = String::new();
        let port = lines.find_map(|line| {
            let port = line
                .split_once("started successfully on port ")
                .and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            before.push_str(&line);
            before.push('\n');
            port
        });
        // What it says later must find somebody who reads.
        std::thread::spawn(move || lines.for_each(drop));
        port.ok_or(before)
    });
    let found = within(PATIENCE, "chromedriver", found).await;
    found.expect("read")
}
