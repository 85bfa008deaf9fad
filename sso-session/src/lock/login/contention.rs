//! Many processes want the login lock at once, some are killed with it, and nobody ever shares it.

use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use super::folder::{Folder, Sight};
use super::owner::Owner;
use super::{Acquired, LoginGuard, LoginLock, RunningLogin};
use crate::disk;
use crate::process::ProcessGroup;

const CONTENDERS: usize = 8;
const ROUNDS: usize = 400;

const FOLDER: &str = "SSO_SESSION_TEST_LOGIN_FOLDER";

/// What was left of a lock, in turn.
fn put_stale_lock(state_folder: &Path, round: usize) {
    let path = state_folder.join("login.lock");
    let dead = Owner::new();
    let put = |name: &str, bytes: &[u8]| {
        disk::replace(&path.join(name), bytes).expect("written");
    };
    match round % 4 {
        0 => put("owner.json", &dead.to_json()),
        1 => {
            put("owner.json", &dead.to_json());
            put(&format!(".owner.{}", dead.nonce), b"");
        }
        2 => assert!(Folder::new(path).make().expect("made")),
        _ => {
            assert!(Folder::new(path.clone()).make().expect("made"));
            put(".owner.nobody", &dead.to_json());
        }
    }
}

/// A process that does what it is told on its standard input.
struct Contender {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Contender {
    fn start(folder: &Path, role: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let test = format!("lock::login::contention::{role}");
        let mut child = Command::new(program)
            .args(["--exact", &test, "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            orders,
            answers,
        }
    }

    fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("told");
    }

    /// The next answer that is one of these; the test harness has words of its own.
    fn hear<'a>(&mut self, expected: &[&'a str]) -> &'a str {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.answers.read_line(&mut line).expect("read");
            assert!(length > 0, "the contender has ended");
            let mut expected = expected.iter();
            if let Some(answer) = expected.find(|answer| line.trim_end().ends_with(**answer)) {
                return answer;
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn say(word: &str) {
    let mut stdout = stdout();
    writeln!(stdout, "{word}").expect("said");
    stdout.flush().expect("said");
}

fn folder() -> Option<PathBuf> {
    std::env::var(FOLDER).ok().map(PathBuf::from)
}

#[test]
#[ignore = "started by the test below, in processes of its own"]
fn contender() {
    let Some(folder) = folder() else { return };
    let lock = LoginLock::new(folder);
    let mut held: Option<LoginGuard> = None;
    say("ready");
    for order in stdin().lines() {
        if order.expect("read") == "drop" {
            drop(held.take());
            say("dropped");
            continue;
        }
        match lock.try_acquire().expect("tried") {
            Acquired::Ours(guard) => {
                held = Some(guard);
                say("won");
            }
            Acquired::Busy(_) => say("busy"),
            Acquired::Orphan(..) => say("orphan"),
        }
    }
}

#[test]
fn eight_processes_on_a_stale_lock_have_one_winner_in_each_of_400_rounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Contender::start(folder.path(), "contender");
    let mut contenders: Vec<_> = (0..CONTENDERS).map(|_| start()).collect();
    for contender in &mut contenders {
        contender.hear(&["ready"]);
    }
    for round in 0..ROUNDS {
        // Every tenth round, the lock is that of the winner before, who was killed.
        if !folder.path().join("login.lock").exists() {
            put_stale_lock(folder.path(), round);
        }
        for contender in &mut contenders {
            contender.tell("try");
        }
        let mut winners = Vec::new();
        for (number, contender) in contenders.iter_mut().enumerate() {
            match contender.hear(&["won", "busy", "orphan"]) {
                "won" => winners.push(number),
                answer => assert_eq!(answer, "busy", "round {round}"),
            }
        }
        let [winner] = winners[..] else {
            panic!("round {round} was won by {winners:?}");
        };
        if round % 10 == 9 {
            contenders[winner].kill();
            contenders[winner] = start();
            contenders[winner].hear(&["ready"]);
        } else {
            contenders[winner].tell("drop");
            contenders[winner].hear(&["dropped"]);
        }
    }
}

