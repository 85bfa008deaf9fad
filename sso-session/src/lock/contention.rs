//! Many want the refresh lock at once, some die with it, and nobody ever shares it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};

use super::marker::{Held, Marker, Sight};
use super::owner::Owner;
use super::{HostGuard, LockError, RefreshLock};

const CONTENDERS: usize = 8;

/// One guard for all, as on one kernel, or one each, as where `flock` excludes nobody.
#[derive(Clone, Copy, Debug)]
enum Kernels {
    One,
    Many,
}

impl Kernels {
    fn guard_name(self, contender: u32) -> String {
        match self {
            Self::One => "refresh.guard".to_owned(),
            Self::Many => format!("refresh.guard.{contender}"),
        }
    }
}

fn put_dead_lock(folder: &Path, owner: Option<&[u8]>) {
    let path = folder.join("refresh.lock");
    fs::create_dir(&path).expect("created");
    if let Some(owner) = owner {
        crate::disk::replace(&path.join("owner.json"), owner).expect("written");
    }
}

/// All contenders conclude at the same moment that the owner is dead. Those that are late act on
/// what they saw before, as a process does that was stopped in between.
fn race_for_a_dead_lock(kernels: Kernels, owner: Option<&[u8]>) -> Vec<Held> {
    let folder = tempfile::tempdir().expect("a folder");
    put_dead_lock(folder.path(), owner);
    let barrier = Barrier::new(CONTENDERS);
    let contend = |number: u32| {
        let marker = Marker {
            state_folder: folder.path().to_owned(),
            guard_name: kernels.guard_name(number),
        };
        let dead: Sight = marker.look().expect("seen").expect("there");
        barrier.wait();
        marker.take_over(&dead).expect("no error")
    };
    std::thread::scope(|scope| {
        let contend = &contend;
        let threads: Vec<_> = (0..)
            .take(CONTENDERS)
            .map(|number| scope.spawn(move || contend(number)))
            .collect();
        let outcomes = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        outcomes.flatten().collect()
    })
}

#[test]
fn a_dead_lock_has_at_most_one_heir_in_any_race() {
    let dead = Owner::new().to_json();
    let mut inherited = 0;
    for kernels in [Kernels::One, Kernels::Many] {
        for owner in [Some(&dead[..]), Some(b""), None] {
            for _ in 0..100 {
                let heirs = race_for_a_dead_lock(kernels, owner);
                assert!(heirs.len() <= 1, "{kernels:?} {owner:?}: {heirs:?}");
                inherited += heirs.len();
            }
        }
    }
    assert!(
        inherited > 500,
        "of 600 locks only {inherited} were inherited"
    );
}

#[test]
fn a_late_conclusion_does_not_take_the_next_owners_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    put_dead_lock(folder.path(), Some(&Owner::new().to_json()));
    let path = folder.path().join("refresh.lock");
    let tombstone = |nonce: &str| folder.path().join(format!("refresh.lock.{nonce}.stale"));
    let marker = Marker {
        state_folder: folder.path().to_owned(),
        guard_name: "refresh.guard".to_owned(),
    };
    let Some(Sight::Named(dead)) = marker.look().expect("seen") else {
        panic!("there is an owner");
    };
    let heir = marker
        .take_over(&Sight::Named(dead.clone()))
        .expect("no error");
    assert!(heir.is_some());
    // Past the second look, only the rename is left.
    let late = fs::rename(&path, tombstone(&dead.nonce)).expect_err("the name is taken");
    assert_eq!(late.kind(), std::io::ErrorKind::DirectoryNotEmpty);
    drop(heir);
    assert!(!path.exists());
}

