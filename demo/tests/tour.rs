//! The demo as a newcomer runs it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than any step takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn demo(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(arguments)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null());
    command
}

/// What it said, with its lines unwrapped.
fn text(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().expect("a folder").next().is_none()
}

#[test]
fn the_tour_ends_well_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let output = demo(&["--once"], temporary.path()).output().expect("runs");
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for line in [
        "✓ AWS renewed the session's token × 1, and nobody was asked to log in",
        "✓ AWS renewed that session's token × 1",
        "✓ no browser was opened, and nobody was asked",
        "✓ S3 was asked once: GetObject × 1",
        "Cache-Status: hit",
        "✓ S3 was asked once for all of them: GetObject × 1",
        "com/example/atlas/1.0/atlas-1.0.jar",
        "files, and its 4 downloads wait at the proxy",
        "\"code\": \"InvalidGrantException\"",
        "✓ 503 with Retry-After: 5",
        "aws sso login --profile demo",
        "/device?user_code=",
        "next complete the sign-in in your browser",
        "the build goes on; 4 of its files say Cache-Status: …; held",
        "with 12 of its 12 files, byte for byte",
        "✓ the host is told that it is over",
        "✓ it was one login: sign-ins begun × 1; and its lock is free",
        "`sso-watcher status` exits 0, and says what comes next: nothing to do",
        "Cache-Status: hit; detail=stale",
        "curl http://127.0.0.1:",
        "✓ 12 of 12 steps did what they say",
    ] {
        assert!(text.contains(line), "{line:?} is missing:\n{text}");
    }
    assert!(!text.contains('✗'), "{text}");
    assert!(!text.contains('\x1b'), "colours in a pipe:\n{text}");
    assert!(is_empty(temporary.path()), "files were left behind");
}

#[test]
fn a_claim_that_does_not_hold_is_shown_and_exits_1() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut command = demo(&["--once", "--sabotage"], temporary.path());
    let output = command.output().expect("runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("✗ 0 of 20 clients"), "{text}");
    assert!(text.contains("with 11 of its 12 files"), "{text}");
    assert!(text.contains("✗ only 8 of 12 steps"), "{text}");
    // The steps after it were shown all the same.
    assert!(text.contains("Cache-Status: hit; detail=stale"), "{text}");
}

#[test]
fn it_serves_after_the_tour_until_it_is_interrupted() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(temporary.path());
    running.until("Serving until Ctrl-C");
    let programs = running.processes();
    assert!(programs.iter().all(|program| is_running(*program)));
    let (address, bucket) = (running.word_after("proxy"), running.word_after("bucket"));
    put(&Path::new(&bucket).join("note.txt"), "a note");
    assert!(get(&address, "note.txt").ends_with("\r\n\r\na note"));
    running.until("S3: GetObject note.txt → 200");
    running.signal(Signal::SIGINT);
    assert!(running.child.wait().expect("ends").success());
    running.until("Stopped");
    assert!(!programs.into_iter().any(is_running), "left behind");
    assert!(is_empty(temporary.path()), "files were left behind");
}

#[test]
fn whoever_wants_to_signs_in_during_the_tour() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut running = Running::start_with(&["--once", "--click"], temporary.path());
    let page = running.until("/device?user_code=");
    running.until("Your turn");
    assert!(click(page.trim()).contains("Access allowed"));
    running.until("✓ you have signed in");
    running.until("✓ 12 of 12 steps");
    assert!(running.child.wait().expect("ends").success());
}

#[test]
fn a_session_that_is_ended_by_hand_waits_for_a_click() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(temporary.path());
    running.until("kill -USR1");
    let (address, bucket) = (running.word_after("proxy"), running.word_after("bucket"));
    running.signal(Signal::SIGUSR1);
    running.until("the SSO session has ended");
    put(&Path::new(&bucket).join("note.txt"), "a note");
    let waiting = std::thread::spawn(move || get(&address, "note.txt"));
    let page = running.until("/device?user_code=");
    assert!(!waiting.is_finished());
    assert!(click(page.trim()).contains("Access allowed"));
    running.until("somebody signed in");
    let answer = waiting.join().expect("an answer");
    assert!(answer.ends_with("\r\n\r\na note"), "{answer}");
    assert!(answer.contains("; held"), "{answer}");
}

