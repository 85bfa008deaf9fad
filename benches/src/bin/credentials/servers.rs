//! The simulated AWS with short lives of role credentials, and the proxy before it, as a sidecar of containers.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tempfile::TempDir;

use crate::Told;
use crate::client::Client;

/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Both of them; ended when dropped, in this order.
pub(crate) struct Servers {
    proxy: Process,
    _aws: Process,
    address: SocketAddr,
    tokens: Vec<String>,
    _folder: TempDir,
}

struct Process(Child);

impl Servers {
    /// Starts both, and waits until each service has credentials.
    pub(crate) fn start(programs: &Path, services: u32, life: u32) -> Told<Self> {
        let folder = tempfile::tempdir().map_err(|error| format!("a scratch folder: {error}"))?;
        let life = life.to_string();
        let mut aws = program(programs, "simulated-aws", folder.path());
        aws.args(["--role-credentials-life", &life, "--folder"])
            .arg(folder.path().join("aws"))
            .stdout(Stdio::piped());
        let mut aws = Process::start(&mut aws)?;
        let variables = aws.exported()?;

        let tokens: Vec<_> = (0..services).map(token).collect();
        write(&folder.path().join("credentials.yaml"), &config(&tokens))?;
        let log = folder.path().join("log");
        let file = File::create(&log).map_err(|error| format!("a log: {error}"))?;
        let copy = file.try_clone().map_err(|error| error.to_string())?;
        let mut proxy = program(programs, "bazel-proxy", folder.path());
        proxy
            .env("HOME", folder.path())
            .env("AWS_PROFILE", "")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BAZEL_PROXY_CONFIG_FILE", "credentials.yaml")
            .envs(variables)
            .stdout(file)
            .stderr(copy);
        let mut proxy = Process::start(&mut proxy)?;
        let address = proxy.listens(&log)?;
        let servers = Self {
            proxy,
            _aws: aws,
            address,
            tokens,
            _folder: folder,
        };
        servers.wait_for_credentials()?;
        Ok(servers)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// What the proxy has used of the processors.
    pub(crate) fn processor_time(&self) -> Told<Duration> {
        let path = format!("/proc/{}/stat", self.proxy.0.id());
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // Behind the name, which may hold anything: fields 14 and 15 of proc(5).
        let (_, fields) = text.rsplit_once(')').ok_or("no name in /proc/…/stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        let a_second = u64::try_from(a_second).unwrap_or(100).max(1);
        Ok(Duration::from_millis(ticks * 1000 / a_second))
    }

    fn wait_for_credentials(&self) -> Told<()> {
        let mut client = Client::new(self.address);
        let deadline = Instant::now() + PATIENCE;
        for token in &self.tokens {
            while let Err(error) = client.ask(token) {
                if Instant::now() > deadline {
                    return Err(format!("there are no credentials: {error}"));
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }
}

fn program(programs: &Path, name: &str, folder: &Path) -> Command {
    let path = std::path::absolute(programs.join(name));
    let mut command = Command::new(path.unwrap_or_else(|_| programs.join(name)));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn token(number: u32) -> String {
    format!("token-of-service-{number}-0123456789abcdef")
}

fn config(tokens: &[String]) -> String {
    let service = |(number, token): (usize, &String)| {
        format!(
            "  service-{number}:\n    auth_token: {token}\n    assumed_role:\n      \
             RoleArn: arn:aws:iam::111122223333:role/Role{number}\n"
        )
    };
    let services: Vec<_> = tokens.iter().enumerate().map(service).collect();
    let services = services.concat();
    format!("server:\n  host: 127.0.0.1\n  port: 0\nservices:\n{services}")
}

fn write(path: &Path, text: &str) -> Told<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

impl Process {
    fn start(command: &mut Command) -> Told<Self> {
        let child = command.spawn();
        child.map(Self).map_err(|error| {
            let program = command.get_program().display();
            format!("starting {program}: {error}")
        })
    }

    /// The variables that the simulated AWS prints for a shell.
    fn exported(&mut self) -> Told<Vec<(String, String)>> {
        // Stays open: it says more, and would end if nobody could read that.
        let output = self.0.stdout.as_mut();
        let output = output.ok_or("its output is not to be had")?;
        let mut variables = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| error.to_string())?;
            let Some(variable) = line.strip_prefix("export ") else {
                break;
            };
            let parts = variable.split_once('=').ok_or("a variable without value")?;
            variables.push((parts.0.to_owned(), parts.1.to_owned()));
        }
        if variables.is_empty() {
            return Err("the simulated AWS does not start".to_owned());
        }
        Ok(variables)
    }

    /// Where the proxy says that it serves credentials.
    fn listens(&mut self, log: &Path) -> Told<SocketAddr> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let url = text.lines().find_map(|line| {
                let (_, rest) = line.split_once("serving credentials of ")?;
                let (_, url) = rest.split_once(" on http://")?;
                url.split('/').next()?.parse().ok()
            });
            if let Some(address) = url {
                return Ok(address);
            }
            let has_ended = self.0.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || Instant::now() > deadline {
                return Err(format!("the proxy does not start:\n{text}"));
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Ends it with `SIGTERM`, and waits; kills what does not listen to that.
impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _gone = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.0.try_wait() {
            if Instant::now() > deadline {
                let _gone = self.0.kill();
                let _status = self.0.wait();
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}