/// Takes the lock and gives it back, with a login in between, as fast as it can.
#[test]
#[ignore = "started by the test below, in processes of its own"]
fn restless() {
    let Some(folder) = folder() else { return };
    let lock = LoginLock::new(folder).hurried(Duration::from_millis(1));
    let nothing = RunningLogin {
        group: ProcessGroup {
            id: i32::MAX,
            leader_started: None,
            boot: String::new(),
        },
        profile: "dev".to_owned(),
        token_before: None,
        deadline: None,
    };
    say("ready");
    loop {
        if let Acquired::Ours(mut guard) = lock.try_acquire().expect("tried") {
            guard.began(nothing.clone()).expect("noted");
            guard.ended().expect("noted");
        }
    }
}

#[test]
fn whenever_its_owner_is_killed_the_lock_is_had_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let lock = LoginLock::new(folder.path());
    for _ in 0..60 {
        let mut restless = Contender::start(folder.path(), "restless");
        restless.hear(&["ready"]);
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..15_000)));
        restless.kill();
        match lock.try_acquire().expect("tried") {
            Acquired::Ours(guard) => drop(guard),
            other @ (Acquired::Orphan(..) | Acquired::Busy(_)) => panic!("{other:?}"),
        }
        assert!(!folder.path().join("login.lock").exists());
    }
}

/// Takes the lock, begins a login that never ends, and waits for its own end.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn patient() {
    let Some(folder) = folder() else { return };
    let Acquired::Ours(mut guard) = LoginLock::new(folder).try_acquire().expect("tried") else {
        return;
    };
    let child = Command::new("sleep").arg("300").process_group(0).spawn();
    let login = RunningLogin {
        group: ProcessGroup::of_leader(child.expect("started").id()),
        profile: "dev".to_owned(),
        token_before: None,
        deadline: None,
    };
    guard.began(login).expect("noted");
    say("began");
    for line in stdin().lines() {
        line.expect("read");
    }
}

#[test]
fn the_login_of_a_killed_process_is_found_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut patient = Contender::start(folder.path(), "patient");
    patient.hear(&["began"]);
    let lock = LoginLock::new(folder.path());
    assert!(matches!(lock.try_acquire(), Ok(Acquired::Busy(_))));
    patient.kill();
    let holder = lock.look().expect("seen").expect("there");
    assert!(holder.is_gone, "{holder}");
    let Ok(Acquired::Orphan(mut guard, login)) = lock.try_acquire() else {
        panic!("its login lives");
    };
    assert_eq!(login.profile, "dev");
    assert!(login.group.is_alive());
    assert!(login.group.end(Duration::from_secs(10)));
    guard.ended().expect("noted");
    drop(guard);
    assert_eq!(lock.look().expect("seen"), None);
}

/// Where `flock` excludes nobody, as on some shared homes, the folder alone has to decide.
#[test]
fn without_the_guard_a_dead_owner_still_has_at_most_one_heir() {
    let mut inherited = 0;
    for round in 0..200 {
        let folder = tempfile::tempdir().expect("a folder");
        put_stale_lock(folder.path(), round);
        let lock = Folder::new(folder.path().join("login.lock"));
        let seen = lock.look().expect("seen");
        let dead = match &seen {
            Some(Sight::Owned(owner)) => Some(&**owner),
            Some(Sight::Nobodys | Sight::Nameless { .. }) | None => None,
        };
        let barrier = Barrier::new(CONTENDERS);
        let contend = || {
            barrier.wait();
            lock.hand_over(dead, &mut Owner::new()).expect("no error")
        };
        let heirs = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONTENDERS).map(|_| scope.spawn(contend)).collect();
            let outcomes = threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"));
            outcomes.filter(|inherited| *inherited).count()
        });
        assert!(heirs <= 1, "round {round} has {heirs} heirs");
        inherited += heirs;
    }
    // In a crowd they may all lose to each other, and try again later.
    assert!(inherited > 0, "nobody ever inherited");
}
