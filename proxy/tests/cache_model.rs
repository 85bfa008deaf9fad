//! The cache against a model: whatever happens to it, in whatever order, it never gives a wrong
//! byte, never forgets without a reason, and never occupies more than its limit.

use std::collections::HashMap;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bazel_proxy::cache::{Cache, CacheFolder, CacheKey, Hit, HitBody, Limits, Staged};
use bazel_proxy::checksum::{Expected, Hasher, Verified};
use bazel_proxy::object::ObjectAttributes;
use proptest::prelude::*;

const KEYS: usize = 5;

/// What an object holds; its bytes follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    length: usize,
    seed: u8,
}

impl Content {
    fn bytes(self) -> Vec<u8> {
        let mut state = u32::from(self.seed).wrapping_mul(2_654_435_761) | 1;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .take(self.length)
        .collect()
    }

    fn attributes(self) -> ObjectAttributes {
        ObjectAttributes {
            length: self.length as u64,
            etag: Some(format!("\"{}-{}\"", self.length, self.seed)),
            last_modified: None,
            content_type: None,
            content_encoding: None,
        }
    }

    fn verified(self) -> Verified {
        let mut hasher = Hasher::new(Expected {
            length: self.length as u64,
            checksums: Vec::new(),
        });
        hasher.update(&self.bytes());
        hasher.finish().expect("as long as it says")
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index),
    Cut(prop::sample::Index),
    Garbage(Vec<u8>),
    Folder,
    CopyOf(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Begin(usize, Content),
    Append(prop::sample::Index),
    Commit(prop::sample::Index),
    Abandon(prop::sample::Index),
    Store(usize, Content),
    Lookup(usize),
    Hold(usize),
    ReadHeld(prop::sample::Index),
    Confirm(usize),
    Remove(usize),
    Damage(usize, Damage),
    Reopen,
}

fn content() -> impl Strategy<Value = Content> {
    let length = prop_oneof![
        Just(0),
        1..5_000_usize,
        65_000..66_000_usize,
        120_000..200_000_usize
    ];
    (length, any::<u8>()).prop_map(|(length, seed)| Content { length, seed })
}

fn step() -> impl Strategy<Value = Step> {
    let damage = prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Damage::Flip),
        2 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 0..3000).prop_map(Damage::Garbage),
        1 => Just(Damage::Folder),
        1 => (0..KEYS).prop_map(Damage::CopyOf),
    ];
    prop_oneof![
        2 => (0..KEYS, content()).prop_map(|(key, content)| Step::Begin(key, content)),
        3 => any::<prop::sample::Index>().prop_map(Step::Append),
        2 => any::<prop::sample::Index>().prop_map(Step::Commit),
        1 => any::<prop::sample::Index>().prop_map(Step::Abandon),
        4 => (0..KEYS, content()).prop_map(|(key, content)| Step::Store(key, content)),
        6 => (0..KEYS).prop_map(Step::Lookup),
        2 => (0..KEYS).prop_map(Step::Hold),
        2 => any::<prop::sample::Index>().prop_map(Step::ReadHeld),
        1 => (0..KEYS).prop_map(Step::Confirm),
        1 => (0..KEYS).prop_map(Step::Remove),
        3 => (0..KEYS, damage).prop_map(|(key, damage)| Step::Damage(key, damage)),
        1 => Just(Step::Reopen),
    ]
}

/// A download that the test makes piece by piece.
struct Download {
    staged: Staged,
    key: usize,
    content: Content,
    written: usize,
}

struct World {
    folder: tempfile::TempDir,
    cache: Option<Cache>,
    limit: u64,
    /// What was committed last under each key, and whether it has to be there still.
    model: HashMap<usize, (Content, bool)>,
    downloads: Vec<Download>,
    held: Vec<(usize, Content, Hit)>,
    /// Damaged files look as if they had been changed later than stored, by one second each.
    damages: u64,
}

impl World {
    async fn new(limit: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = Self {
            folder,
            cache: None,
            limit,
            model: HashMap::new(),
            downloads: Vec::new(),
            held: Vec::new(),
            damages: 0,
        };
        world.open().await;
        world
    }

    async fn open(&mut self) {
        let limits = Limits {
            max_bytes: self.limit,
            min_free_bytes: 0,
        };
        let cache = Cache::open(CacheFolder::new(self.folder.path()), limits).expect("a cache");
        // Counts, and ends.
        cache.clone().run(std::future::ready(())).await;
        self.cache = Some(cache);
    }

    fn cache(&self) -> &Cache {
        self.cache.as_ref().expect("open")
    }

