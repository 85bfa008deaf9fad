//! The shipped program under callgrind, told from outside when to count.
//!
//! What made counts differ from run to run, and what is done about it:
//!
//! * The number of worker threads, and who wakes whom: one worker (`TOKIO_WORKER_THREADS`).
//! * Which of two threads that wake each other is the first: both on one processor, the client, too
//!   (`benches/instructions.sh`). Without that, what is read from files varies by 3 % instead of less than 1 %.
//! * Whether the next request is there before the worker looks for it: the client waits until every thread sleeps
//!   ([`Program::settle`]), so each request finds the program asleep.
//! * What is done once a second: in one round of many, and the median leaves that out ([`crate::measure`]).
//! * `rep movsb` in glibc, which callgrind counts as an instruction a byte, from a length that depends on the
//!   machine's caches: never used (`GLIBC_TUNABLES`). What the processor can do is valgrind's word, the same on all
//!   that have AVX2: no AVX-512, no SHA.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::Outcome;
use crate::tools::Tools;

/// To read the program's debug information and to start it takes a few seconds.
const START: Duration = Duration::from_mins(2);
/// Until every thread sleeps.
const SETTLE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// For valgrind to answer, in seconds.
const COMMAND_SECONDS: u32 = 60;
const STOP: Duration = Duration::from_secs(20);

const TUNABLES: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:\
    glibc.cpu.x86_rep_stosb_threshold=0x40000000:glibc.cpu.x86_non_temporal_threshold=0x40000000";

const CREDENTIALS: &[u8] =
    b"[default]\naws_access_key_id = AKIAINSTRUCTIONS0000\naws_secret_access_key = no-secret\n";

/// Killed when dropped.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    dumps: u32,
    folder: TempDir,
}

/// What was counted between two commands.
pub(crate) struct Dump {
    pub(crate) instructions: u64,
    pub(crate) file: PathBuf,
}

