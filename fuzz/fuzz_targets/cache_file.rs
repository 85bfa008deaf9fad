//! Any file in an object's place is opened, read or refused; what is given away is verified, and
//! the object can be stored again afterwards.
//!
//! A checksum cannot be guessed: the first bytes choose between a file as it came and one whose
//! header was made right for whatever metadata it holds.
#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bazel_proxy::cache::format::{self, BlockTable, Metadata};
use bazel_proxy::cache::{Cache, CacheFolder, CacheKey, HitBody, Limits};
use bazel_proxy::checksum::{Checksums, Expected, Hasher};
use bazel_proxy::object::ObjectAttributes;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct World {
    runtime: Runtime,
    cache: Cache,
    folder: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits {
        max_bytes: 1 << 30,
        min_free_bytes: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    World {
        runtime: runtime.expect("a runtime"),
        cache: Cache::open(CacheFolder::new(folder.path()), limits).expect("a cache"),
        folder,
    }
});

fuzz_target!(|input: (u8, u64, &[u8])| {
    let (choice, length, bytes) = input;
    let world = &*WORLD;
    let key = CacheKey::new(&Arc::from("s3://bucket/"), "g/a-1.jar");
    let path = world.folder.path().join("v1/objects").join(key.id().relative_path());
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    std::fs::write(&path, file(choice, length, bytes)).expect("written");

    world.runtime.block_on(async {
        if let Some(hit) = world.cache.lookup(&key).await {
            assert_eq!((&*hit.metadata.repository, &*hit.metadata.key), ("s3://bucket/", "g/a-1.jar"));
            match &hit.body {
                HitBody::Memory(object) => {
                    assert_eq!(object.body().len() as u64, hit.metadata.attributes.length);
                }
                HitBody::File(entry) => read_all(entry),
            }
        }
        world.cache.remove(&key).await;
        assert!(!Path::new(&path).exists());
        store(world, &key, bytes).await;
    });
});

fn file(choice: u8, length: u64, bytes: &[u8]) -> Vec<u8> {
    if choice % 3 == 0 {
        return bytes.to_vec();
    }
    let length = if choice % 3 == 1 { bytes.len() as u64 } else { length };
    let mut file = format::encode_header(&metadata(length)).expect("a short header");
    let mut table = BlockTable::default();
    table.update(bytes);
    file.extend_from_slice(bytes);
    file.extend_from_slice(&table.finish());
    file
}

fn metadata(length: u64) -> Metadata {
    Metadata {
        repository: "s3://bucket/".to_owned(),
        key: "g/a-1.jar".to_owned(),
        attributes: attributes(length),
        checksums: Checksums::placeholder(),
        stored_at: 0,
    }
}

fn attributes(length: u64) -> ObjectAttributes {
    ObjectAttributes {
        length,
        etag: None,
        last_modified: None,
        content_type: None,
        content_encoding: None,
    }
}

fn read_all(entry: &bazel_proxy::cache::Entry) {
    let mut offset = 0;
    while offset < entry.length() {
        match entry.read_at(offset, 10_000) {
            Ok(bytes) => {
                assert!(!bytes.is_empty());
                offset += bytes.len() as u64;
            }
            Err(_) => return,
        }
    }
}

async fn store(world: &World, key: &CacheKey, bytes: &[u8]) {
    let length = bytes.len() as u64;
    let staged = world.cache.stage(key, &attributes(length)).await;
    let mut staged = staged.expect("there is room");
    staged.append(bytes).expect("written");
    let mut hasher = Hasher::new(Expected {
        length,
        checksums: Vec::new(),
    });
    hasher.update(bytes);
    let verified = hasher.finish().expect("as long as it says");
    staged.commit(&verified).expect("committed");
    assert!(world.cache.lookup(key).await.is_some());
}