#[test]
fn an_owner_that_wakes_up_after_its_lock_was_cleared_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = Marker {
        state_folder: folder.path().to_owned(),
        guard_name: "refresh.guard".to_owned(),
    };
    let mut sleeper = marker.try_take().expect("no error").expect("free");
    let sight = marker.look().expect("seen").expect("there");
    let mut heir = marker
        .take_over(&sight)
        .expect("no error")
        .expect("an heir");
    assert!(!sleeper.beat().expect("no error"), "it has noticed");
    drop(sleeper);
    assert!(heir.beat().expect("no error"));
    assert!(marker.try_take().expect("no error").is_none());
    drop(heir);
    assert!(marker.try_take().expect("no error").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lock_without_a_sign_of_life_for_15_seconds_is_taken_over() {
    for owner in [Some(Owner::new().to_json()), Some(Vec::new()), None] {
        let folder = tempfile::tempdir().expect("a folder");
        put_dead_lock(folder.path(), owner.as_deref());
        let lock = RefreshLock::new(folder.path());
        let begin = tokio::time::Instant::now();
        // What was seen in one attempt counts in the next.
        for _ in 0..2 {
            let patience = Duration::from_secs(7);
            let error = lock.acquire(patience).await.expect_err("it may live");
            assert!(matches!(error, LockError::Held { .. }), "{error}");
        }
        let guard = lock
            .acquire(Duration::from_secs(7))
            .await
            .expect("taken over");
        assert!(begin.elapsed() >= Duration::from_secs(15));
        assert!(guard.is_still_ours());
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_beats_keeps_its_lock_and_gives_it_back_when_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let owner = RefreshLock::new(folder.path());
    let guard = owner.acquire(Duration::ZERO).await.expect("free");
    let other = RefreshLock::new(folder.path());
    let error = other
        .acquire(Duration::from_mins(2))
        .await
        .expect_err("held");
    let pid = std::process::id().to_string();
    assert!(error.to_string().contains(&pid), "{error}");
    assert!(guard.is_still_ours());
    drop(guard);
    assert!(!folder.path().join("refresh.lock").exists());
    other.acquire(Duration::ZERO).await.expect("free again");
}

#[tokio::test]
async fn a_folder_that_is_missing_or_cannot_be_written_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent");
    let missing = RefreshLock::new(&absent).acquire(Duration::ZERO).await;
    assert!(matches!(missing, Err(LockError::FolderMissing(path)) if path == absent));
    for (kind, read_only) in [
        (std::io::ErrorKind::ReadOnlyFilesystem, true),
        (std::io::ErrorKind::PermissionDenied, true),
        (std::io::ErrorKind::StorageFull, false),
    ] {
        let error = crate::disk::DiskError::at("creating", &absent)(kind.into());
        let error = LockError::creating(error);
        assert_eq!(
            matches!(error, LockError::ReadOnly(_)),
            read_only,
            "{error}"
        );
    }
}

/// Else the user's own programs could not read whose it is, let alone take it over when it is dead.
#[test]
fn a_lock_that_root_takes_in_a_users_folder_is_the_users() {
    let folder = tempfile::tempdir().expect("a folder");
    if chown(folder.path(), Some(4321), Some(4321)).is_err() {
        return; // Only root can show this.
    }
    let marker = Marker {
        state_folder: folder.path().to_owned(),
        guard_name: "refresh.guard".to_owned(),
    };
    let guard = HostGuard::try_acquire(&folder.path().join("refresh.guard"));
    drop(guard.expect("tried"));
    let mut held = marker.try_take().expect("no error").expect("free");
    let must_be_the_users = || {
        for name in ["refresh.lock", "refresh.lock/owner.json", "refresh.guard"] {
            let metadata = folder.path().join(name).metadata().expect("there");
            assert_eq!((metadata.uid(), metadata.gid()), (4321, 4321), "{name}");
        }
    };
    must_be_the_users();
    assert!(held.beat().expect("no error"));
    must_be_the_users();
}

const FOLDER: &str = "SSO_SESSION_TEST_FOLDER";
const KERNELS: &str = "SSO_SESSION_TEST_KERNELS";

/// Long enough for a busy machine, short enough for a test.
const STALE_AFTER: Duration = Duration::from_secs(2);

/// Rounds that a contender plays before it ends well.
const ROUNDS: u32 = 15;

/// One process among eight: takes the lock again and again, and at times dies with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test below, in processes of its own"]
async fn contender() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else {
        return;
    };
    let kernels = match std::env::var(KERNELS).as_deref() {
        Ok("Many") => Kernels::Many,
        _ => Kernels::One,
    };
    let pid = std::process::id();
    let lock = RefreshLock::new(&folder).hurried(STALE_AFTER, kernels.guard_name(pid));
    for round in 0..ROUNDS {
        let guard = lock.acquire(Duration::from_mins(1)).await.expect("in turn");
        // Exclusive and with its content in one step.
        if symlink(pid.to_string(), folder.join("marker")).is_err() {
            symlink("x", folder.join(format!("overlap.{pid}.{round}"))).expect("noted");
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..8))).await;
        assert!(guard.is_still_ours());
        fs::remove_file(folder.join("marker")).expect("ours");
        symlink("x", folder.join(format!("round.{pid}.{round}"))).expect("noted");
        if round == 5 && folder.join("deadly").read_link().is_ok() {
            let first = fs::remove_file(folder.join("deadly")).is_ok();
            if first {
                raise(Signal::SIGKILL).expect("killed");
            }
        }
        drop(guard);
    }
}