impl Program {
    /// Starts it over an empty cache and waits until it listens; counting is still off.
    pub(crate) fn start(tools: &Tools, origin: SocketAddr) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(|error| format!("a scratch folder: {error}"))?;
        let child = spawn(tools, origin, folder.path())
            .map_err(|error| format!("starting bazel-proxy by setpriv and valgrind: {error}"))?;
        let mut program = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            dumps: 0,
            folder,
        };
        program.address = program.wait_for_address()?;
        Ok(program)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns counting on.
    pub(crate) fn count(&mut self) -> Outcome<()> {
        self.command("instrumentation on")
    }

    /// Begins to count anew.
    pub(crate) fn zero(&mut self) -> Outcome<()> {
        self.settle()?;
        self.command("zero")
    }

    /// What was counted since the last dump, or since [`Self::zero`].
    pub(crate) fn dump(&mut self) -> Outcome<Dump> {
        self.settle()?;
        self.command("dump")?;
        self.dumps += 1;
        let file = self.folder.path().join(format!("count.{}", self.dumps));
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("valgrind left no {}: {error}", file.display()))?;
        let total = text.lines().rev().find_map(|line| {
            let total = line.strip_prefix("totals: ")?;
            total.trim().parse().ok()
        });
        let instructions =
            total.ok_or_else(|| format!("{} has no line `totals:`", file.display()))?;
        Ok(Dump { instructions, file })
    }

    /// Waits until every thread sleeps, and none has run between two looks.
    pub(crate) fn settle(&mut self) -> Outcome<()> {
        let begun = Instant::now();
        let mut before = None;
        while begun.elapsed() < SETTLE {
            let now = self.switches_if_asleep()?;
            if now.is_some() && now == before {
                return Ok(());
            }
            before = now;
            thread::sleep(LOOK_EVERY);
        }
        Err(format!(
            "bazel-proxy has not come to rest within {} s; its log:\n{}",
            SETTLE.as_secs(),
            self.log()
        ))
    }

    /// How often threads were switched so far; `None` while one of them runs.
    fn switches_if_asleep(&mut self) -> Outcome<Option<u64>> {
        let threads = format!("/proc/{}/task", self.child.id());
        let gone = |error: std::io::Error| format!("{threads}: {error}");
        let mut switches = 0;
        for entry in fs::read_dir(&threads).map_err(gone)? {
            let status = entry.and_then(|entry| fs::read_to_string(entry.path().join("status")));
            // A thread that has just ended has run.
            let Ok(status) = status else {
                return Ok(None);
            };
            for line in status.lines() {
                match line.split_once(':') {
                    Some(("State", state)) if !state.trim().starts_with('S') => return Ok(None),
                    Some(("voluntary_ctxt_switches" | "nonvoluntary_ctxt_switches", count)) => {
                        switches += count.trim().parse::<u64>().unwrap_or(0);
                    }
                    Some(_) | None => {}
                }
            }
        }
        if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("bazel-proxy ended with {status}:\n{}", self.log()));
        }
        Ok(Some(switches))
    }

    fn command(&mut self, command: &str) -> Outcome<()> {
        let output = Command::new("vgdb")
            .arg(format!("--pid={}", self.child.id()))
            .arg(format!("--vgdb-prefix={}", prefix(self.folder.path())))
            .arg(format!("--cmd-time-out={COMMAND_SECONDS}"))
            .args(["--wait=10", "--max-invoke-ms=1"])
            .args(command.split(' '))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("vgdb: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "valgrind does not take the command `{command}`: {}\n\
             vgdb needs the right to trace a process (ptrace); in a container: --cap-add=SYS_PTRACE.",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }

    fn wait_for_address(&mut self) -> Outcome<SocketAddr> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            let log = self.log();
            let address = log.split_once(" on http://").and_then(|(_, rest)| {
                let (address, _) = rest.split_once('/')?;
                address.parse().ok()
            });
            if let Some(address) = address {
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("bazel-proxy ended with {status}:\n{log}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!(
            "bazel-proxy does not listen within {} s; its log:\n{}",
            START.as_secs(),
            self.log()
        ))
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).map(Pid::from_raw);
        let asked = pid.is_ok_and(|pid| kill(pid, Signal::SIGTERM).is_ok());
        let begun = Instant::now();
        while asked && begun.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // Both fail only where it has ended.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn spawn(tools: &Tools, origin: SocketAddr, folder: &Path) -> std::io::Result<Child> {
    let home = folder.join("home");
    fs::create_dir_all(home.join(".aws"))?;
    // Not in the environment, where AWS_PROFILE would have to be empty, and the program begin anew without callgrind.
    File::create(home.join(".aws/credentials"))?.write_all(CREDENTIALS)?;
    let log = File::create(folder.join("log"))?;
    // Ends with this process, however that ends.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "valgrind"])
        .args(["--quiet", "--tool=callgrind", "--instr-atstart=no"])
        // Layers poll layers of the same type; beyond this depth their counts would run into each other.
        .args([
            "--separate-threads=no",
            "--dump-line=no",
            "--separate-recs=12",
        ])
        .arg(format!("--vgdb-prefix={}", prefix(folder)))
        .arg(format!(
            "--callgrind-out-file={}",
            folder.join("count").display()
        ))
        .arg(&tools.program)
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("GLIBC_TUNABLES", TUNABLES)
        .env("TOKIO_WORKER_THREADS", "1")
        .env("CACHE_DIR", folder.join("cache"))
        .env("CACHE_MIN_FREE", "1MiB")
        .env("CHECK_INTERVAL", "1h")
        .env("S3_BUCKET_NAME", "artifacts")
        .env("AWS_ENDPOINT_URL", format!("http://{origin}"))
        .env("AWS_REGION", "us-west-2")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PROXY_HOST", "127.0.0.1")
        .env("PROXY_PORT", "0")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Of the pipes by which valgrind takes commands.
fn prefix(folder: &Path) -> String {
    folder.join("vgdb").display().to_string()
}
