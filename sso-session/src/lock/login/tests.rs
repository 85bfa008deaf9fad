//! What the lock does about each thing that may lie in its place.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Instant;

use tokio::time::advance;

use super::*;
use crate::date;
use crate::disk;
use crate::process::ProcessGroup;

/// A state folder.
struct Place {
    folder: tempfile::TempDir,
    lock: LoginLock,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = LoginLock::new(folder.path());
        Self { folder, lock }
    }

    /// The lock as another process of this host sees it, or a later one.
    fn other(&self) -> LoginLock {
        LoginLock::new(self.folder.path())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("login.lock")
    }

    fn put_foreign(&self) {
        fs::create_dir(self.path()).expect("created");
    }

    fn put(&self, owner: &Owner) {
        fs::DirBuilder::new().create(self.path()).expect("created");
        self.write(owner);
    }

    fn write(&self, owner: &Owner) {
        let path = self.path().join("owner.json");
        disk::replace(&path, &owner.to_json()).expect("written");
    }

    fn owner(&self) -> Owner {
        let owner = self.lock.folder.owner().expect("read");
        owner.expect("there")
    }
}

fn ours(acquired: Result<Acquired, LockError>) -> LoginGuard {
    match acquired {
        Ok(Acquired::Ours(guard)) => guard,
        other => panic!("{other:?}"),
    }
}

fn busy(acquired: Result<Acquired, LockError>) -> Holder {
    match acquired {
        Ok(Acquired::Busy(holder)) => holder,
        other => panic!("{other:?}"),
    }
}

fn remote() -> Owner {
    Owner {
        host: "another-host".to_owned(),
        boot: "5ca1ab1e-0000-4000-8000-000000000000".to_owned(),
        ..Owner::new()
    }
}

/// A login that runs until it is ended.
fn login() -> (Child, RunningLogin) {
    let child = Command::new("sleep").arg("300").process_group(0).spawn();
    let child = child.expect("started");
    let login = RunningLogin {
        group: ProcessGroup::of_leader(child.id()),
        profile: "dev".to_owned(),
        token_before: Some("86f7e437faa5a7fc".to_owned()),
        deadline: date::from_epoch_seconds(1_767_323_225),
    };
    (child, login)
}

fn end(mut child: Child, login: &RunningLogin) {
    assert!(login.group.end(Duration::from_secs(10)));
    child.wait().expect("ended");
}

#[test]
fn one_has_it_and_gives_it_back() {
    let place = Place::new();
    assert_eq!(place.lock.look().expect("seen"), None);
    let guard = ours(place.lock.try_acquire());
    assert!(guard.is_still_ours());
    assert_eq!(guard.path(), place.path());
    let mode = |path: PathBuf| path.metadata().expect("there").mode() & 0o7777;
    assert_eq!(mode(place.path()), 0o700);
    assert_eq!(mode(place.path().join("owner.json")), 0o600);
    let holder = busy(place.other().try_acquire());
    assert_eq!(place.other().look().expect("seen"), Some(holder.clone()));
    let text = holder.to_string();
    let us = format!("process {} on ", std::process::id());
    assert!(
        text.starts_with(&us) && text.contains(", since 2"),
        "{text}"
    );
    assert!(!holder.is_gone);
    drop(guard);
    assert!(!place.path().exists());
    drop(ours(place.other().try_acquire()));
}

#[test]
fn a_missing_state_folder_and_a_file_in_the_way_are_told() {
    let place = Place::new();
    let absent = place.folder.path().join("absent");
    let lock = LoginLock::new(&absent);
    let missing = lock.try_acquire();
    assert!(matches!(missing, Err(LockError::FolderMissing(path)) if path == absent));
    assert_eq!(lock.look().expect("seen"), None);
    assert_eq!(lock.clear_dead().expect("tried"), Cleared::NothingThere);
    disk::replace(&place.path(), b"x").expect("written");
    let path = place.path().display().to_string();
    for error in [
        place.lock.try_acquire().expect_err("in the way"),
        place.lock.look().expect_err("in the way"),
        place.lock.clear_dead().expect_err("in the way"),
    ] {
        assert!(error.to_string().contains(&format!("rm {path}")), "{error}");
    }
    assert!(place.path().is_file());
}