    fn key(number: usize) -> CacheKey {
        CacheKey::new(&Arc::from("s3://bucket/"), &format!("g/{number}.jar"))
    }

    fn path(&self, number: usize) -> PathBuf {
        let objects = self.folder.path().join("v1/objects");
        objects.join(Self::key(number).id().relative_path())
    }

    /// With a generous limit nothing may be missing; with a small one, whatever was evicted.
    fn may_evict(&self) -> bool {
        self.limit < 10_000_000
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Begin(key, content) => self.begin(key, content).await,
            Step::Append(index) => self.append(index),
            Step::Commit(index) => self.commit(index),
            Step::Abandon(index) => {
                if !self.downloads.is_empty() {
                    let index = index.index(self.downloads.len());
                    drop(self.downloads.remove(index));
                }
            }
            Step::Store(key, content) => {
                let before = self.downloads.len();
                self.begin(key, content).await;
                if self.downloads.len() > before {
                    let download = self.downloads.pop().expect("just begun");
                    self.finish(download);
                }
            }
            Step::Lookup(key) => self.look_up(key).await,
            Step::Hold(key) => {
                if let (Some(hit), Some((content, _))) = (
                    self.cache().lookup(&Self::key(key)).await,
                    self.model.get(&key),
                ) {
                    self.held.push((key, *content, hit));
                }
            }
            Step::ReadHeld(index) => {
                if !self.held.is_empty() {
                    let index = index.index(self.held.len());
                    let (_, content, hit) = self.held.swap_remove(index);
                    read_and_compare(&hit, content);
                }
            }
            Step::Confirm(key) => self.cache().confirm(&Self::key(key)).await,
            Step::Remove(key) => {
                self.cache().remove(&Self::key(key)).await;
                self.model.remove(&key);
                assert!(self.cache().lookup(&Self::key(key)).await.is_none());
            }
            Step::Damage(key, damage) => self.damage(key, damage),
            Step::Reopen => {
                self.downloads.clear();
                self.held.clear();
                self.cache = None;
                self.open().await;
            }
        }
    }

    async fn begin(&mut self, key: usize, content: Content) {
        let (name, attributes) = (Self::key(key), content.attributes());
        match self.cache().stage(&name, &attributes).await {
            Ok(staged) => self.downloads.push(Download {
                staged,
                key,
                content,
                written: 0,
            }),
            Err(error) => assert!(self.may_evict(), "there is room: {error}"),
        }
    }

    fn append(&mut self, index: prop::sample::Index) {
        if self.downloads.is_empty() {
            return;
        }
        let which = index.index(self.downloads.len());
        let download = &mut self.downloads[which];
        let body = download.content.bytes();
        let left = body.len() - download.written;
        let piece = index.index(left + 1);
        let range = download.written..download.written + piece;
        download
            .staged
            .append(&body[range.clone()])
            .expect("written");
        download.written += piece;
        // One piece at a time.
        let reader = download.staged.reader();
        let (mut at, end) = (range.start, range.end);
        while at < end {
            let read = reader.read_at(at as u64, (end - at) as u64);
            let read = read.expect("written just now");
            assert!(!read.is_empty() && read == body[at..at + read.len()]);
            at += read.len();
        }
    }

    fn commit(&mut self, index: prop::sample::Index) {
        if !self.downloads.is_empty() {
            let download = self.downloads.remove(index.index(self.downloads.len()));
            self.finish(download);
        }
    }

    fn finish(&mut self, mut download: Download) {
        let body = download.content.bytes();
        // One byte too few is refused, and leaves what was there before.
        if download.content.seed.is_multiple_of(8) && download.written < body.len() {
            let short = &body[download.written..body.len() - 1];
            download.staged.append(short).expect("written");
            let refused = download.staged.commit(&download.content.verified());
            return assert!(refused.is_err(), "a short body was committed");
        }
        download
            .staged
            .append(&body[download.written..])
            .expect("written");
        let committed = download.staged.commit(&download.content.verified());
        committed.expect("committed");
        self.model.insert(download.key, (download.content, true));
    }

    async fn look_up(&mut self, number: usize) {
        let key = Self::key(number);
        let found = self.cache().lookup(&key).await;
        let Some((content, certain)) = self.model.get(&number).copied() else {
            return assert!(found.is_none(), "nothing was stored under {number}");
        };
        let Some(hit) = found else {
            let excused = !certain || self.may_evict();
            return assert!(excused, "{number} was lost");
        };
        assert_eq!(hit.metadata.attributes, content.attributes());
        if !read_and_compare(&hit, content) {
            assert!(!certain, "{number} is broken without a cause");
            if let HitBody::File(entry) = &hit.body {
                self.cache().remove_broken(&key, entry).await;
            }
            assert!(self.cache().lookup(&key).await.is_none());
        }
        if let HitBody::File(entry) = &hit.body {
            self.cache().note_verified(&key, entry);
        }
    }

    fn damage(&mut self, number: usize, damage: Damage) {
        let path = self.path(number);
        // An open file that is changed under its reader is not protected once it was verified.
        let being_read = self.held.iter().any(|(key, ..)| *key == number);
        if !path.is_file() || being_read {
            return;
        }
        let length = std::fs::metadata(&path).expect("a file").len();
        if length == 0 {
            // Nothing is left to damage.
            return;
        }
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path);
        let file = file.expect("a file");
        match damage {
            Damage::Flip(index) => {
                let at = index.index(usize::try_from(length).expect("small")) as u64;
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).expect("read");
                file.write_all_at(&[!byte[0]], at).expect("written");
            }
            Damage::Cut(index) => {
                let length = index.index(usize::try_from(length).expect("small")) as u64;
                file.set_len(length).expect("cut");
            }
            Damage::Garbage(bytes) => {
                file.set_len(0).expect("emptied");
                file.write_all_at(&bytes, 0).expect("written");
            }
            Damage::Folder => {
                std::fs::remove_file(&path).expect("removed");
                std::fs::create_dir(&path).expect("a folder");
            }
            Damage::CopyOf(other) => {
                // A larger one would take the folder over its limit behind the cache's back.
                let source = self.path(other);
                let fits = std::fs::metadata(&source).is_ok_and(|other| other.len() <= length);
                if other == number || !source.is_file() || !fits {
                    return;
                }
                std::fs::copy(source, &path).expect("copied");
            }
        }
        self.damages += 1;
        let later = Duration::from_secs(self.damages);
        // A file's time moves in steps of milliseconds, and these steps are faster.
        let _gone = std::fs::File::open(&path).map(|file| file.set_modified(now() + later));
        if let Some((_, certain)) = self.model.get_mut(&number) {
            *certain = false;
        }
    }

    fn assert_within_limit(&self) {
        let counted = self.cache().occupied_bytes();
        assert!(counted <= self.limit, "{counted} bytes are counted");
        let objects = occupied(&self.folder.path().join("v1/objects"));
        let running: u64 = self
            .downloads
            .iter()
            .map(|one| one.content.length as u64)
            .sum();
        let together = objects + running;
        assert!(together <= self.limit, "{together} bytes are occupied");
    }
}