#[test]
fn an_interruption_of_the_tour_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(temporary.path());
    running.until("/readyz");
    let programs = running.processes();
    running.signal(Signal::SIGINT);
    assert_eq!(running.child.wait().expect("ends").code(), Some(130));
    assert!(!programs.into_iter().any(is_running), "left behind");
    assert!(is_empty(temporary.path()), "files were left behind");
}

#[test]
fn even_a_killed_demo_takes_its_programs_along() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(temporary.path());
    running.until("/readyz");
    let programs = running.processes();
    running.child.kill().expect("killed");
    running.child.wait().expect("reaped");
    let deadline = Instant::now() + Duration::from_secs(10);
    while programs.iter().any(|program| is_running(*program)) {
        assert!(Instant::now() < deadline, "a program was left behind");
        std::thread::yield_now();
    }
}

#[test]
fn a_port_that_is_taken_is_said_and_exits_1() {
    let temporary = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let mut command = demo(&["--once", "--port", &port], temporary.path());
    let output = command.output().expect("runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains('✗') && text.contains(&port), "{text}");
    assert!(is_empty(temporary.path()), "files were left behind");
}

#[test]
fn help_is_for_newcomers_and_wrong_usage_is_64() {
    let temporary = tempfile::tempdir().expect("a folder");
    let help = demo(&["--help"], temporary.path()).output().expect("runs");
    assert!(help.status.success());
    let text = text(&help);
    assert!(text.contains("--once") && text.contains("Ctrl-C"), "{text}");
    let wrong = demo(&["--onze"], temporary.path()).output().expect("runs");
    assert_eq!(wrong.status.code(), Some(64));
}

fn is_running(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

fn put(path: &Path, content: &str) {
    let mut file = File::create(path).expect("a file");
    file.write_all(content.as_bytes()).expect("written");
}

/// The whole answer to a GET, as text; `base` is a URL.
fn get(base: &str, key: &str) -> String {
    let address = base.trim_start_matches("http://").trim_end_matches('/');
    ask(
        address,
        &format!("GET /{key} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
}

/// The answer to a click on "Allow access" on the page at this URL.
fn click(page: &str) -> String {
    let page = page.trim_start_matches("http://");
    let (address, path) = page.split_once('/').expect("a path");
    let form = "decision=allow";
    ask(
        address,
        &format!(
            "POST /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    )
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// A demo without `--once`, and what it has said so far.
struct Running {
    child: Child,
    lines: Receiver<String>,
    shown: Vec<String>,
}

impl Running {
    fn start(temporary: &Path) -> Self {
        Self::start_with(&[], temporary)
    }

    fn start_with(arguments: &[&str], temporary: &Path) -> Self {
        let mut command = demo(arguments, temporary);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            child,
            lines,
            shown: Vec::new(),
        }
    }

    /// Reads on until a line contains this, and returns the line.
    fn until(&mut self, text: &str) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let found = line.contains(text);
            self.shown.push(line.clone());
            if found {
                return line;
            }
        }
        panic!("{text:?} is missing:\n{}", self.shown.join("\n"));
    }

    /// What stands right of this word, where a line begins with it.
    fn word_after(&self, first: &str) -> String {
        let mut lines = self.shown.iter().map(|line| line.split_whitespace());
        let found = lines.find_map(|mut words| {
            let two = (words.next()?, words.next()?, words.next());
            (two.0 == first && two.2.is_none()).then(|| two.1.to_owned())
        });
        found.expect("the word is there")
    }

    /// The proxy and the watcher, as they are named.
    fn processes(&self) -> [i32; 2] {
        let shown = self.shown.join(" ");
        let mut named = shown.split("(process ").skip(1).map(|after| {
            let (number, _) = after.split_once(')').expect("a number");
            number.trim().parse().expect("a number")
        });
        [(); 2].map(|()| named.next().expect("it is named"))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("signalled");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended, or ended now.
        let _outcome = self.child.kill();
        let _outcome = self.child.wait();
    }
}
