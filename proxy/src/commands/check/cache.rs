//! The cache's folder: can it be written, and is there room?

use program::report::Report;

use crate::cache::{Cache, CacheError, CacheFolder, Limits};
use crate::config::CacheConfig;

const STEP: &str = "cache";

pub(super) fn check(config: &CacheConfig, report: &mut Report) {
    let folder = CacheFolder::new(&config.folder);
    let limits = Limits {
        max_bytes: config.max_size_bytes,
        min_free_bytes: config.min_free_bytes,
    };
    let place = config.folder.display().to_string();
    match Cache::open(folder.clone(), limits) {
        Ok(_) => check_free_space(&folder, config.min_free_bytes, &place, report),
        Err(CacheError::InUse(_)) => {
            report.passed(STEP, &format!("{place}, in use by a running proxy"));
        }
        Err(error @ (CacheError::Io { .. } | CacheError::NoRoom { .. })) => report.failed(
            STEP,
            &error.to_string(),
            "Name a folder that you may write in CACHE_DIR.",
        ),
    }
}

fn check_free_space(folder: &CacheFolder, min_free_bytes: u64, place: &str, report: &mut Report) {
    let available = folder
        .disk_space()
        .map_or(u64::MAX, |(available, _)| available);
    if available < min_free_bytes {
        report.failed(
            STEP,
            &format!("{place} has {available} bytes free: nothing new will be cached"),
            "Free some space, or lower CACHE_MIN_FREE.",
        );
    } else {
        report.passed(STEP, &format!("{place}, {} MiB free", available >> 20));
    }
}