fn start(folder: &Path, kernels: Kernels) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args(["--exact", "lock::contention::contender", "--ignored"])
        .env(FOLDER, folder)
        .env(KERNELS, format!("{kernels:?}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

fn count(folder: &Path, prefix: &str) -> usize {
    let names = fs::read_dir(folder).expect("a folder").flatten();
    names
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .count()
}

/// Kills a process wherever it may be, and clears its marker if it died within.
fn kill(folder: &Path, child: &mut Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
    let marker = folder.join("marker");
    let pid = child.id().to_string();
    if marker
        .read_link()
        .is_ok_and(|owner| owner == Path::new(&pid))
    {
        fs::remove_file(marker).expect("removed");
    }
}

fn contend(kernels: Kernels) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    put_dead_lock(folder, Some(&Owner::new().to_json()));
    symlink("x", folder.join("deadly")).expect("written");
    let mut children: Vec<_> = (0..CONTENDERS).map(|_| start(folder, kernels)).collect();
    let (mut killed, mut finished) = (0, 0);
    let deadline = Instant::now() + Duration::from_mins(2);
    while let Some(mut child) = children.pop() {
        assert!(Instant::now() < deadline, "the contenders do not end");
        match child.try_wait().expect("asked") {
            Some(status) if status.success() => finished += 1,
            // It has killed itself while it held the lock.
            Some(status) if status.signal() == Some(9) => {
                children.insert(0, start(folder, kernels));
            }
            Some(status) => panic!("a contender failed: {status}"),
            None if killed < 3 && count(folder, "round.") > 20 * (killed + 1) => {
                kill(folder, &mut child);
                killed += 1;
                children.insert(0, start(folder, kernels));
            }
            None => {
                std::thread::sleep(Duration::from_millis(5));
                children.insert(0, child);
            }
        }
    }
    assert_eq!(count(folder, "overlap."), 0, "{kernels:?}");
    assert_eq!((finished, killed), (CONTENDERS, 3));
    assert!(
        count(folder, "deadly") == 0,
        "one has died while it held the lock"
    );
    assert!(count(folder, "round.") >= CONTENDERS * ROUNDS as usize);
    assert!(!folder.join("refresh.lock").exists());
}

#[test]
fn eight_processes_some_killed_never_hold_the_lock_at_once() {
    contend(Kernels::One);
}

#[test]
fn eight_processes_on_as_many_kernels_never_hold_the_lock_at_once() {
    contend(Kernels::Many);
}