/// Whether the body could be read; if so, it is right.
fn read_and_compare(hit: &Hit, content: Content) -> bool {
    let expected = content.bytes();
    match &hit.body {
        HitBody::Memory(body) => assert!(*body.body() == expected, "wrong bytes in memory"),
        HitBody::File(entry) => {
            let mut offset = 0;
            while offset < expected.len() {
                let Ok(bytes) = entry.read_at(offset as u64, offset as u64 + 70_001) else {
                    return false;
                };
                assert!(!bytes.is_empty(), "a short body");
                assert!(
                    bytes == expected[offset..offset + bytes.len()],
                    "wrong bytes"
                );
                offset += bytes.len();
            }
        }
    }
    true
}

fn occupied(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| {
        let status = entry.metadata().expect("there");
        if status.is_dir() {
            occupied(&entry.path())
        } else {
            status.blocks() * 512
        }
    });
    sizes.sum()
}

#[expect(clippy::disallowed_methods, reason = "file times are wall-clock times")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn play(limit: u64, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut world = World::new(limit).await;
        for step in steps {
            world.take(step).await;
            world.assert_within_limit();
        }
        for key in 0..KEYS {
            world.look_up(key).await;
        }
        world.downloads.clear();
        let staging = world.folder.path().join("v1/staging");
        let left = std::fs::read_dir(staging).expect("a folder").count();
        assert_eq!(left, 0, "files are left in staging");
    });
}

proptest! {
    #[test]
    fn no_order_of_events_makes_the_cache_give_a_wrong_byte_or_lose_one(
        steps in prop::collection::vec(step(), 1..50)
    ) {
        play(1 << 30, steps);
    }

    #[test]
    fn no_order_of_events_takes_the_cache_over_its_limit(
        steps in prop::collection::vec(step(), 1..50)
    ) {
        play(300_000, steps);
    }
}
