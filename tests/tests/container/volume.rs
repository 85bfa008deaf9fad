//! A volume that somebody else fills.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::container::Container;

/// Full to its last byte until it is [freed](Self::free).
pub(crate) struct FullVolume {
    file: PathBuf,
}

impl FullVolume {
    pub(crate) async fn of(container: &Container) -> Self {
        let file = container.cache().await.join("somebody-elses");
        let path = file.clone();
        let filling = tokio::task::spawn_blocking(move || fill(&path));
        let bytes = filling.await.expect("no panic in it");
        assert!(bytes > 0, "there was no room to fill");
        Self { file }
    }

    pub(crate) fn free(self) {
        std::fs::remove_file(self.file).expect("removed");
    }
}

/// The bytes that it took.
fn fill(path: &Path) -> u64 {
    let mut file = File::create(path).expect("a file");
    let block = vec![0; 1 << 20];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&block[..4096]).is_ok() {}
    file.metadata().expect("its size").len()
}