#[tokio::test(start_paused = true)]
async fn a_foreign_tools_lock_counts_until_nothing_happened_for_a_quarter_of_an_hour() {
    let place = Place::new();
    place.put_foreign();
    for _ in 0..2 {
        for _ in 0..14 {
            let holder = busy(place.lock.try_acquire());
            assert!(
                holder
                    .to_string()
                    .starts_with("a program that gives no name")
            );
            assert!(!holder.is_gone);
            advance(Duration::from_mins(1)).await;
        }
        // It is taken anew.
        fs::remove_dir(place.path()).expect("removed");
        place.put_foreign();
        fs::File::open(place.path())
            .and_then(|folder| folder.set_modified(std::time::UNIX_EPOCH))
            .expect("dated");
    }
    fs::create_dir(place.path().join("pid")).expect("written");
    fs::remove_dir(place.path().join("pid")).expect("removed");
    busy(place.lock.try_acquire());
    let inode = place.path().metadata().expect("there").ino();
    advance(Duration::from_mins(15)).await;
    let guard = ours(place.lock.try_acquire());
    assert_eq!(place.path().metadata().expect("there").ino(), inode);
    drop(guard);
    assert!(!place.path().exists());
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_foreign_tool_left_in_its_lock_goes_with_it() {
    let place = Place::new();
    place.put_foreign();
    disk::replace(&place.path().join("pid"), b"4711").expect("written");
    disk::replace(&place.path().join("owner.json"), b"{}").expect("written");
    busy(place.lock.try_acquire());
    advance(Duration::from_mins(15)).await;
    drop(ours(place.lock.try_acquire()));
    assert!(!place.path().exists());
}

#[tokio::test(start_paused = true)]
async fn another_hosts_owner_is_dead_after_a_minute_without_a_heartbeat() {
    let place = Place::new();
    let mut owner = remote();
    place.put(&owner);
    for heartbeat in 1..4 {
        busy(place.lock.try_acquire());
        advance(Duration::from_secs(59)).await;
        let holder = busy(place.lock.try_acquire());
        assert!(holder.to_string().contains("on another-host"), "{holder}");
        owner.heartbeat = heartbeat;
        place.write(&owner);
    }
    busy(place.lock.try_acquire());
    advance(Duration::from_mins(1)).await;
    drop(ours(place.lock.try_acquire()));
    assert!(!place.path().exists());
}

#[test]
fn a_dead_owner_of_this_host_is_succeeded_at_once_and_without_a_gap() {
    let here = Owner::new();
    let reused = Owner {
        started: Some("1".to_owned()),
        ..Owner::new()
    };
    let rebooted = Owner {
        boot: "5ca1ab1e-0000-4000-8000-000000000000".to_owned(),
        ..Owner::new()
    };
    let ended = Owner {
        pid: u32::MAX,
        ..Owner::new()
    };
    let moved = Owner {
        host: "another-network".to_owned(),
        ..Owner::new()
    };
    for dead in [here, reused, rebooted, ended, moved] {
        let place = Place::new();
        place.put(&dead);
        let inode = place.path().metadata().expect("there").ino();
        let guard = ours(place.lock.try_acquire());
        assert_eq!(place.path().metadata().expect("there").ino(), inode);
        assert_ne!(place.owner().nonce, dead.nonce);
        drop(guard);
        assert!(!place.path().exists());
    }
}

#[test]
fn one_that_was_killed_half_way_makes_nobody_wait() {
    for leftover in [None, Some(".owner.nobody")] {
        let place = Place::new();
        assert!(place.lock.folder.make().expect("made"));
        if let Some(name) = leftover {
            let half = &Owner::new().to_json()[..20];
            disk::replace(&place.path().join(name), half).expect("written");
        }
        let holder = place.lock.look().expect("seen").expect("there");
        assert!(holder.is_gone, "{holder}");
        drop(ours(place.lock.try_acquire()));
        assert!(!place.path().exists());
    }
    let place = Place::new();
    let dead = Owner::new();
    place.put(&dead);
    let beating = place.path().join(format!(".owner.{}", dead.nonce));
    disk::replace(&beating, b"").expect("written");
    drop(ours(place.lock.try_acquire()));
    assert!(!place.path().exists());
}

#[test]
fn a_login_that_outlives_its_owner_is_found_again_and_again() {
    let place = Place::new();
    let (child, login) = login();
    let mut guard = ours(place.lock.try_acquire());
    // A deadline is no whole second, unlike what the file holds of it.
    let mut noted = login.clone();
    noted.deadline = noted.deadline.map(|end| end + Duration::from_millis(500));
    guard.began(noted).expect("noted");
    assert_eq!(place.owner().login.as_ref(), Some(&login));
    let profile = place.lock.look().expect("seen").expect("there").profile;
    assert_eq!(profile.as_deref(), Some("dev"));
    for _ in 0..2 {
        // As if it was killed.
        drop(guard);
        assert!(place.path().exists());
        let cleared = place.other().clear_dead().expect("tried");
        assert!(matches!(cleared, Cleared::InUse(_)), "{cleared:?}");
        guard = match place.other().try_acquire() {
            Ok(Acquired::Orphan(guard, found)) => {
                assert_eq!(found, login);
                guard
            }
            other => panic!("{other:?}"),
        };
    }
    end(child, &login);
    guard.ended().expect("noted");
    assert_eq!(place.owner().login, None);
    drop(guard);
    assert!(!place.path().exists());
}

#[test]
fn a_login_that_has_ended_is_no_orphan() {
    let place = Place::new();
    let (child, login) = login();
    let dead = Owner {
        login: Some(login.clone()),
        ..Owner::new()
    };
    end(child, &login);
    place.put(&dead);
    drop(ours(place.lock.try_acquire()));
}

#[test]
fn an_owner_beats_and_a_lock_that_was_removed_is_lost() {
    let place = Place::new();
    let hurried = place.other().hurried(Duration::from_millis(1));
    let mut guard = ours(hurried.try_acquire());
    let before = place.owner();
    let deadline = Instant::now() + Duration::from_secs(20);
    while place.owner().heartbeat < 3 {
        assert!(Instant::now() < deadline, "it does not beat");
    }
    assert_eq!(place.owner().nonce, before.nonce);
    assert_eq!(place.owner().since, before.since);
    assert!(guard.is_still_ours());
    while fs::remove_dir_all(place.path()).is_err() {
        assert!(Instant::now() < deadline, "it beats all the time");
    }
    assert!(!guard.is_still_ours());
    place.put_foreign();
    let (child, login) = login();
    let lost = guard.began(login.clone());
    assert!(matches!(lost, Err(LockError::Lost(_))), "{lost:?}");
    end(child, &login);
    drop(guard);
    assert!(place.path().exists(), "it is another program's");
}

#[test]
fn clearing_removes_what_nobody_uses() {
    let place = Place::new();
    let lock = place.other().hurried(Duration::from_millis(50));
    assert_eq!(lock.clear_dead().expect("tried"), Cleared::NothingThere);
    for owner in [None, Some(Owner::new()), Some(remote())] {
        match owner {
            Some(owner) => place.put(&owner),
            None => place.put_foreign(),
        }
        assert_eq!(lock.clear_dead().expect("tried"), Cleared::Removed);
        assert!(!place.path().exists());
    }
    assert!(place.lock.folder.make().expect("made"));
    assert_eq!(lock.clear_dead().expect("tried"), Cleared::Removed);
}

#[test]
fn clearing_disturbs_no_login() {
    let place = Place::new();
    let guard = ours(place.lock.try_acquire());
    let cleared = place.other().clear_dead().expect("tried");
    assert!(matches!(cleared, Cleared::InUse(holder) if !holder.is_gone));
    assert!(guard.is_still_ours());
    drop(guard);
    // Nor one on another host.
    let owner = remote();
    place.put(&owner);
    let lock = place.other().hurried(Duration::from_secs(10));
    let clearing = std::thread::spawn(move || lock.clear_dead().expect("tried"));
    let mut beat = owner;
    while !clearing.is_finished() {
        beat.heartbeat += 1;
        place.write(&beat);
    }
    let cleared = clearing.join().expect("no panic");
    assert!(matches!(cleared, Cleared::InUse(_)), "{cleared:?}");
    assert_eq!(place.owner().nonce, beat.nonce);
}

/// Else the user's own agent could not take it over when it is dead.
#[test]
fn a_lock_that_root_takes_in_a_users_folder_is_the_users() {
    let place = Place::new();
    if chown(place.folder.path(), Some(4321), Some(4321)).is_err() {
        return; // Only root can show this.
    }
    let guard = ours(place.lock.try_acquire());
    for name in ["login.lock", "login.lock/owner.json", "login.guard"] {
        let metadata = place.folder.path().join(name).metadata().expect("there");
        assert_eq!((metadata.uid(), metadata.gid()), (4321, 4321), "{name}");
    }
    drop(guard);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    let read_only = fs::Permissions::from_mode(0o500);
    fs::set_permissions(place.folder.path(), read_only).expect("set");
    if fs::File::create(place.folder.path().join("x")).is_ok() {
        return; // Root may write everywhere.
    }
    let outcome = place.lock.try_acquire();
    assert!(
        matches!(outcome, Err(LockError::ReadOnly(_))),
        "{outcome:?}"
    );
}
